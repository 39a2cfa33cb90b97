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
        cross_validate: train once without each fold of speakers, calibrate on what was not heard, then train on all.
        out: folder of the run; the checkpoint is written to `out/checkpoint`.
        cache: folder of encoded sound, which several runs may share; None is `out/cache`.
        encoder: folder or Hugging Face id.
        composites: joined recordings, for the stack.
        clips: most clips of a speaker, for the statistics.
        copies: worn copies of each clip, with rooms, noise, telephones and silence.
        steps: of the training of each statistics network.
        epochs, batch, learning_rate, weight_decay, smoothing, intensity_weight, rank_weight, seed: as usual.
        temperature: corpora are drawn in proportion to size ** temperature.
        augmentation: strength of the changes to the sound of joined recordings.
        read_weight: weight of read speech without labels, taken as neutral.
        network: overrides of the network's sizes.
    """

    corpora: tuple[tuple[str, Path], ...]
    splits: Path | None
    out: Path
    encoder: str
    cache: Path | None = None
    composites: int = 4800
    clips: int = 250
    copies: int = 1
    steps: int = 1500
    epochs: int = 5
    batch: int = 24
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    smoothing: float = 0.05
    intensity_weight: float = 2.0
    rank_weight: float = 0.1
    temperature: float = 0.5
    augmentation: float = 1.0
    read_weight: float = 0.05
    seed: int = 0
    fold: int | None = None
    leave_out: str | None = None
    cross_validate: bool = False
    network: dict[str, Any] = field(default_factory=dict)
