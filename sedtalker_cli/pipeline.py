"""One recording through the whole way: sound, encoder, emotion timeline, face motion. The one Python API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.audio.loudness import LevelMeter
from sedtalker_cli.audio.reading import header_duration, stream_audio
from sedtalker_cli.clock import HOP, SAMPLE_RATE
from sedtalker_cli.emotion.timeline import EmotionTimeline, check_gain
from sedtalker_cli.errors import UsageError
from sedtalker_cli.face.heads import cached_head
from sedtalker_cli.formats.overrides import parse_override
from sedtalker_cli.model.device import choose_device
from sedtalker_cli.model.weights import checkpoint_type, weights_dir
from sedtalker_cli.motion.animation import Animation
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.version import __version__

if TYPE_CHECKING:
    from sedtalker_cli.model.diarizer import Voice

FRAME_RATES = (25, 30, 50, 60)
MAX_SMOOTH = 1.0  # s; wider than a syllable there is no speech left


@dataclass(frozen=True)
class Diarization:
    """What `Pipeline.diarize` finds out.

    Attributes:
        timeline: emotion, intensity and labels every 20 ms.
        features: (T50, L, D) encoder features for the animator, read slice by slice (see `FeatureStore`).
        duration: of the recording in s.
        loudness: (T50,) of the recording, 0 to 1.
    """

    timeline: EmotionTimeline
    features: Any = field(repr=False)
    duration: float
    loudness: np.ndarray = field(repr=False)


class Pipeline:
    """The models, loaded once; encoder features are computed once a file and feed both of them.

    Attributes:
        device: `cpu` or `cuda`.
        encoder, diarizer: loaded models; `animator` is loaded when first used.
    """

    def __init__(
        self,
        encoder: Any,
        diarizer: Any,
        load_animator: Callable[[], Any],
        device: str,
        animator_encoder: str | os.PathLike | None = None,
    ):
        self.encoder, self.diarizer, self.device = encoder, diarizer, device
        self._load_animator, self._animator_encoder = load_animator, animator_encoder

    @classmethod
    def load(
        cls,
        device: str = "auto",
        encoder: str | os.PathLike | None = None,
        diarizer: str | os.PathLike | None = None,
        animator: str | os.PathLike | None = None,
        animator_encoder: str | os.PathLike | None = None,
    ) -> Pipeline:
        """Load the bundled models, or others.

        Args:
            device: `auto`, `cpu` or `cuda`.
            encoder: Hugging Face id or folder.
            diarizer: checkpoint folder.
            animator: checkpoint folder, also of a vertex animator.
            animator_encoder: Hugging Face id or folder of a vertex animator's own encoder.

        Raises:
            UsageError: no such device, or weights that cannot be found.
            InputError: a checkpoint is damaged or of another kind.
        """
        device = choose_device(device)
        from sedtalker_cli.model.diarizer import Diarizer
        from sedtalker_cli.model.encoder import SpeechEncoder

        def load_animator() -> Any:
            from sedtalker_cli.model.animator import Animator
            from sedtalker_cli.model.vertex_animator import KIND, VertexAnimator

            kind = VertexAnimator if animator and checkpoint_type(animator) == KIND else Animator
            return kind.load(animator or weights_dir("animator"), device)

        return cls(
            SpeechEncoder.load(encoder or weights_dir("encoder"), device),
            Diarizer.load(diarizer or weights_dir("diarizer"), device),
            load_animator,
            device,
            animator_encoder,
        )

    version = __version__

    @cached_property
    def animator(self) -> Any:
        return self._load_animator()

    @cached_property
    def moves_vertices(self) -> bool:
        """Whether the animator makes vertices of a template, and not coefficients of shapes."""
        return hasattr(self.animator, "topologies")

    @cached_property
    def animator_encoder(self) -> Any:
        """The encoder that a vertex animator listens with: the diarizer's, if it was trained with it, or its own."""
        from sedtalker_cli.model.vertex_encoder import encoder_for

        wanted = self.animator.encoder["sha256"]
        if self._animator_encoder is None and wanted and wanted == self.encoder.sha256:
            return self.encoder
        return encoder_for(self.animator, self._animator_encoder)

    @property
    def classes(self) -> tuple[str, ...]:
        """Emotions that the diarizer knows."""
        return tuple(self.diarizer.classes)

    def models(self, animate: bool) -> dict[str, Any]:
        """Checksums of the models that take part, for sidecars and ledgers."""
        used = {"encoder": self.encoder, "diarizer": self.diarizer}
        if animate:
            used["animator"] = self.animator
            if self.moves_vertices and self.animator_encoder is not self.encoder:
                used["animator_encoder"] = self.animator_encoder
        found = {name: getattr(model, "sha256", None) for name, model in used.items()}
        # A model of the hub has no checksum here: its name has to stand for it.
        return {name: value or getattr(used[name], "source", None) for name, value in found.items()}

    def listen(self, path: str | os.PathLike) -> Voice:
        """What a recording tells of its speaker; the voices of several recordings add up.

        Args:
            path: sound file.

        Raises:
            InputError: the sound cannot be used.
        """
        features, *_ = self._encode(path)
        return self.diarizer.voice(features)

    def diarize(self, path: str | os.PathLike, progress: Progress = silent, voice: Voice | None = None) -> Diarization:
        """Emotion of every 20 ms of a recording.

        Args:
            path: sound file.
            progress: called as (stage, done, total).
            voice: what is known of its speaker, to judge him by his own measure; None judges him by that of all.

        Raises:
            InputError: the sound cannot be used.
        """
        features, duration, loudness = self._encode(path, progress)
        progress("diarizing", 0, 1)
        posteriors, intensity = self.diarizer.predict(features, voice)
        timeline = EmotionTimeline.from_posteriors(
            self.classes, posteriors, intensity, duration, **self.diarizer.decoding
        )
        return Diarization(timeline, features, duration, loudness)

    def _encode(self, path: str | os.PathLike, progress: Progress = silent) -> tuple[Any, float, np.ndarray]:
        """Encoder features (T50, L, D) of a recording, its duration in s, and its loudness (T50,)."""
        expected, meter = header_duration(path), LevelMeter()
        samples = 0

        def counted() -> Iterator[np.ndarray]:
            nonlocal samples
            for block in stream_audio(path):
                samples += len(block)
                meter(block)
                yield block

        features = self.encoder.store(counted(), progress, (expected or 0) / HOP)
        return features, samples / SAMPLE_RATE, meter.loudness()

    def animate(
        self,
        path: str | os.PathLike,
        *,
        emotion_override: str | None = None,
        emotion_gain: float = 1.0,
        lip_gain: float = 1.0,
        smooth: float = 0.0,
        identity: str | None = None,
        head_file: str | os.PathLike | None = None,
        fps: int = 30,
        seed: int = 0,
        idle: bool = True,
        head_motion: bool = False,
        progress: Progress = silent,
        voice: Voice | None = None,
    ) -> Animation:
        """Motion of a face that says what is heard.

        Args:
            path: sound file.
            emotion_override: text or file, see `formats.overrides.parse_override`.
            emotion_gain: factor of the intensity, after the override.
            lip_gain: factor of the mouth's movements of speech, see `motion.lips.scale_speech`.
            smooth: width of the smoothing in s, 0 for none, see `motion.lips.smooth_motion`.
            identity: as `face.head.load_head` takes it.
            head_file: file or folder of a head to use instead, as `face.custom.load_custom_head` takes it.
            fps: one of 25, 30, 50, 60.
            seed: of blinks, small movements and head motion.
            idle: whether there are any.
            head_motion: whether the head moves as a whole, too.
            progress: called as (stage, done, total).
            voice: as `diarize` takes it.

        Raises:
            InputError: the sound cannot be used.
            UsageError: an option cannot be meant.
        """
        from sedtalker_cli.motion import lips
        from sedtalker_cli.motion.expression import expressed_intensity, keep_rhythm
        from sedtalker_cli.motion.idle import add_idle

        check_options(fps=fps, emotion_gain=emotion_gain, lip_gain=lip_gain, smooth=smooth)
        head = cached_head(identity, Path(head_file) if head_file else None)
        if not (head.shape_names or self.moves_vertices):
            raise UsageError(f"head {head_file}: is a template without shapes, and the animator moves ARKit shapes")
        found = self.diarize(path, progress, voice)
        timeline = found.timeline
        if emotion_override is not None:
            timeline = timeline.override(parse_override(emotion_override, self.classes, Path(path).stem))
        timeline = timeline.gain(emotion_gain)
        progress("moving", 0, 1)
        if self.moves_vertices:
            from sedtalker_cli.motion.vertex_animation import animate_vertices, check_vertex_options, topology_of

            check_vertex_options({"lip gain": lip_gain != 1, "smooth": smooth > 0, "head motion": head_motion})
            topology_of(self.animator, head)  # or the recording is encoded for nothing
            own = self.animator_encoder is not self.encoder
            features = self.animator_encoder.encode(stream_audio(path)) if own else found.features[:]
            motion = animate_vertices(self.animator, features, timeline, head, found.duration, fps)
            told = {"emotion_override": emotion_override, "emotion_gain": emotion_gain, "adapted": voice is not None}
            motion.metadata.update(told, models=self.models(animate=True), precision=self.encoder.precision)
            return motion
        posteriors = self.animator.map_posteriors(timeline.posteriors, timeline.classes)
        shown = expressed_intensity(timeline.posteriors, timeline.intensity, timeline.classes)
        # At intensity 0 every emotion is neutral: what is left is speech.
        weights, speech = (
            self.animator.predict(found.features, posteriors, intensity, found.duration, fps)
            for intensity in (shown, np.zeros_like(shown))
        )
        weights = keep_rhythm(weights, speech, fps)
        # Lips are measured on the shipped head: a user's may lack the shapes for it, and coefficients mean the same.
        mouth = head if head.source is None else cached_head(None, None)
        if lip_gain != 1:
            weights = lips.scale_speech(weights, speech, lip_gain, mouth)
        weights = lips.smooth_motion(weights, fps, smooth, mouth)
        times, activity = np.arange(len(weights)) / fps, lips.speech_activity(speech, fps, mouth)
        if idle:
            weights = add_idle(weights, fps, seed, timeline.sample(times)[1], activity)
        moved = None
        if head_motion:
            from sedtalker_cli.motion.head_motion import head_motion as move_head

            loudness = np.interp(times, (np.arange(len(found.loudness)) + 0.5) * HOP, found.loudness)
            moved = move_head(len(weights), fps, seed, loudness, activity, head.eye_middle)
        metadata = {
            "version": __version__,
            "fps": fps,
            "frames": len(weights),
            "vertices": len(head.neutral),
            "duration": found.duration,
            "topology": head.name,
            "head": head.name,
            "identity": head.identity,
            "shape_names": list(head.shape_names),
            "emotions": list(timeline.classes),
            "adapted": voice is not None,
            "emotion_override": emotion_override,
            "emotion_gain": emotion_gain,
            "lip_gain": lip_gain,
            "smooth": smooth,
            "seed": seed,
            "idle": idle,
            "head_motion": head_motion,
            "models": self.models(animate=True),
            "precision": self.encoder.precision,
        }
        return Animation(timeline, np.asarray(weights, np.float32), head, fps, metadata, moved)


def check_options(*, fps: int, emotion_gain: float, lip_gain: float, smooth: float) -> None:
    """Find options that cannot be meant before any model is loaded.

    Raises:
        UsageError: names the option.
    """
    if fps not in FRAME_RATES:
        raise UsageError(f"fps {fps}: must be one of {', '.join(map(str, FRAME_RATES))}")
    check_gain(emotion_gain)
    if not (np.isfinite(lip_gain) and lip_gain >= 0):
        raise UsageError(f"lip gain {lip_gain}: must be a number >= 0 (1 keeps the movements, 0 stills the lips)")
    if not 0 <= smooth <= MAX_SMOOTH:
        raise UsageError(f"smooth {smooth}: must be from 0 (off) to {MAX_SMOOTH:g} seconds")
