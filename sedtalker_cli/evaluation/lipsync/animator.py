"""An animator on captured recordings, next to two simple baselines: a loudness envelope and a ridge regression."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.data.captures import UNSEEN, Capture
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.lipsync.expression import ExpressionScores, score_expressions
from sedtalker_cli.evaluation.lipsync.tracks import animate, captured_track, motion_track, own_style
from sedtalker_cli.evaluation.lipsync.voices import by_kind, frame_rate_ratio, score_speakers, speech_of
from sedtalker_cli.evaluation.metrics.closures import score_closures
from sedtalker_cli.evaluation.metrics.lipsync import Track, score_tracks, spoken_frames
from sedtalker_cli.evaluation.report.tables import without_nan
from sedtalker_cli.face.head import Head
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.layers.mel import LogMel
from sedtalker_cli.progress import Progress, silent

CAPTURED = "the capture itself"
RIDGE_OFFSETS = range(-10, 11, 2)  # feature frames of 20 ms, 11 of them within 0.2 s to either side
Scores = dict[str, float]


@dataclass
class LipsyncReport:
    """Mouth motion against captures.

    Attributes:
        split: part of the captures.
        scores: source -> row (a model, a baseline, predictions) -> scores, see `metrics.lipsync.score_tracks`.
        recordings: source -> recording -> scores of the first row.
        expressions: source -> scores of a model's expressions; empty for predictions.
        voices: source and kind of recording -> row -> scores over speakers, see `voices.score_speakers`.
        notes: what a reader should know, e.g. recordings without a prediction.
    """

    split: str
    scores: dict[str, dict[str, Scores]]
    recordings: dict[str, dict[str, Scores]]
    expressions: dict[str, ExpressionScores] = field(default_factory=dict)
    voices: dict[str, dict[str, Scores]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings and None, ready for JSON."""
        return without_nan(
            {
                "split": self.split,
                "notes": self.notes,
                "scores": self.scores,
                "expressions": {source: scores.to_dict() for source, scores in self.expressions.items()},
                "voices": self.voices,
                "recordings": self.recordings,
            }
        )


def animated_tracks(
    animator: Animator, captures: Sequence[Capture], features: Sequence[torch.Tensor], head: Head, styled: bool = True
) -> list[Track]:
    """What the animator makes of recordings, in neutral.

    Args:
        animator: the model.
        captures: recordings with motion.
        features: encoder features of each.
        head: whose lips are measured.
        styled: use each capture's own speaking style where the animator has it, not the default one.
    """
    return [
        motion_track(animate(animator, f, c, style=own_style(animator, c) if styled else None), c, head)
        for c, f in zip(captures, features, strict=True)
    ]


def score_animator(
    animator: Animator, captures: Sequence[Capture], features: Sequence[torch.Tensor], head: Head, styled: bool = True
) -> Scores:
    """Scores on captures of one frame rate (see `metrics.lipsync.score_tracks`); arguments as `animated_tracks`."""
    found = animated_tracks(animator, captures, features, head, styled)
    return score_tracks([captured_track(c) for c in captures], found)


def score_mouths(truth: Sequence[Track], found: Sequence[Track]) -> Scores:
    """All scores of one speaker's recordings, with those of closures where lips were captured."""
    scores = score_tracks(truth, found)
    if not all("lip_gap" in track.channels for track in truth):
        return scores
    masks = []
    for track in truth:
        mask = np.zeros(len(track.channels["lip_gap"]), bool)
        mask[spoken_frames(track)] = True
        masks.append(mask)
    return scores | score_closures(truth, found, masks)


def relative_scores(scores: Scores) -> Scores:
    """Correlations and lags alone: a track in dB neither closes lips nor trembles."""
    kept = ("_r", "_r_q1", "_r_q3")
    return {name: value for name, value in scores.items() if name.endswith(kept) or name.startswith("lag_")}


def score_each(captures: Sequence[Capture], found: Sequence[Track]) -> dict[str, Scores]:
    """Recording -> its own scores."""
    return {c.name: score_tracks([captured_track(c)], [track]) for c, track in zip(captures, found, strict=True)}


def loudness_envelope(waveform: np.ndarray, capture: Capture) -> Track:
    """The baseline of loudness alone: log energy of 40 ms, smoothed over 0.1 s, as every channel."""
    frames = len(capture.weights)
    centres = (np.arange(frames) / capture.fps * 16_000).astype(int)
    padded = np.pad(waveform.astype(np.float64) ** 2, (800, 800 + max(0, centres[-1] + 1 - len(waveform))))
    energy = np.array([padded[c : c + 1600].mean() for c in centres])
    level = np.maximum(10 * np.log10(energy + 1e-8), -60)
    return Track({name: level for name in captured_track(capture).channels}, capture.fps)


