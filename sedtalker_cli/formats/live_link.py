"""ARKit coefficients as Apple's and Epic's Live Link Face app records them: one CSV row a frame."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.text import read_text

# The app's own order: jaw and mouth have Right before Left, all others Left before Right.
SHAPES = (
    *(f"Eye{move}{side}" for side in ("Left", "Right") for move in (
        "Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")),
    *("JawForward", "JawRight", "JawLeft", "JawOpen"),
    *("MouthClose", "MouthFunnel", "MouthPucker", "MouthRight", "MouthLeft"),
    *(f"Mouth{move}{side}" for move in ("Smile", "Frown", "Dimple", "Stretch") for side in ("Left", "Right")),
    *("MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper"),
    *(f"Mouth{move}{side}" for move in ("Press", "LowerDown", "UpperUp") for side in ("Left", "Right")),
    *("BrowDownLeft", "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight"),
    *("CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut"),
)  # fmt: skip
ANGLES = tuple(f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll"))
HEADER = ("Timecode", "BlendshapeCount", *SHAPES, *ANGLES)
MOST = 100.0  # of a coefficient or an angle
TICKS = 60  # the last field of the app's time code counts 60ths of a second, whatever the rate
# How far the app's eyes turn at a coefficient of 1 [radians], and which way its angles grow, both as in recordings of
# the app: eyes to the person's right and down, the head to the person's left and up.
LOOK_SIDEWAYS, LOOK_UP_DOWN = 1.5, 1.9
EYE_YAW_LEFT, EYE_PITCH_DOWN = -1.0, 1.0
HEAD_YAW_LEFT, HEAD_PITCH_DOWN, HEAD_ROLL = 1.0, -1.0, 1.0


def timecode(frame: int, fps: float) -> str:
    """`HH:MM:SS:FF.fff` of a frame at frame / fps seconds: the last field counts 60ths of a second and their parts."""
    seconds, rest = divmod(round(frame / fps * TICKS * 1000), TICKS * 1000)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def eye_angles(weights: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Yaw, pitch and roll of the left and of the right eye as the app has them, from the eyeLook coefficients.

    Args:
        weights: (T, K) coefficients.
        names: K ARKit names.

    Returns:
        (T, 6) [radians]: yaw is positive to the person's right, pitch downwards, roll is 0.
    """

    def column(name: str) -> np.ndarray:
        return weights[:, names.index(name)]

    angles = np.zeros((len(weights), 6))
    for place, (side, to_left, to_right) in enumerate((("Left", "Out", "In"), ("Right", "In", "Out"))):
        left = column(f"eyeLook{to_left}{side}") - column(f"eyeLook{to_right}{side}")
        down = column(f"eyeLookDown{side}") - column(f"eyeLookUp{side}")
        angles[:, 3 * place] = EYE_YAW_LEFT * LOOK_SIDEWAYS * left
        angles[:, 3 * place + 1] = EYE_PITCH_DOWN * LOOK_UP_DOWN * down
    return angles


def write_live_link(
    path: str | os.PathLike,
    weights: np.ndarray,
    names: tuple[str, ...],
    fps: float,
    head_angles: np.ndarray | None = None,
) -> None:
    """Write one row a frame: time code, 61, the 52 shapes in PascalCase, nine angles in radians.

    Args:
        path: `.csv` file.
        weights: (T, 52) coefficients.
        names: their ARKit names, in any order.
        fps: frames a second.
        head_angles: (T, 3) turns of the head about y, x and z [radians], as `head_angles` of `motion.head_motion` gives
            them: yaw grows to the person's left, pitch downwards; None is a head that stays.
    """
    order = [names.index(shape[0].lower() + shape[1:]) for shape in SHAPES]
    signs = (HEAD_YAW_LEFT, HEAD_PITCH_DOWN, HEAD_ROLL)
    head = np.zeros((len(weights), 3)) if head_angles is None else head_angles * np.array(signs)
    values = np.concatenate([weights[:, order], head, eye_angles(weights, names)], axis=1) + 0.0  # no minus zeros
    with atomic_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEADER)
        for frame, row in enumerate(values):
            rows.writerow([timecode(frame, fps), len(SHAPES) + len(ANGLES), *(f"{value:.6f}" for value in row)])


def read_live_link(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read a recording; columns are found by name.

    Args:
        path: `.csv` file as the app or `write_live_link` writes it.

    Returns:
        (T, 52) coefficients in the order of `SHAPES`; (T, 9) angles in the order of `ANGLES` [radians].

    Raises:
        InputError: a column is missing, or a row cannot be read.
    """
    rows = csv.reader(read_text(Path(path)).splitlines())
    values = []
    try:
        place = {re.sub(r"\W", "", name).lower(): k for k, name in enumerate(next(rows, []))}
        missing = [name for name in (*SHAPES, *ANGLES) if name.lower() not in place]
        if missing:
            raise InputError(f"{path}:1: lacks the column {missing[0]}; this is no Live Link Face recording")
        columns = [place[name.lower()] for name in (*SHAPES, *ANGLES)]
        for row in rows:
            values.append([float(row[k]) for k in columns])
            if not all(abs(value) <= MOST for value in values[-1]):  # NaN compares as False
                raise ValueError
    except (ValueError, IndexError):
        raise InputError(f"{path}:{rows.line_num}: is not a row of {len(columns)} numbers") from None
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num + 1}: not a CSV line ({error})") from error
    table = np.array(values, np.float32).reshape(-1, len(columns))
    return table[:, : len(SHAPES)], table[:, len(SHAPES) :]
