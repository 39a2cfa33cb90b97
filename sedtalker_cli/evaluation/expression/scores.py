"""Recordings in every emotion, as `animate` shows them: how the coefficients move, and what becomes of the lips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.audio.loudness import LevelMeter
from sedtalker_cli.audio.reading import stream_audio
from sedtalker_cli.audio.vad import speech_activity
from sedtalker_cli.clock import HOP
from sedtalker_cli.evaluation.expression.ranges import CHANNELS, LEADING, SMALL, WANTED
from sedtalker_cli.evaluation.lipsync.action_units import ARKIT_OF_UNIT, EMOTIONS, measured_changes
from sedtalker_cli.evaluation.metrics.dynamics import Dynamics, measure_dynamics, pooled_half_life
from sedtalker_cli.evaluation.metrics.expression import coefficient, pose_spread, upper_face_pose
from sedtalker_cli.evaluation.metrics.lipsync import correlation
from sedtalker_cli.evaluation.report.tables import without_nan
from sedtalker_cli.face.head import Head, load_head
from sedtalker_cli.face.regions import CLOSED, lip_gap, lip_width
from sedtalker_cli.motion.options import AnimateOptions
from sedtalker_cli.motion.shape_animation import animate_shapes
from sedtalker_cli.progress import Progress, silent

if TYPE_CHECKING:
    from sedtalker_cli.pipeline import Pipeline

FPS = 30
NEUTRAL = "neutral"
SHOWN = 0.02  # mean of a coefficient from which on it is reported


@dataclass(frozen=True)
class Voice:
    """What is heard of a recording at the motion's frames: loudness (T,) and where somebody speaks (T,)."""

    loudness: np.ndarray
    speaking: np.ndarray


@dataclass(frozen=True)
class Lips:
    """The speaking mouth of an emotion, beside that of neutral.

    Attributes:
        opening, width: mean of the lip gap and the mouth's width while somebody speaks, over those of neutral.
        gap_r: least correlation of the lip gap with that of another emotion, over all recordings.
        closures: share of the frames with closed lips in neutral speech that stay closed.
    """

    opening: float
    width: float
    gap_r: float
    closures: float


