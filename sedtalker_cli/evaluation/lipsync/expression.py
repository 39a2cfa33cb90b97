"""An animator's expressions: the same words in every emotion and at every intensity."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch

from sedtalker_cli.data.captures import Capture
from sedtalker_cli.evaluation.lipsync.action_units import (
    ARKIT_OF_UNIT,
    EMOTIONS,
    UnitChange,
    main_units,
    measured_changes,
)
from sedtalker_cli.evaluation.lipsync.tracks import animate, captured_track, motion_track, own_style
from sedtalker_cli.evaluation.metrics.expression import coefficient, is_rising, pose_spread, upper_face_pose
from sedtalker_cli.evaluation.metrics.lipsync import correlation, score_tracks, spoken_frames
from sedtalker_cli.face.head import Head
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.progress import Progress, silent

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
NORMAL, STRONG = 0.5, 1.0  # intensities of normal and strong acting
KEY_COEFFICIENT = {
    "angry": "browDown",
    "disgust": "noseSneer",
    "fear": "eyeWide",
    "happy": "mouthSmile",
    "sad": "browInnerUp",
    "surprise": "eyeWide",
}
MOVED = 0.01  # a coefficient that changes by less does not move


@dataclass(frozen=True)
class ExpressionScores:
    """Scores of an animator's expressions on some recordings.

    Attributes:
        lip_gap_r: pair of emotions, in full -> correlation of the lip opening between them while words are spoken
            (silent lips may differ).
        closure_rate: emotion, in full -> share of closures kept; empty where no word times are known.
        within, between: spread of the upper face's pose, see `evaluation.metrics.expression.pose_spread`.
        levels: emotion -> mean of its `KEY_COEFFICIENT` at `LEVELS`.
        units: emotion -> action unit -> change of its coefficient against neutral.
    """

    lip_gap_r: dict[tuple[str, str], float]
    closure_rate: dict[str, float]
    within: float
    between: float
    levels: dict[str, list[float]]
    units: dict[str, dict[str, UnitChange]]

    @property
    def pose_ratio(self) -> float:
        """Spread within an emotion over that between emotions."""
        return self.within / self.between if self.between else float("nan")

    def right_signs(self, emotion: str) -> dict[str, bool]:
        """Main action units of an emotion, which actors raise -> whether the animator raises them, too."""
        return {unit: self.units[emotion][unit].mean > MOVED for unit in main_units(emotion)}

    @property
    def unit_r(self) -> float:
        """Correlation of all changes, normal and strong, with those measured."""
        pairs = [
            pair
            for emotion, changes in self.units.items()
            for unit, change in changes.items()
            for pair in zip(asdict(measured_changes(emotion)[unit]).values(), asdict(change).values(), strict=True)
        ]
        return correlation(*np.array(pairs).T)

    def to_dict(self) -> dict[str, Any]:
        """Numbers and strings, ready for JSON."""
        rates = list(self.lip_gap_r.values())
        return {
            "emotion_swapped": {
                "lip_gap_r_min": min(rates),
                "lip_gap_r_mean": float(np.mean(rates)),
                "lip_gap_r": {f"{a}, {b}": r for (a, b), r in self.lip_gap_r.items()},
                "closure_rate": self.closure_rate,
            },
            "words_swapped": {"within": self.within, "between": self.between, "ratio": self.pose_ratio},
            "intensity": {
                emotion: {
                    "coefficient": KEY_COEFFICIENT[emotion],
                    "levels": list(LEVELS),
                    "values": values,
                    "rising": is_rising(values),
                }
                for emotion, values in self.levels.items()
            },
            "action_units": {
                "r": self.unit_r,
                "emotions": {
                    emotion: {
                        "right_signs": self.right_signs(emotion),
                        "found": {unit: asdict(change) for unit, change in changes.items()},
                        "measured": {unit: asdict(c) for unit, c in measured_changes(emotion).items()},
                    }
                    for emotion, changes in self.units.items()
                },
            },
        }


def score_expressions(
    animator: Animator,
    captures: Sequence[Capture],
    features: Sequence[torch.Tensor],
    head: Head,
    progress: Progress = silent,
) -> ExpressionScores:
    """Animate recordings in every emotion at every intensity.

    Args:
        animator: knows the emotions of `KEY_COEFFICIENT` and neutral.
        captures: recordings; their motion is not used.
        features: encoder features of each.
        head: whose lips are measured.
        progress: called as (stage, done, total).
    """
    wanted = [("neutral", 0.0), *((emotion, level) for emotion in EMOTIONS for level in LEVELS[1:])]
    motions: dict[tuple[str, float], list[np.ndarray]] = {}
    for number, (emotion, level) in enumerate(wanted, start=1):
        motions[emotion, level] = [
            animate(animator, f, c, emotion, level, own_style(animator, c))
            for c, f in zip(captures, features, strict=True)
        ]
        progress("emotions", number, len(wanted))
    full = {emotion: motions[emotion, 0.0 if emotion == "neutral" else STRONG] for emotion in ("neutral", *EMOTIONS)}
    means = {key: np.mean(np.concatenate(rows), axis=0, dtype=np.float64) for key, rows in motions.items()}
    calm = means["neutral", 0.0]
    truth = [captured_track(c) for c in captures]
    tracks = {
        emotion: [motion_track(w, c, head) for w, c in zip(rows, captures, strict=True)]
        for emotion, rows in full.items()
    }
    gaps = {
        emotion: np.concatenate([t.channels["lip_gap"][spoken_frames(t)] for t in rows])
        for emotion, rows in tracks.items()
    }
    rates = {emotion: score_tracks(truth, rows).get("closure_rate") for emotion, rows in tracks.items()}
    within, between = pose_spread({emotion: [upper_face_pose(w) for w in rows] for emotion, rows in full.items()})
    return ExpressionScores(
        lip_gap_r={(a, b): correlation(gaps[a], gaps[b]) for a, b in combinations(full, 2)},
        closure_rate={emotion: rate for emotion, rate in rates.items() if rate is not None},
        within=within,
        between=between,
        levels={
            emotion: [float(coefficient(calm if level == 0 else means[emotion, level], name)) for level in LEVELS]
            for emotion, name in KEY_COEFFICIENT.items()
        },
        units={
            emotion: {
                unit: UnitChange(
                    *(float(coefficient(means[emotion, level] - calm, name)) for level in (NORMAL, STRONG))
                )
                for unit, name in ARKIT_OF_UNIT.items()
            }
            for emotion in EMOTIONS
        },
    )
