"""Settings of a training run of the diarizer."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class DiarizerTraining:
    """Settings of a run; every value can be given on the command line.

    Attributes:
        corpora: (name, folder) pairs.
        splits: table of splits, or None to draw them by speaker.
        fold: fold that is kept for testing, the next one for validation; None takes the splits as they are.
        leave_out: corpus that is kept for testing as a whole, or None.
        out: folder of the run; the checkpoint is written to `out/checkpoint`.
        encoder: folder or Hugging Face id.
        composites: in a draw.
        draws: different sets of composites; epochs take them in turn, their features stay in memory (0.6 MB a
            composite). 0 draws afresh for every epoch.
        epochs, batch, learning_rate, weight_decay, smoothing, intensity_weight, rank_weight, seed: as usual.
        temperature: corpora are drawn in proportion to size ** temperature.
        augmentation: strength of the sound's changes.
        masking: share of the encoder's frames and channels that is hidden.
        tuned_rate: learning rate of the encoder layers that are trained along, as a share of the rest's.
        start: checkpoint to start from instead of random weights.
        precision: `float32`, or `bfloat16` for the encoder's layers (fast where the CPU multiplies it).
        network: overrides of the network's sizes.
    """

    corpora: tuple[tuple[str, Path], ...]
    splits: Path | None
    out: Path
    encoder: str
    composites: int = 2000
    draws: int = 4
    epochs: int = 20
    batch: int = 24
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    smoothing: float = 0.05
    intensity_weight: float = 2.0
    rank_weight: float = 0.1
    temperature: float = 0.5
    augmentation: float = 1.0
    masking: float = 0.0
    seed: int = 0
    tuned_rate: float = 0.1
    start: Path | None = None
    precision: str = "float32"
    fold: int | None = None
    leave_out: str | None = None
    network: dict[str, Any] = field(default_factory=dict)
