"""Signs of life from a seed: blinks, small saccades, a slow drift of the brows, and breath in pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.motion.temper import Temper

# Blinks: pause between two = MIN_PAUSE + log-normal; with these figures 17 a minute in speech, 13 in silence
MIN_PAUSE, PAUSE_MEDIAN, PAUSE_SIGMA = 0.8, 2.1, 0.65  # [s], [s], log units
CLOSING, OPENING, SHUT = (0.060, 0.100), (0.150, 0.250), 0.030  # [s]
SILENCE_SLOWER, AROUSAL_FASTER = 1.35, 0.2
# Saccades: most gaze stays on the listener; coefficients, not degrees
FIXATION_MEDIAN, FIXATION_SIGMA, FLIGHT = 1.1, 0.6, 0.05  # [s], log units, [s]
GAZE_WIDTH, GAZE_HEIGHT, HOME = 0.085, 0.05, 0.45  # standard deviations; probability of looking straight
# Where the gaze turns by more than LARGE the lids follow: by BLINKING of a chance in a blink, else in a dip
LARGE, BLINKING, DIP = 0.10, 0.4, 0.30  # eyeLook coefficients, probability, closure
LID_FOLLOWS = 0.35  # closure of the upper lid with a gaze fully lowered
WIDE_LEFT = 0.38  # of wide eyes in a blink: the lids still meet
DRIFT = 0.022  # largest brow drift of a component
# Quiet breath, 15 a minute: the jaw sinks behind closed lips, nostrils widen, brows rise; pauses bring it on in SETTLE
BREATH = {"jawOpen": 0.03, "mouthClose": 0.03, "noseSneerLeft": 0.04, "noseSneerRight": 0.04, "browInnerUp": 0.03}
BREATH_LENGTH, INHALING, SETTLE = (3.2, 4.8), 0.4, 0.8  # [s], share of a breath, [s]

Rate = Callable[[float], float]


def add_idle(
    weights: np.ndarray,
    fps: float,
    seed: int,
    intensity: np.ndarray | None = None,
    speech_activity: np.ndarray | None = None,
    temper: Temper | None = None,
) -> np.ndarray:
    """Adds blinks, small eye movements, brow drift, and breath where nobody speaks.

    What happens up to a time depends on the seed and the input up to that time only: a longer recording
    begins with the same idle motion, and another frame rate samples the same events.

    Args:
        weights: ARKit coefficients (T, 52).
        fps: frames a second.
        seed: any integer not below 0.
        intensity: strength of the emotion (T,), 0 to 1; strong feeling blinks a little more often. None: 0.
        speech_activity: 1 where there is speech (T,), 0 in silence. None: speech throughout.
        temper: how the emotion changes blinks and gaze, arrays (T,). None: not at all.

    Returns:
        Coefficients (T, 52) float32, 0 to 1.
    """
    weights = np.asarray(weights)
    if weights.ndim != 2 or weights.shape[1] != len(ARKIT_NAMES):
        raise InputError(f"weights have shape {weights.shape}, expected (T, {len(ARKIT_NAMES)})")
    if fps <= 0:
        raise InputError(f"fps must be above 0, got {fps}")
    out = weights.astype(np.float64)
    frames = len(out)
    if not frames:
        return out.astype(np.float32)
    activity = _curve(speech_activity, frames, 1.0)
    speaking, arousal = _lookup(activity, fps), _lookup(_curve(intensity, frames, 0.0), fps)
    _drift(out, fps, np.random.default_rng([seed, 3]))
    _breathe(out, fps, seed, 1.0 - activity)
    mood = Temper() if temper is None else temper
    blinking, slowness, wandering, moving = (
        _lookup(np.broadcast_to(curve, frames), fps)
        for curve in (mood.blinks, mood.slowness, mood.wandering, mood.haste)
    )
    turns = list(saccades(frames / fps, seed, lambda t: moving(t) * (0.75 + 0.45 * speaking(t)), wandering))
    path = _gaze_path(turns, frames, fps)
    path[:, 1] -= mood.lowered
    _look(out, path)

    def haste(t: float) -> float:
        slower = 1.0 + (SILENCE_SLOWER - 1.0) * (1.0 - speaking(t))
        return blinking(t) * (1.0 + AROUSAL_FASTER * arousal(t)) / slower

    closure = blinks(frames, fps, seed, haste, slowness)
    if temper is not None:
        closure = np.maximum(closure, _lid_turns(turns, frames, fps, seed, blinking, slowness))
        closure = np.maximum(closure, LID_FOLLOWS * np.clip(-path[:, 1], 0.0, 1.0))
    _close_lids(out, closure)
    return np.clip(out, 0.0, 1.0).astype(np.float32)


def blink_times(duration: float, seed: int, rate: Rate = lambda t: 1.0) -> Iterator[tuple[float, float, float]]:
    """Blinks that begin before `duration`: (onset, closing time, opening time) in seconds.

    Args:
        duration: length [s].
        seed: any integer not below 0.
        rate: how much faster than usual pauses pass, by the time of the blink before.
    """
    rng = np.random.default_rng([seed, 1])
    onset = (MIN_PAUSE + PAUSE_MEDIAN) * rng.uniform(0.15, 0.9)  # a recording begins inside a pause
    while onset < duration:
        closing, opening = rng.uniform(*CLOSING), rng.uniform(*OPENING)
        yield onset, closing, opening
        pause = MIN_PAUSE + PAUSE_MEDIAN * np.exp(PAUSE_SIGMA * rng.standard_normal()) / rate(onset)
        onset += closing + SHUT + opening + pause


def blinks(
    frames: int, fps: float, seed: int, rate: Rate = lambda t: 1.0, slowness: Rate = lambda t: 1.0
) -> np.ndarray:
    """Closure of the lids (frames,), 0 open to 1 shut: fast down, a moment shut, slowly up."""
    closure = np.zeros(frames)
    for onset, closing, opening in blink_times(frames / fps, seed, rate):
        longer = slowness(onset)
        _close(closure, fps, onset, longer * closing, longer * opening)
    return closure


def _close(closure: np.ndarray, fps: float, onset: float, closing: float, opening: float, depth: float = 1.0) -> None:
    """Lets the lids shut (T,) fall to `depth` and rise again, beginning at `onset` [s]."""
    shut = max(SHUT, 1.0 / fps)  # at least one frame sees the eye fully closed
    end = onset + closing + shut + opening
    first, last = int(np.ceil(onset * fps)), min(len(closure), int(np.ceil(end * fps)))
    time = np.arange(first, last) / fps - onset
    falling, rising = _ease(time / closing), _ease((time - closing - shut) / opening)
    closure[first:last] = np.maximum(closure[first:last], depth * falling * (1.0 - rising))


def saccades(
    duration: float, seed: int, rate: Rate = lambda t: 1.0, width: Rate = lambda t: 1.0
) -> Iterator[tuple[float, tuple[float, float]]]:
    """Turns of the gaze up to the first after `duration` [s]: (onset [s], where to, in eyeLook coefficients)."""
    rng, time = np.random.default_rng([seed, 2]), 0.0
    while time < duration:
        time += FIXATION_MEDIAN * np.exp(FIXATION_SIGMA * rng.standard_normal()) / rate(time)
        home, away = rng.uniform() < HOME, rng.standard_normal(2) * (GAZE_WIDTH, GAZE_HEIGHT)
        yield time, (0.0, 0.0) if home else tuple(np.clip(width(time) * away, -0.25, 0.25))


def gaze(frames: int, fps: float, seed: int, rate: Rate = lambda t: 1.0) -> np.ndarray:
    """Direction of the eyes (frames, 2): x to the person's left, y up, in eyeLook coefficients."""
    return _gaze_path(list(saccades(frames / fps, seed, rate)), frames, fps)


