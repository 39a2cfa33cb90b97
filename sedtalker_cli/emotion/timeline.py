"""The emotion timeline: what the voice expresses at every 20 ms, and the segments that follow from it."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sedtalker_cli.clock import HOP, frame_count
from sedtalker_cli.emotion.decoding import decode_labels, runs_of
from sedtalker_cli.emotion.spans import Span, parse_spans, sorted_spans
from sedtalker_cli.errors import UsageError

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
FADE = 0.2  # s, cross-fade at the edges of an override
LOGGER = logging.getLogger("sedtalker")


@dataclass(frozen=True)
class Segment:
    """A stretch of one emotion.

    Attributes:
        onset: start in s.
        duration: length in s, > 0.
        emotion: class name.
        confidence: mean posterior of the class over the stretch.
        line: of the file that it was read from, 0 if of none; messages name it.
    """

    onset: float
    duration: float
    emotion: str
    confidence: float = 1.0
    line: int = field(default=0, compare=False, repr=False)

    @property
    def end(self) -> float:
        return self.onset + self.duration


@dataclass
class EmotionTimeline:
    """Emotion of one recording, frame by frame; frame k covers [k, k + 1) x 20 ms.

    Attributes:
        classes: C class names.
        posteriors: (T, C) float32, rows sum to 1.
        intensity: (T,) float32 in [0, 1].
        labels: (T,) int64, index into `classes`.
        duration: of the recording in s, T = ceil(duration / 0.02).
        speech: (T,) float32, probability that somebody speaks; 1 throughout where that is not known.
    """

    classes: tuple[str, ...]
    posteriors: np.ndarray
    intensity: np.ndarray
    labels: np.ndarray
    duration: float
    speech: np.ndarray | None = None

    def __post_init__(self):
        self.classes = tuple(self.classes)
        self.posteriors = np.asarray(self.posteriors, np.float32)
        self.intensity = np.asarray(self.intensity, np.float32)
        self.labels = np.asarray(self.labels, np.int64)
        frames = frame_count(self.duration)
        self.speech = np.ones(frames, np.float32) if self.speech is None else np.asarray(self.speech, np.float32)
        shapes = (self.posteriors.shape, self.intensity.shape, self.labels.shape, self.speech.shape)
        if shapes != ((frames, len(self.classes)), (frames,), (frames,), (frames,)):
            raise ValueError(
                f"{self.duration} s need {frames} frames of {len(self.classes)} classes, got shapes {shapes}"
            )
        if not (np.isfinite(self.posteriors).all() and np.isfinite(self.intensity).all()):
            raise ValueError("posteriors and intensity must be finite")

    @classmethod
    def from_posteriors(
        cls,
        classes: Sequence[str],
        posteriors: np.ndarray,
        intensity: np.ndarray,
        duration: float,
        *,
        speech: np.ndarray | None = None,
        min_duration: float = 0.0,
        switch_cost: float = 0.0,
    ) -> "EmotionTimeline":
        """Decode labels from posteriors (see `emotion.decoding.decode_labels`).

        Args:
            classes: C names.
            posteriors: (T, C).
            intensity: (T,).
            duration: of the recording in s.
            speech: (T,) probability that somebody speaks, if it is known.
            min_duration: shortest segment in s.
            switch_cost: cost of a change of emotion in nats.
        """
        posteriors = np.asarray(posteriors, np.float32)
        labels = decode_labels(posteriors, int(np.ceil(min_duration / HOP - 1e-6)), switch_cost)
        return cls(tuple(classes), posteriors, intensity, labels, duration, speech)

    @classmethod
    def from_segments(
        cls,
        segments: Sequence[Segment],
        classes: Sequence[str],
        duration: float,
        intensity: float | np.ndarray = 1.0,
    ) -> "EmotionTimeline":
        """One-hot posteriors from segments; a frame belongs to the segment that holds its centre.

        Args:
            segments: need not be sorted; time that none covers is neutral (without such a class: the first).
            classes: C names.
            duration: of the recording in s.
            intensity: one value, or (T,) values.

        Raises:
            ValueError: a segment's emotion is not among the classes.
        """
        classes = tuple(classes)
        frames = frame_count(duration)
        labels = np.full(frames, classes.index("neutral") if "neutral" in classes else 0, np.int64)
        for segment in segments:
            start, stop = _frame_range(segment.onset, segment.end, duration)
            labels[start:stop] = classes.index(segment.emotion)
        posteriors = np.eye(len(classes), dtype=np.float32)[labels]
        return cls(classes, posteriors, np.broadcast_to(np.float32(intensity), frames).copy(), labels, duration)

    def segments(self) -> list[Segment]:
        """Segments that tile [0, duration] without gap or overlap."""
        found = []
        for start, stop, label in runs_of(self.labels):
            onset, end = start * HOP, min(stop * HOP, self.duration)
            confidence = float(self.posteriors[start:stop, label].mean(dtype=np.float64))
            found.append(Segment(onset, end - onset, self.classes[label], confidence))
        return found

    def gain(self, factor: float) -> "EmotionTimeline":
        """Scale the intensity, kept within [0, 1].

        Raises:
            UsageError: the factor is negative or not finite.
        """
        check_gain(factor)
        return replace(self, intensity=np.clip(self.intensity * np.float32(factor), 0, 1))

    def sample(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Linear interpolation between frame centres (k + 0.5) x 20 ms, held at both ends.

        Args:
            times: (N,) in s.

        Returns:
            posteriors (N, C) and intensity (N,), float32.
        """
        last = len(self.labels) - 1
        place = np.clip(np.asarray(times, np.float64) / HOP - 0.5, 0, last)
        left = np.minimum(place.astype(np.int64), max(last - 1, 0))
        right = np.minimum(left + 1, last)
        weight = (place - left).astype(np.float32)
        mix = weight[:, None]
        posteriors = (1 - mix) * self.posteriors[left] + mix * self.posteriors[right]
        return posteriors, (1 - weight) * self.intensity[left] + weight * self.intensity[right]

    def override(self, spec: "str | Sequence[Span] | EmotionTimeline") -> "EmotionTimeline":
        """Replace what was detected by what a person wants; the rest stays.

        Args:
            spec: text such as `happy`, `happy:0.8` or `0-2.5=angry:0.9,2.5-=sad:0.4`; or spans or a timeline,
                as `formats.overrides.parse_override` makes them from text or a file.

        Returns:
            A new timeline. A span is a one-hot row, cross-faded over 0.2 s (centred on its edges) with what
            lies beside; another timeline replaces posteriors, intensity and labels as far as it reaches.

        Raises:
            UsageError: what the spec cannot mean here, e.g. an unknown emotion or a start beyond the end.
        """
        if isinstance(spec, EmotionTimeline):
            return self._overlay(spec)
        return self._impose(parse_spans(spec, self.classes) if isinstance(spec, str) else sorted_spans(spec))

    def _impose(self, spans: Sequence[Span]) -> "EmotionTimeline":
        self._check_classes({span.emotion for span in spans})
        spans = self._begun(spans)
        for span in spans:
            if np.isfinite(span.end) and span.end > self.duration + HOP:
                LOGGER.warning("emotion override %s: cut at the end of the recording (%.3f s)", span, self.duration)
        frames = len(self.labels)
        centres = (np.arange(frames) + 0.5) * HOP
        # All spans share one fade: weights of neighbours sum to 1, and every span reaches 1 in its middle.
        half = min([FADE, *(span.end - span.start for span in spans)]) / 2
        posteriors, intensity = np.zeros_like(self.posteriors), np.zeros_like(self.intensity)
        covered, labels = np.zeros(frames), self.labels.copy()
        for span in spans:
            label = self.classes.index(span.emotion)
            start = -np.inf if span.start <= 0 else span.start
            end = np.inf if span.end >= self.duration - HOP / 2 else span.end
            weight = (np.clip(centres + half, start, end) - np.clip(centres - half, start, end)) / (2 * half)
            posteriors[:, label] += weight
            intensity += weight * span.intensity
            covered += weight
            first, stop = _frame_range(span.start, span.end, self.duration)
            labels[first:stop] = label
        rest = np.clip(np.round(1 - covered, 9), 0, 1)
        return replace(
            self,
            posteriors=posteriors + rest[:, None] * self.posteriors,
            intensity=intensity + rest * self.intensity,
            labels=labels,
        )

    def _begun(self, spans: "Sequence[Span]") -> "list[Span]":
        """Spans that start before the end; others are an error, or left out if they are lines of a file with better
        ones, as one file may be for recordings of several lengths."""
        begun = [span for span in spans if span.start < self.duration]
        for span in spans:
            if span.start >= self.duration:
                said = f"{span}: starts beyond the end of the recording ({self.duration:.3f} s)"
                if not (span.where and begun):
                    raise UsageError(f"emotion override {said}")
                LOGGER.warning("%s: emotion override %s: left out", span.where, said)
        return begun

    def _overlay(self, other: "EmotionTimeline") -> "EmotionTimeline":
        self._check_classes(other.classes)
        frames = min(len(self.labels), len(other.labels))
        if len(other.labels) > len(self.labels) + 1:
            LOGGER.warning(
                "emotion override lasts %.2f s: cut at the end of the recording (%.3f s)",
                other.duration,
                self.duration,
            )
        place = np.array([self.classes.index(name) for name in other.classes])
        posteriors = np.zeros_like(self.posteriors)
        posteriors[:frames, place] = other.posteriors[:frames]
        # Before its last row the other fades into what was detected, unless it ends with the recording.
        ends_early = frames < len(self.labels) - 1
        ramp = (
            (frames * HOP - (np.arange(len(self.labels)) + 0.5) * HOP) / FADE
            if ends_early
            else np.ones(len(self.labels))
        )
        weight = np.clip(ramp, 0, 1).astype(np.float32)
        intensity, labels = np.zeros_like(self.intensity), self.labels.copy()
        intensity[:frames], labels[:frames] = other.intensity[:frames], place[other.labels[:frames]]
        if not ends_early and frames < len(self.labels):
            posteriors[-1], intensity[-1], labels[-1] = posteriors[-2], intensity[-2], labels[-2]
        return replace(
            self,
            posteriors=weight[:, None] * posteriors + (1 - weight)[:, None] * self.posteriors,
            intensity=weight * intensity + (1 - weight) * self.intensity,
            labels=labels,
        )

    def _check_classes(self, names: Iterable[str]) -> None:
        unknown = sorted(set(names) - set(self.classes))
        if unknown:
            raise UsageError(
                f"emotion override: unknown emotion {', '.join(map(repr, unknown))}; "
                f"valid emotions: {', '.join(self.classes)}"
            )


def check_gain(factor: float) -> None:
    """Raise a `UsageError` for a gain that is negative or not finite."""
    if not (np.isfinite(factor) and factor >= 0):
        raise UsageError(f"emotion gain {factor}: must be a number >= 0 (1 keeps the intensity, 0 removes it)")


def _frame_range(start: float, end: float, duration: float) -> tuple[int, int]:
    """Frames whose centre lies in [start, end); what reaches the end, but for half a frame, has the last frame too."""
    frames = frame_count(duration)
    first = int(np.clip(np.ceil(round(start / HOP - 0.5, 6)), 0, frames))
    if end >= duration - HOP / 2:
        return first, frames
    return first, max(first, int(np.clip(np.ceil(round(end / HOP - 0.5, 6)), 0, frames)))
