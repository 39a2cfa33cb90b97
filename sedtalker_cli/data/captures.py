"""Captured mouth motion in one form: ARKit coefficients of the mouth with the sound, and the measured lip opening."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.arkit import ARKIT_NAMES, MOUTH
from sedtalker_cli.face.head import Head
from sedtalker_cli.face.regions import CLOSED, eye_distance, lip_opening

_INDEX = {name: i for i, name in enumerate(ARKIT_NAMES)}
# Tracked jaw opening to that of the bundled head: enough that mouthClose can take back the rest.
JAW_SCALE = 1.3
# This tracker hardly sees funnelled lips (deviation .004 of 1); its curve is good, its size is not.
FUNNEL_SCALE = 8.0
CLOSED_GAP = 0.004  # lips that touch, in units of the outer eye-corner distance, as tracked
# Share of a narrowing of the lips that mouthPucker takes over. All of it would make the lips pout wherever the jaw
# narrows them; this share keeps r = .91 with the tracked pucker and .97 with the tracked width.
NARROWING = 0.4
FACEGOOD_SCALE = 0.75  # solved coefficients of that rig open wider than the bundled head should


@dataclass(frozen=True)
class Capture:
    """One recording with its motion.

    Attributes:
        name: of the recording.
        source: `grid` or `facegood`.
        split: train, val or test.
        audio: the sound file.
        fps: of the motion.
        weights: (T, 52) ARKit coefficients of the mouth, silence baseline removed; other channels 0.
        channels: (52,) bool, channels that the source measured.
        gap: (T,) inner lip gap over outer eye-corner distance, or None.
        width: (T,) lip width over outer eye-corner distance, or None; `rest_width` is its mean in silence.
        words: (word, start s, end s) with `sil` for silence; empty where unknown.
    """

    name: str
    source: str
    split: str
    audio: Path
    fps: float
    weights: np.ndarray
    channels: np.ndarray
    gap: np.ndarray | None = None
    width: np.ndarray | None = None
    rest_width: float = 0.0
    words: tuple[tuple[str, float, float], ...] = ()


def read_grid(folder: Path) -> list[Capture]:
    """Tracked clips of the GRID corpus: `manifest.csv`, `NAME.ogg`, `NAME.npz`, `channels.txt`, `landmarks.txt`.

    Raises:
        InputError: the folder does not hold them.
    """
    try:
        names = (folder / "channels.txt").read_text().split()
        landmark = {int(n): i for i, n in enumerate((folder / "landmarks.txt").read_text().split())}
        with (folder / "manifest.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"{folder}: not a folder of tracked GRID clips ({error})") from error
    pick = [names.index(name) for name in MOUTH]
    place = [_INDEX[name] for name in MOUTH]
    captures = []
    for row in rows:
        words = tuple(_word(text) for text in row["words"].split())
        with np.load(folder / f"{row['name']}.npz") as data:
            tracked, points = data["blendshapes"].astype(np.float32), data["landmarks"].astype(np.float32)

        def between(a: int, b: int, points=points) -> np.ndarray:
            return np.linalg.norm(points[:, landmark[a]] - points[:, landmark[b]], axis=1)

        scale = np.median(between(33, 263))
        silent = _in_silence(words, len(tracked), 25.0)
        weights = np.zeros((len(tracked), len(ARKIT_NAMES)), np.float32)
        weights[:, place] = np.clip(tracked[:, pick] - tracked[silent][:, pick].mean(0), 0, 1)
        weights[:, _INDEX["jawOpen"]] *= JAW_SCALE
        weights[:, _INDEX["mouthFunnel"]] = np.clip(FUNNEL_SCALE * weights[:, _INDEX["mouthFunnel"]], 0, 1)
        for side in ("Left", "Right"):  # a smile is not measured by this tracker while speaking
            weights[:, _INDEX["mouthSmile" + side]] = 0
        channels = np.zeros(len(ARKIT_NAMES), bool)
        channels[place] = True
        width = between(61, 291) / scale
        captures.append(
            Capture(
                row["name"],
                "grid",
                row["split"],
                folder / f"{row['name']}.ogg",
                25.0,
                weights,
                channels,
                gap=between(13, 14) / scale,
                width=width,
                rest_width=float(width[silent].mean()),
                words=words,
            )
        )
    return captures


def _word(text: str) -> tuple[str, float, float]:
    word, times = text.split("@")
    start, end = times.split("-")
    return word, float(start), float(end)


def _in_silence(words, frames: int, fps: float) -> np.ndarray:
    """Frames inside the words `sil`, 0.1 s away from speech; all frames if there are none."""
    times = np.arange(frames) / fps
    silent = np.zeros(frames, bool)
    for word, start, end in words:
        if word == "sil":
            silent |= (times >= start + (0.1 if start > 0 else 0)) & (times < end - 0.1)
    return silent if silent.sum() > 3 else np.ones(frames, bool)


def _largest(weights: np.ndarray, names: list[str], *starts: str) -> np.ndarray:
    columns = [i for i, name in enumerate(names) if name.startswith(starts)]
    return weights[:, columns].max(1) if columns else np.zeros(len(weights), np.float32)


def read_facegood(folder: Path, held_out: str = "1114_3_15") -> list[Capture]:
    """Solved takes: `NAME.flac` and `NAME.npz` with `weights`, `names`, `fps`.

    Args:
        folder: with the takes.
        held_out: take of the test split.

    Raises:
        InputError: no take in the folder.
    """
    captures = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            solved, names, fps = data["weights"].astype(np.float32), [str(n) for n in data["names"]], float(data["fps"])

        def top(*starts: str, solved=solved, names=names) -> np.ndarray:
            return _largest(solved, names, *starts)

        oh, oo = top("mouth_oh"), top("mouth_oo")
        columns = {
            "jawOpen": top("mouth_stretch_c") + 0.35 * oh,
            "mouthFunnel": top("mouth_funnel") + 0.6 * oh + 0.3 * oo,
            "mouthPucker": top("mouth_pucker") + 0.8 * oo,
            "mouthSmileLeft": top("mouth_lipCornerPull_l"),
            "mouthSmileRight": top("mouth_lipCornerPull_r"),
            "mouthStretchLeft": top("mouth_lipStretch_l"),
            "mouthStretchRight": top("mouth_lipStretch_r"),
            "mouthRollLower": top("mouth_suck_d"),
            "mouthRollUpper": top("mouth_suck_u"),
            "mouthPressLeft": top("mouth_press_l"),
            "mouthPressRight": top("mouth_press_r"),
            "mouthLowerDownLeft": top("mouth_lowerLipDepress_l"),
            "mouthLowerDownRight": top("mouth_lowerLipDepress_r"),
            "mouthUpperUpLeft": top("mouth_upperLipRaise_l"),
            "mouthUpperUpRight": top("mouth_upperLipRaise_r"),
            "mouthShrugUpper": top("mouth_chinRaise_u"),
        }
        weights = np.zeros((len(solved), len(ARKIT_NAMES)), np.float32)
        channels = np.zeros(len(ARKIT_NAMES), bool)
        for name, column in columns.items():
            weights[:, _INDEX[name]] = np.clip(FACEGOOD_SCALE * column, 0, 1)
            channels[_INDEX[name]] = True
        split = "test" if path.stem == held_out else "train"
        captures.append(Capture(path.stem, "facegood", split, path.with_suffix(".flac"), fps, weights, channels))
    if not captures:
        raise InputError(f"{folder}: no takes (NAME.npz beside NAME.flac)")
    return captures


READERS: dict[str, Callable[[Path], list[Capture]]] = {"grid": read_grid, "facegood": read_facegood}


def close_lips(weights: np.ndarray, gap: np.ndarray, head: Head) -> np.ndarray:
    """Choose mouthClose so that the head's lips are as far apart as the tracked ones.

    ARKit keeps lips together under an open jaw only with mouthClose; trackers measure it poorly, lip landmarks well.

    Args:
        weights: (T, 52), jaw already scaled to the head.
        gap: (T,) measured inner lip gap over outer eye-corner distance; `CLOSED_GAP` and less is closed as at rest.
        head: with ARKit shapes.

    Returns:
        (T, 52) with mouthClose in [0, jawOpen] set anew.
    """
    rest, change = lip_opening(head)
    jaw, close = _INDEX["jawOpen"], _INDEX["mouthClose"]
    weights = weights.copy()
    weights[:, close] = 0
    # Lips that touch overlap a little on the head (rest < 0); from `CLOSED` on both openings are the same.
    wanted = np.interp(gap, (CLOSED_GAP, CLOSED, 1.0), (rest, CLOSED, 1.0))
    weights[:, close] = np.clip((wanted - rest - weights @ change) / change[close], 0, weights[:, jaw])
    return weights


def match_width(weights: np.ndarray, change: np.ndarray, head: Head) -> np.ndarray:
    """Widen (mouthStretch) or narrow (mouthPucker) the mouth until its width follows the tracked one.

    Args:
        weights: (T, 52).
        change: (T,) measured lip width minus that of the resting mouth, over outer eye-corner distance.
        head: with ARKit shapes.

    Returns:
        (T, 52) with both coefficients adjusted, within [0, 1].
    """
    corners = head.regions["mouth_corner_points"]
    scale = eye_distance(head.neutral, head)
    # The corners move almost sideways only, so their distance is linear in the coefficients.
    wide = (head.deltas[:, corners[0], 0] - head.deltas[:, corners[1], 0]) / scale
    wide *= np.sign(head.neutral[corners[0], 0] - head.neutral[corners[1], 0])
    missing = change - weights @ wide
    weights = weights.copy()
    stretch, pucker = [_INDEX["mouthStretchLeft"], _INDEX["mouthStretchRight"]], _INDEX["mouthPucker"]
    weights[:, stretch] += (np.maximum(missing, 0) / wide[stretch].sum())[:, None]
    weights[:, pucker] += NARROWING * np.minimum(missing, 0) / wide[pucker]
    return np.clip(weights, 0, 1)


def on_head(capture: Capture, head: Head) -> np.ndarray:
    """The capture's coefficients (T, 52) such that this head's lips open and widen as the tracked ones did."""
    weights = capture.weights
    if capture.width is not None:
        weights = match_width(weights, capture.width - capture.rest_width, head)
    return weights if capture.gap is None else close_lips(weights, capture.gap, head)


def parse_capture(spec: str) -> tuple[str, Path]:
    """Split a command line's `SOURCE=PATH`.

    Raises:
        UsageError: there is no `=`, no path, or no source of that name.
    """
    name, equals, path = spec.partition("=")
    if not equals or not path or name not in READERS:
        raise UsageError(f"capture {spec!r} should be SOURCE=PATH with SOURCE one of {', '.join(READERS)}")
    return name, Path(path).expanduser()