def _gaze_path(turns: list[tuple[float, tuple[float, float]]], frames: int, fps: float) -> np.ndarray:
    starts = [start for start, _ in turns]
    now, place = np.arange(frames) / fps, np.array([(0.0, 0.0), *(target for _, target in turns)])
    event = np.searchsorted(starts, now, "right")  # how many saccades have begun
    before = np.maximum(event - 1, 0)
    moved = _ease((now - np.array(starts)[before]) / FLIGHT)[:, None]
    return place[before] + np.where(event[:, None] > 0, moved, 0.0) * (place[event] - place[before])


def _lid_turns(
    turns: list[tuple[float, tuple[float, float]]], frames: int, fps: float, seed: int, blinking: Rate, slowness: Rate
) -> np.ndarray:
    """Closure of the lids (frames,) that goes with large turns of the gaze."""
    rng, closure, before = np.random.default_rng([seed, 6]), np.zeros(frames), np.zeros(2)
    for onset, target in turns:
        chance, now = rng.uniform(), np.array(target)
        if np.abs(now - before).max() > LARGE and onset < frames / fps:
            depth = 1.0 if chance < BLINKING * blinking(onset) else DIP
            longer = slowness(onset)
            _close(closure, fps, onset, longer * CLOSING[1], longer * OPENING[0], depth)
        before = now
    return closure


