"""What people may choose about an animation."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from sedtalker_cli.emotion.timeline import check_gain
from sedtalker_cli.errors import UsageError

FRAME_RATES = (25, 30, 50, 60)
EXPRESSIONS = ALIVE, STILL = ("alive", "still")
MAX_SMOOTH = 1.0  # s; wider than a syllable there is no speech left


@dataclass(frozen=True)
class AnimateOptions:
    """How a recording is animated: the same object from the command line to the sidecar and the ledger.

    Attributes:
        emotion_override: text or file, see `formats.overrides.parse_override`.
        emotion_gain: factor of the intensity, after the override.
        lip_gain: factor of the mouth's movements of speech, see `motion.lips.scale_speech`.
        smooth: width of the smoothing in s, 0 for none, see `motion.lips.smooth_motion`.
        identity: as `face.head.load_head` takes it.
        head: file or folder of a head to use instead, as `face.custom.load_custom_head` takes it.
        fps: one of `FRAME_RATES`.
        seed: of blinks, small movements and head motion.
        idle: whether there are blinks and small movements.
        head_motion: whether the head moves as a whole, too.
        expression: `alive` acts the emotion with the voice, `still` holds it as the animator shows it.

    Raises:
        UsageError: a value is invalid; names it.
    """

    emotion_override: str | None = None
    emotion_gain: float = 1.0
    lip_gain: float = 1.0
    smooth: float = 0.0
    identity: str | None = None
    head: str | os.PathLike[str] | None = None
    fps: int = 30
    seed: int = 0
    idle: bool = True
    head_motion: bool = False
    expression: str = ALIVE

    def __post_init__(self) -> None:
        if self.fps not in FRAME_RATES:
            raise UsageError(f"fps {self.fps}: must be one of {', '.join(map(str, FRAME_RATES))}")
        if self.expression not in EXPRESSIONS:
            raise UsageError(f"expression {self.expression!r}: must be one of {', '.join(EXPRESSIONS)}")
        check_gain(self.emotion_gain)
        if not (math.isfinite(self.lip_gain) and self.lip_gain >= 0):
            raise UsageError(
                f"lip gain {self.lip_gain}: must be a number >= 0 (1 keeps the movements, 0 stills the lips)"
            )
        if not 0 <= self.smooth <= MAX_SMOOTH:
            raise UsageError(f"smooth {self.smooth}: must be from 0 (off) to {MAX_SMOOTH:g} seconds")
