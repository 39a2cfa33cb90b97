"""One recording through the whole way: sound, encoder, emotion timeline, face motion. The one Python API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.audio.levelling import level_gain
from sedtalker_cli.audio.loudness import LevelMeter
from sedtalker_cli.audio.muting import keep_spans
from sedtalker_cli.audio.pitch import PitchMeter
from sedtalker_cli.audio.recording import Recording
from sedtalker_cli.clock import frame_count
from sedtalker_cli.emotion.silence import voiced_frames
from sedtalker_cli.emotion.speakers import SpeakerFrames, SpeakerTurn, rest_of_others
from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.heads import cached_head
from sedtalker_cli.formats.overrides import parse_override
from sedtalker_cli.model.device import choose_device
from sedtalker_cli.model.diarization import Diarization
from sedtalker_cli.model.memory import give_back
from sedtalker_cli.model.options import ModelOptions
from sedtalker_cli.model.weights import ANIMATOR, DIARIZER, weights_dir
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.motion.options import AnimateOptions
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.version import __version__

if TYPE_CHECKING:
    from sedtalker_cli.model.animators import AnyAnimator
    from sedtalker_cli.model.checkpoint import Source
    from sedtalker_cli.model.diarizer import Voice
    from sedtalker_cli.model.diarizers import AnyDiarizer
    from sedtalker_cli.model.encoder import SpeechEncoder
    from sedtalker_cli.model.features import Features

LONG = 60.0  # s; a recording of this length tells enough of its speaker to be judged by their own measure


class Pipeline:
    """The models, loaded once; encoder features are computed once a file and feed both of them.

    Attributes:
        device: `cpu` or `cuda`.
        encoder, diarizer: loaded models; the encoder is what the diarizer hears with.
        animator: loaded when it is first used.
    """

    def __init__(
        self,
        encoder: SpeechEncoder,
        diarizer: AnyDiarizer,
        load_animator: Callable[[], AnyAnimator],
        device: str,
        animator_encoder: str | os.PathLike[str] | None = None,
        load_encoder: Callable[[], SpeechEncoder] | None = None,
        precision: str = "fp32",
    ):
        self.encoder, self.diarizer, self.device = encoder, diarizer, device
        self._load_animator, self._animator_encoder = load_animator, animator_encoder
        self._load_encoder, self._precision = load_encoder, precision

    @classmethod
    def load(cls, options: ModelOptions | None = None, **changes: Any) -> Pipeline:
        """Load the bundled models, or others.

        Args:
            options: which; None takes those that come with the package.
            **changes: fields of `ModelOptions` by name, e.g. `device="cpu"`.

        Raises:
            UsageError: no such device, or weights that cannot be found.
            InputError: a checkpoint is damaged or of another kind.
        """
        options = replace(options or ModelOptions(), **changes)
        device = choose_device(options.device)
        from sedtalker_cli.model.diarizers import load_diarizer
        from sedtalker_cli.model.encoder import SpeechEncoder
        from sedtalker_cli.model.layers.kernels import choose_scan

        choose_scan(options.scan_backend, device)

        def load_encoder() -> SpeechEncoder:
            return SpeechEncoder.load(options.encoder or weights_dir("encoder"), device)

        def animator() -> AnyAnimator:
            from sedtalker_cli.model.animators import load_animator  # what `diarize` does not need

            return load_animator(options.animator or weights_dir(ANIMATOR), device)

        diarizer = load_diarizer(options.diarizer or weights_dir(DIARIZER), device)
        encoder = diarizer.encoder or load_encoder()
        encoder.compute_in(options.precision)
        give_back()  # what the weights were read through, and PyTorch's copy where another library runs the encoder
        return cls(
            encoder,
            diarizer,
            animator,
            device,
            options.animator_encoder,
            load_encoder,
            options.precision,
        )

    version = __version__

    @cached_property
    def animator(self) -> AnyAnimator:
        """The animator, loaded when it is first used."""
        return self._load_animator()

    @cached_property
    def animator_encoder(self) -> SpeechEncoder:
        """The encoder that the animator listens with: the diarizer's, if it was trained with it, or its own."""
        from sedtalker_cli.model.vertex_encoder import encoder_for

        if self.animator.encoder is None:
            if self.diarizer.encoder is None or self._load_encoder is None:
                return self.encoder
            own = self._load_encoder()
        else:
            wanted = self.animator.encoder["sha256"]
            if self._animator_encoder is None and wanted and wanted == self.encoder.sha256:
                return self.encoder
            own = encoder_for(self.animator, self._animator_encoder)
        own.compute_in(self._precision)
        return own

    @property
    def classes(self) -> tuple[str, ...]:
        """Emotions that the diarizer knows."""
        return tuple(self.diarizer.classes)

    def models(self, animate: bool) -> dict[str, str]:
        """Checksums of the models that take part, for sidecars and ledgers."""
        used: dict[str, Source] = {"encoder": self.encoder, "diarizer": self.diarizer}
        if animate:
            used["animator"] = self.animator
            if self.animator_encoder is not self.encoder:
                used["animator_encoder"] = self.animator_encoder
        from sedtalker_cli.model.checkpoint import fingerprint

        return {name: fingerprint(model) for name, model in used.items()}

    def listen(self, path: str | os.PathLike[str]) -> Voice:
        """What a recording tells of its speaker; the voices of several recordings add up.

        Args:
            path: sound file.

        Raises:
            InputError: the sound cannot be used.
        """
        return self.diarizer.voice(self._encode(Recording(path)))

    def diarize(
        self,
        path: str | os.PathLike[str],
        progress: Progress = silent,
        voice: Voice | None = None,
        turns: Sequence[SpeakerTurn] | None = None,
        speaker: str | None = None,
    ) -> Diarization:
        """Emotion of every 20 ms of a recording.

        Args:
            path: sound file.
            progress: called as (stage, done, total).
            voice: what is known of its speaker, to judge them by their own measure; None judges a recording of a minute
                or more by what it tells itself, shorter ones by the measure of all.
            turns: who speaks when; every speaker is then judged by their own measure.
            speaker: the one whose turns are heard, the rest is silence; None hears all.

        Raises:
            InputError: the sound cannot be used, or that speaker is not there.
            UsageError: a speaker is named, but not who speaks when.
        """
        return self._diarize(path, progress, voice, turns, speaker)

    def _diarize(
        self,
        path: str | os.PathLike[str],
        progress: Progress,
        voice: Voice | None,
        turns: Sequence[SpeakerTurn] | None,
        speaker: str | None,
        meters: Sequence[Callable[[np.ndarray], None]] = (),
    ) -> Diarization:
        """As `diarize`; the meters are given what is heard, in blocks."""
        if speaker is not None and turns is None:
            raise UsageError(f"speaker {speaker}: give turns, too, which say who speaks when")
        progress("reading", 0, 1)
        recording = Recording(path)
        duration = recording.duration
        features = self._encode(recording, progress, spans_of(turns, speaker), meters)
        if duration >= LONG:
            give_back()  # what threads of the encoder used
        progress("diarizing", 0, 1)
        speakers = None if turns is None else SpeakerFrames.from_turns(turns, duration, speaker)
        if voice is None and turns is None and self.diarizer.adapts and duration >= LONG:
            voice = self.diarizer.voice(features)
        posteriors, intensity = self.diarizer.predict(features, voice)
        if speakers is not None and self.diarizer.adapts:
            self._adapt(features, speakers, speaker, posteriors, intensity)
        speech = self.diarizer.speech(features)
        timeline = EmotionTimeline.from_posteriors(
            self.classes, posteriors, intensity, duration, speech=speech, **self.diarizer.decoding
        )
        if speaker is not None and speakers is not None:
            timeline = rest_of_others(timeline, speakers.of(speaker))
        adapted = voice is not None or speakers is not None
        return Diarization(timeline, features, recording, speakers=speakers, adapted=adapted)

    def _adapt(
        self,
        features: Features,
        speakers: SpeakerFrames,
        speaker: str | None,
        posteriors: np.ndarray,
        intensity: np.ndarray,
    ) -> None:
        """Replace the answers in the frames of each speaker, or of one, by those for that speaker's voice."""
        for name in speakers.names if speaker is None else (speaker,):
            frames = speakers.of(name)
            if frames.any():
                own = self.diarizer.predict(features, self.diarizer.voice(features[:][frames]))
                posteriors[frames], intensity[frames] = own[0][frames], own[1][frames]

    def _encode(
        self,
        recording: Recording,
        progress: Progress = silent,
        spans: Sequence[tuple[float, float]] | None = None,
        meters: Sequence[Callable[[np.ndarray], None]] = (),
    ) -> Features:
        """Encoder features (T50, L, D) of a recording.

        Args:
            recording: decoded.
            progress: called as (stage, done, total).
            spans: (start, end) in s outside of which it is silence; None hears all.
            meters: are given every block of samples, too, so that it is decoded once.
        """

        def measured() -> Iterator[np.ndarray]:
            for block in heard(recording, spans):
                for meter in meters:
                    meter(block)
                yield block

        return self.encoder.store(measured(), progress, frame_count(recording.duration))

    def animate(
        self,
        path: str | os.PathLike[str],
        options: AnimateOptions | None = None,
        *,
        progress: Progress = silent,
        voice: Voice | None = None,
        turns: Sequence[SpeakerTurn] | None = None,
        speaker: str | None = None,
        **changes: Any,
    ) -> Motion:
        """Motion of a face that says what is heard.

        Args:
            path: sound file.
            options: how; None takes the defaults.
            progress: called as (stage, done, total).
            voice, turns: as `diarize` takes them.
            speaker: whose face it is; it rests while others talk. None speaks for all.
            **changes: fields of `AnimateOptions` by name, e.g. `emotion_override="happy", fps=60`.

        Raises:
            InputError: the sound cannot be used.
            UsageError: an option is invalid.
        """
        from sedtalker_cli.motion.animators import ANIMATORS

        options = replace(options or AnimateOptions(), **changes)
        kind = ANIMATORS[self.animator.kind]
        head = cached_head(options.identity, Path(options.head) if options.head else None)
        kind.check(self.animator, head, options)
        level, pitch = LevelMeter(), PitchMeter()
        found = self._diarize(path, progress, voice, turns, speaker, (level, pitch))
        loudness = level.loudness()
        found = replace(found, loudness=loudness, pitch=pitch.semitones(len(loudness)))
        timeline = found.timeline
        if options.emotion_override is not None:
            timeline = timeline.override(parse_override(options.emotion_override, self.classes, Path(path).stem))
        timeline = timeline.gain(options.emotion_gain)
        progress("moving", 0, 1)
        found = self._to_animate(found, spans_of(turns, speaker))
        motion = kind.animate(self.animator, replace(found, timeline=timeline), head, options)
        metadata = {
            **motion.metadata,
            "adapted": found.adapted,
            "notes": found.notes,
            **{name: value for name, value in asdict(options).items() if name in kind.options},
            "models": self.models(animate=True),
            "precision": self.encoder.precision,
        }
        if speaker is not None:
            metadata["speaker"] = speaker
        return replace(motion, audio=Path(path), metadata=metadata)

    def _to_animate(self, found: Diarization, spans: Sequence[tuple[float, float]] | None) -> Diarization:
        """The same with features for the animator; where there is nothing like speech, of silence: the face rests."""
        blocks = heard(found.recording, spans)
        speech = found.timeline.speech  # unknown where the model does not give it
        if speech is not None and not voiced_frames(speech).any():
            features = self.animator_encoder.store(np.zeros_like(block) for block in blocks)
            nothing = np.zeros_like(found.loudness)
            return replace(found, features=features, loudness=nothing, pitch=np.full_like(found.pitch, np.nan))
        if self.animator_encoder is self.encoder:
            return found
        return replace(found, features=self.animator_encoder.store(blocks))


def spans_of(turns: Sequence[SpeakerTurn] | None, speaker: str | None) -> list[tuple[float, float]] | None:
    """(start, end) in s of a speaker's turns; None where no speaker is named.

    Raises:
        InputError: that speaker has no turn.
    """
    if speaker is None:
        return None
    spans = [(turn.onset, turn.end) for turn in turns or () if turn.speaker == speaker]
    if not spans:
        known = ", ".join(sorted({turn.speaker for turn in turns or ()})) or "nobody"
        raise InputError(f"no turn of speaker {speaker!r}; who speaks: {known}")
    return spans


def heard(recording: Recording, spans: Sequence[tuple[float, float]] | None) -> Iterator[np.ndarray]:
    """Blocks of a recording at the level that models hear at, silent outside the spans if there are any."""
    gain = np.float32(level_gain(recording.facts.level))
    blocks = (block * gain for block in recording.blocks())
    return blocks if spans is None else keep_spans(blocks, spans)