@dataclass
class ExpressionReport:
    """How expressions move.

    Attributes:
        channels: set of recordings -> emotion -> coefficient -> how it moves, means over the recordings.
        lips: emotion -> the speaking mouth.
        within, between: spread of the upper face's pose, see `evaluation.metrics.expression.pose_spread`.
        units: action unit -> emotion -> change of its coefficient against neutral, while somebody speaks.
        recordings: set -> names.
    """

    channels: dict[str, dict[str, dict[str, Dynamics]]]
    lips: dict[str, Lips]
    within: float
    between: float
    units: dict[str, dict[str, float]]
    recordings: dict[str, list[str]] = field(default_factory=dict)

    def missed(self) -> list[tuple[str, str, str, str, float]]:
        """Leading channels out of `ranges.WANTED`: (set, emotion, coefficient, measure, value)."""
        return [
            (name, emotion, channel, measure, value)
            for name, emotions in self.channels.items()
            for emotion, leading in LEADING.items()
            for channel in leading
            for measure, (least, most) in WANTED.items()
            if not least <= abs(value := getattr(emotions[emotion][channel], measure)) <= most
        ]

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings and None, ready for JSON."""
        channels = {
            name: {
                emotion: {channel: asdict(moves) for channel, moves in channels.items()}
                for emotion, channels in emotions.items()
            }
            for name, emotions in self.channels.items()
        }
        return without_nan(
            {
                "recordings": self.recordings,
                "channels": channels,
                "missed": [list(miss) for miss in self.missed()],
                "lips": {emotion: asdict(lips) for emotion, lips in self.lips.items()},
                "pose": {"within": self.within, "between": self.between, "ratio": self.within / self.between},
                "units": {
                    unit: {"found": found, "worst_ratio": worst_ratio(unit, found)}
                    for unit, found in self.units.items()
                },
            }
        )


def evaluate_expression(
    pipeline: Pipeline,
    sets: Mapping[str, Sequence[Path]],
    intensity: float = 1.0,
    seed: int = 0,
    expression: str = "alive",
    progress: Progress = silent,
) -> ExpressionReport:
    """Animate recordings in every emotion and measure the coefficients.

    Args:
        pipeline: its diarizer must know the seven emotions.
        sets: name -> sound files.
        intensity: of the emotions.
        seed: of the first recording; every further one takes the next, so that chance does not repeat itself.
        expression: as `Pipeline.animate` takes it.
        progress: called as (stage, done, total).

    Raises:
        InputError: a sound cannot be used.
    """
    emotions, options = (NEUTRAL, *EMOTIONS), AnimateOptions(fps=FPS, expression=expression)
    files = [(name, path) for name, paths in sets.items() for path in paths]
    motions: dict[str, list[np.ndarray]] = {emotion: [] for emotion in emotions}
    voices, head = [], load_head()
    for number, (_, path) in enumerate(files):
        progress("animating", number, len(files))
        found = pipeline.diarize(path)
        for emotion in emotions:
            level = 0.0 if emotion == NEUTRAL else intensity
            shown = replace(found, timeline=found.timeline.override(f"{emotion}:{level}"))
            motion = animate_shapes(pipeline.animator, shown, head, replace(options, seed=seed + number))
            motions[emotion].append(motion.weights)
        voices.append(_voice(path, len(motions[NEUTRAL][-1])))
    members = {name: [k for k, (owner, _) in enumerate(files) if owner == name] for name in sets}
    channels = {
        name: {emotion: _channels([motions[emotion][k] for k in own], [voices[k] for k in own]) for emotion in emotions}
        for name, own in members.items()
    }
    poses = {emotion: [upper_face_pose(weights) for weights in rows] for emotion, rows in motions.items()}
    within, between = pose_spread(poses)
    spoken = {
        emotion: np.mean([w[v.speaking].mean(0, dtype=np.float64) for w, v in zip(rows, voices, strict=True)], axis=0)
        for emotion, rows in motions.items()
    }
    units = {
        unit: {emotion: float(coefficient(spoken[emotion] - spoken[NEUTRAL], name)) for emotion in EMOTIONS}
        for unit, name in ARKIT_OF_UNIT.items()
    }
    names = {name: [str(path) for path in paths] for name, paths in sets.items()}
    return ExpressionReport(channels, _lips(motions, voices, head), within, between, units, names)


def worst_ratio(unit: str, found: Mapping[str, float]) -> float:
    """How far ratios between emotions differ from the actors': the largest factor of all pairs, 1 where none does.

    Args:
        unit: action unit; emotions that raise it by less than `SMALL` of its largest change are passed over.
        found: emotion -> change of its coefficient.
    """
    measured = {emotion: measured_changes(emotion)[unit].strong for emotion in EMOTIONS}
    least = SMALL * max(measured.values())
    shares = [max(found[emotion], 1e-4) / change for emotion, change in measured.items() if change >= least]
    return max(shares) / min(shares)


def _voice(path: Path, frames: int) -> Voice:
    meter, blocks = LevelMeter(), []
    for block in stream_audio(path):
        meter(block)
        blocks.append(block)
    loudness, active = meter.loudness(), speech_activity(np.concatenate(blocks))
    times = np.arange(frames) / FPS
    place = np.minimum((times / HOP).astype(int), len(active) - 1)
    return Voice(np.interp(times, (np.arange(len(loudness)) + 0.5) * HOP, loudness), active[place])


def _channels(motions: Sequence[np.ndarray], voices: Sequence[Voice]) -> dict[str, Dynamics]:
    """Means over recordings; the half-life is that of all of them together."""
    found = {}
    for name in CHANNELS:
        tracks = [coefficient(weights, name) for weights in motions]
        each = [
            asdict(measure_dynamics(track, FPS, voice.loudness, voice.speaking))
            for track, voice in zip(tracks, voices, strict=True)
        ]
        means = {key: float(np.nanmean([row[key] for row in each])) for key in each[0] if key != "half_life"}
        found[name] = Dynamics(**means, half_life=pooled_half_life(tracks, FPS))
    return found


def _lips(motions: Mapping[str, Sequence[np.ndarray]], voices: Sequence[Voice], head: Head) -> dict[str, Lips]:
    gaps, widths = {}, {}
    for emotion, rows in motions.items():
        shapes = [head.vertices(weights[voice.speaking]) for weights, voice in zip(rows, voices, strict=True)]
        gaps[emotion] = np.concatenate([lip_gap(vertices, head) for vertices in shapes])
        widths[emotion] = np.concatenate([lip_width(vertices, head) for vertices in shapes])
    least = dict.fromkeys(motions, 1.0)
    for a, b in combinations(motions, 2):
        r = correlation(gaps[a], gaps[b])
        least[a], least[b] = min(least[a], r), min(least[b], r)
    shut = gaps[NEUTRAL] < CLOSED
    return {
        emotion: Lips(
            opening=float(gaps[emotion].mean() / gaps[NEUTRAL].mean()),
            width=float(widths[emotion].mean() / widths[NEUTRAL].mean()),
            gap_r=least[emotion],
            closures=float((gaps[emotion][shut] < CLOSED).mean()) if shut.any() else float("nan"),
        )
        for emotion in motions
    }
