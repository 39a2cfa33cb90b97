"""Settings of a training run of the animator."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sedtalker_cli.data.coarticulation.generated import STYLE as RULES

VOICES = "voices"  # captures that choose and never teach


@dataclass(frozen=True)
class AnimatorTraining:
    """Settings of a run; every value can be given on the command line.

    Attributes:
        captures: (source, folder) pairs of captured motion; sources as in `data.capture_sources.READERS`. Each is a
            speaking style of the model, the first its default; `VOICES` only help to choose the epoch.
        landmarker: MediaPipe's model file, with which the videos of the source `video` are tracked.
        learn_captures: False keeps them for validation, so that the mouth learns from `phones` alone.
        phones: folders of speech with phone times (see `data.coarticulation.generated`), whose mouths are generated.
        corpora: (name, folder) pairs of speech without motion; their voices train expression and stillness.
        splits: table of splits of the corpora, or None.
        out: folder of the run; the checkpoint is written to `out/checkpoint`.
        encoder: folder or Hugging Face id.
        cache: where encoded draws are kept; None keeps them in `out/cache`.
        draws: sets of examples; draw 0 is the sound as recorded, the others are varied.
        speech: recordings of the corpora per draw.
        still: recordings of noise per draw, over which the mouth rests.
        epochs, batch, learning_rate, weight_decay, seed: as usual.
        velocity_weight, vertex_weight, closure_weight, liveliness_weight: of the losses beside that on coefficients.
        sharpness: of the finished model's motion, see `model.frames.sharpen`; chosen on validation clips so that
            motion is about as lively as captured.
        shares: of the linear and the phone path in the finished motion, the network has the rest; chosen on voices
            that nothing is trained on.
        network: overrides of the network's sizes.
    """

    captures: tuple[tuple[str, Path], ...]
    corpora: tuple[tuple[str, Path], ...]
    splits: Path | None
    out: Path
    encoder: str
    cache: Path | None = None
    draws: int = 6
    speech: int = 200
    still: int = 40
    epochs: int = 36
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    velocity_weight: float = 2.0
    vertex_weight: float = 1.0
    closure_weight: float = 0.5
    liveliness_weight: float = 0.3
    sharpness: float = 1.8
    shares: tuple[float, float] = (0.25, 0.2)
    seed: int = 0
    phones: tuple[Path, ...] = ()
    landmarker: Path | None = None
    learn_captures: bool = True
    network: dict[str, Any] = field(default_factory=dict)

    @property
    def styles(self) -> tuple[str, ...]:
        """Speaking styles that the mouth learns."""
        captured = [source for source, _ in self.captures if source != VOICES] if self.learn_captures else []
        return tuple(dict.fromkeys([*captured, *([RULES] if self.phones else [])]))
