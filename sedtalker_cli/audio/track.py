"""A sound track as it is decoded: all channels at their own rate, on the clock of its file."""

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Track:
    """Sound that is being decoded, once.

    Attributes:
        rate: Hz.
        channels: C.
        blocks: (n, C) float32, full scale 1; sample 0 is at 0 s of the presentation.
        notes: what a person should know of the file; complete when all blocks have been read.
        is_float: whether the file's own samples are floating point, whose scale nothing guarantees.
    """

    rate: int
    channels: int
    blocks: Generator[np.ndarray, None, None]
    notes: list[str] = field(default_factory=list)
    is_float: bool = False