def breath(frames: int, fps: float, seed: int) -> np.ndarray:
    """Depth of the breath (frames,), 0 to 1: in a little faster than out."""
    rng = np.random.default_rng([seed, 4])
    edges = [-BREATH_LENGTH[0] * rng.uniform()]  # a recording begins inside a breath
    while edges[-1] <= frames / fps:
        edges.append(edges[-1] + rng.uniform(*BREATH_LENGTH))
    now, edges = np.arange(frames) / fps, np.array(edges)
    number = np.searchsorted(edges, now, "right")
    share = (now - edges[number - 1]) / (edges[number] - edges[number - 1])
    return _ease(share / INHALING) * _ease((1.0 - share) / (1.0 - INHALING))


def _breathe(out: np.ndarray, fps: float, seed: int, quiet: np.ndarray) -> None:
    """Adds the breath where it is quiet (T,): slowly coming, gone at once when somebody speaks."""
    keep = np.exp(-1.0 / (SETTLE * fps))
    settled = np.array(list(accumulate(quiet.tolist(), lambda before, now: keep * before + (1.0 - keep) * now)))
    depth = settled * quiet * breath(len(out), fps, seed)
    for name, size in BREATH.items():
        out[:, ARKIT_INDEX[name]] += size * depth


def _close_lids(out: np.ndarray, closure: np.ndarray) -> None:
    """Closes the lids whatever the face does: wide eyes give way, a raised lower lid sinks a little."""
    for side in ("Left", "Right"):
        blink, wide, squint = (ARKIT_INDEX[f"eye{part}{side}"] for part in ("Blink", "Wide", "Squint"))
        out[:, blink] += closure * (1.0 - np.minimum(out[:, blink], 1.0))
        out[:, wide] *= 1.0 - (1.0 - WIDE_LEFT) * closure**2
        out[:, squint] *= 1.0 - 0.8 * closure**2


def _look(out: np.ndarray, path: np.ndarray) -> None:
    """Adds a gaze path to the eyeLook coefficients; opposite directions cancel."""
    left, up = path[:, 0], path[:, 1]
    for side, to_left, to_right in (("Left", "Out", "In"), ("Right", "In", "Out")):
        pairs = ((f"eyeLook{to_left}{side}", f"eyeLook{to_right}{side}", left),)
        pairs += ((f"eyeLookUp{side}", f"eyeLookDown{side}", up),)
        for positive, negative, shift in pairs:
            p, n = ARKIT_INDEX[positive], ARKIT_INDEX[negative]
            total = out[:, p] - out[:, n] + shift
            out[:, p], out[:, n] = np.maximum(total, 0.0), np.maximum(-total, 0.0)


def _drift(out: np.ndarray, fps: float, rng: np.random.Generator) -> None:
    """Slow wandering of the brows: three incommensurate waves a group, lifted to stay above zero."""
    time = np.arange(len(out)) / fps
    for names in (("browInnerUp",), ("browOuterUpLeft", "browOuterUpRight")):
        periods, phases = rng.uniform((3, 7, 13), (6, 12, 23)), rng.uniform(0, 2 * np.pi, 3)
        waves = np.sin(2 * np.pi * time[:, None] / periods + phases)
        for name in names:
            out[:, ARKIT_INDEX[name]] += DRIFT * (0.5 + 0.5 * waves.mean(1))


def _ease(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _curve(curve: np.ndarray | None, frames: int, default: float) -> np.ndarray:
    if curve is None:
        return np.full(frames, default)
    curve = np.clip(np.asarray(curve, np.float64), 0.0, 1.0)
    if curve.shape != (frames,):
        raise InputError(f"a curve for idle motion has shape {curve.shape}, expected ({frames},)")
    return curve


def _lookup(curve: np.ndarray, fps: float) -> Rate:
    return lambda t: float(curve[min(int(t * fps), len(curve) - 1)])