class Ridge:
    """Linear regression with a penalty from 11 log-mel frames within 0.2 s to every captured channel.

    Args:
        captures: training recordings of one source.
        load: waveform of a capture.
        penalty: on standardised features.
    """

    def __init__(self, captures: Sequence[Capture], load: Callable[[Capture], np.ndarray], penalty: float = 300.0):
        self.mel = LogMel()
        self.names = tuple(captured_track(captures[0]).channels)
        inputs = np.concatenate([self.inputs(load(c), c) for c in captures])
        targets = np.concatenate([np.stack(list(captured_track(c).channels.values()), 1) for c in captures])
        self.mean, self.std = inputs.mean(0), inputs.std(0) + 1e-3
        x = (inputs - self.mean) / self.std
        self.bias = targets.mean(0)
        self.weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (targets - self.bias))

    def inputs(self, waveform: np.ndarray, capture: Capture) -> np.ndarray:
        """(T, 11 x 40) log-mel frames around each motion frame, mel bands averaged in pairs."""
        padded = torch.from_numpy(np.pad(waveform, (0, -len(waveform) % 320 + 320)))[None]
        mel = self.mel(padded)[0].unflatten(0, (40, 2)).mean(1).unflatten(1, (-1, 2)).mean(-1).T.numpy()
        frames = np.round(np.arange(len(capture.weights)) / capture.fps * 50 - 0.5).astype(int)
        index = np.clip(frames[:, None] + np.array(RIDGE_OFFSETS), 0, len(mel) - 1)
        return mel[index].reshape(len(frames), -1).astype(np.float64)

    def __call__(self, waveform: np.ndarray, capture: Capture) -> Track:
        """Predicted channels of a recording."""
        found = (self.inputs(waveform, capture) - self.mean) / self.std @ self.weights + self.bias
        return Track(dict(zip(self.names, found.T, strict=True)), capture.fps)


def evaluate_lipsync(
    encoder: SpeechEncoder,
    animator: Animator,
    captures: Sequence[Capture],
    split: str,
    head: Head,
    progress: Progress = silent,
) -> LipsyncReport:
    """An animator on one split of captures, beside the baselines and the capture itself.

    Args:
        encoder, animator: the models; each source is animated in its own style and in the default one.
        captures: of any sources; the ridge learns from the training split of each, where there is one.
        split: part to score.
        head: whose lips are measured.
        progress: called as (stage, done, total).

    Raises:
        InputError: no recording in the split.
    """
    report = LipsyncReport(split, {}, {})
    voices = [c for c in captures if c.split == UNSEEN]
    captures = [c for c in captures if c.split != UNSEEN]
    if voices:
        report.voices = evaluate_voices(encoder, animator, voices, captures, head, progress)
    for source, chosen in by_source(captures, split).items() if captures else ():
        training = [c for c in captures if c.source == source and c.split == "train"]
        sounds = [load_audio(c.audio) for c in chosen]
        features = []
        for number, sound in enumerate(sounds, start=1):
            features.append(encoder.encode([sound]))
            progress(f"{source}: encoding", number, len(sounds))
        truth = [captured_track(c) for c in chosen]
        found = animated_tracks(animator, chosen, features, head)
        envelopes = [loudness_envelope(s, c) for s, c in zip(sounds, chosen, strict=True)]
        rows = {
            "animator": score_mouths(truth, found),
            "animator, default style": score_mouths(truth, animated_tracks(animator, chosen, features, head, False)),
            "loudness envelope": relative_scores(score_tracks(truth, envelopes)),
        }
        if training:
            ridge = Ridge(training, lambda c: load_audio(c.audio))
            rows["linear ridge"] = score_mouths(truth, [ridge(s, c) for s, c in zip(sounds, chosen, strict=True)])
        report.scores[source] = rows | {CAPTURED: score_mouths(truth, truth)}
        report.recordings[source] = score_each(chosen, found)
        report.expressions[source] = score_expressions(
            animator,
            chosen,
            features,
            head,
            progress,
        )
    return report


def evaluate_voices(
    encoder: SpeechEncoder,
    animator: Animator,
    voices: Sequence[Capture],
    captures: Sequence[Capture],
    head: Head,
    progress: Progress = silent,
) -> dict[str, dict[str, Scores]]:
    """Kind of recording -> row -> scores of voices that nothing is trained on; the ridge knows the other captures."""
    training = [c for c in captures if c.split == "train" and c.gap is not None]
    ridge = Ridge(training, lambda c: load_audio(c.audio)) if training else None
    found = {}
    for kind, numbers in by_kind(voices).items():
        chosen = [voices[k] for k in numbers]
        sounds = [load_audio(c.audio) for c in chosen]
        features = []
        for number, sound in enumerate(sounds, start=1):
            features.append(encoder.encode([sound]))
            progress(f"{kind}: encoding", number, len(sounds))
        envelopes = [loudness_envelope(s, c) for s, c in zip(sounds, chosen, strict=True)]
        loud = [speech_of(track.channels["lip_gap"], c) for track, c in zip(envelopes, chosen, strict=True)]
        rows = {"animator": score_speakers(chosen, animated_tracks(animator, chosen, features, head), loud)}
        rows["animator"]["jitter_60_to_25"] = frame_rate_ratio(animator, chosen, features)
        rows["loudness envelope"] = relative_scores(score_speakers(chosen, envelopes, loud))
        if ridge:
            guesses = [ridge(s, c) for s, c in zip(sounds, chosen, strict=True)]
            rows["linear ridge"] = score_speakers(chosen, guesses, loud)
        found[kind] = rows
    return found


def by_source(captures: Sequence[Capture], split: str) -> dict[str, list[Capture]]:
    """Source -> its recordings of a split.

    Raises:
        InputError: there are none at all.
    """
    chosen: dict[str, list[Capture]] = {}
    for capture in captures:
        if capture.split == split:
            chosen.setdefault(capture.source, []).append(capture)
    if not chosen:
        known = ", ".join(sorted({c.split for c in captures}))
        raise InputError(f"the {split} split holds no captured recording; choose --split from {known}")
    return dict(sorted(chosen.items()))
