"""What of an acted motion stays when its emotions are exchanged: a page that has it shows other emotions at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.motion import acting
from sedtalker_cli.motion.expression import excess, room
from sedtalker_cli.motion.idle import WIDE_LEFT
from sedtalker_cli.motion.performance import KNEE, Delivery, coefficient_table, dynamics
from sedtalker_cli.motion.poses import EXPRESSED, RISE


@dataclass(frozen=True)
class ActingLayers:
    """Speech and delivery of a recording, as `performance.act` uses them, without its emotions.

    Attributes:
        classes: C emotions of the animator.
        mapped: (N, C) which of them each of the timeline's N emotions is.
        speech: (T, 52) the mouth without expression.
        factors: (T, 52) what each coefficient of an expression is multiplied by.
        keep: (T, 52) how much of an expression speech leaves.
        excess: (T, 52) share of what it adds to speech that is taken back.
        stress: (T,) how far a syllable stands out.
        pausing: (T,) where the lips part in a pause.
    """

    classes: tuple[str, ...]
    mapped: np.ndarray
    speech: np.ndarray
    factors: np.ndarray
    keep: np.ndarray
    excess: np.ndarray
    stress: np.ndarray
    pausing: np.ndarray

    @classmethod
    def of(
        cls, classes: tuple[str, ...], mapped: np.ndarray, speech: np.ndarray, delivery: Delivery, fps: float, seed: int
    ) -> ActingLayers:
        """From what `act` is given; `mapped` as `map_posteriors` makes it of the unit matrix."""
        stress = delivery.prominence(fps)
        return cls(
            classes,
            mapped,
            speech,
            dynamics(delivery, stress, fps, seed),
            room(np.asarray(speech, np.float64), fps),
            excess(np.asarray(speech, np.float64), fps),
            stress,
            delivery.pausing(fps),
        )

    def series(self) -> dict[str, np.ndarray]:
        """All that changes over time, by name."""
        names = ("speech", "factors", "keep", "excess", "stress", "pausing")
        return {name: np.asarray(getattr(self, name), np.float64).reshape(len(self.speech), -1) for name in names}

    def constants(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """All that does not change, JSON-serialisable.

        Args:
            classes: N emotions of the timeline.
        """
        levels = [coefficient_table(acting.LEVELS[name], acting.SIDES[name]) for name in self.classes]
        accents = [coefficient_table(acting.ACCENTS[name]) * (name != "neutral") for name in self.classes]
        return {
            "names": list(ARKIT_NAMES),
            "neutral": self.classes.index("neutral") if "neutral" in self.classes else -1,
            "mapped": self.mapped.argmax(1).tolist(),
            "expressed": [EXPRESSED.get(name, 1.0) for name in classes],
            "quiet": classes.index("neutral") if "neutral" in classes else -1,
            "rise": [RISE[name] for name in self.classes],
            "normal": [acting.NORMAL[name] for name in self.classes],
            "jaw": [list(acting.JAW[name]) for name in self.classes],
            "levels": [_rounded(row) for row in levels],
            "accents": [_rounded(row) for row in accents],
            "rest": _rounded(coefficient_table(acting.ACCENTS["neutral"])),
            "knee": KNEE,
            "parted": acting.PARTED,
            "wideLeft": WIDE_LEFT,
        }


def _rounded(row: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in row]
