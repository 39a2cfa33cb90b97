"""ARKit coefficients as Apple's and Epic's Live Link Face app records them: one CSV row a frame."""

from __future__ import annotations

import csv
import math
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
HEADER = ("Timecode", "BlendShapeCount", *SHAPES, *ANGLES)
MOST = 100.0  # of a coefficient or an angle
# how far the eyes turn at a coefficient of 1 [radians]
LOOK_IN_OUT, LOOK_UP, LOOK_DOWN = (math.radians(degrees) for degrees in (24.0, 17.0, 22.0))


def timecode(frame: int, fps: float) -> str:
    """`HH:MM:SS:FF.fff`: hours, minutes, seconds, and the frame within the second.

    Rates as 23.976 or 29.97 are counted as 24 or 30, as time code without dropped frames does.

    Raises:
        InputError: the rate is not near a whole number.
    """
    whole = round(fps)
    if abs(fps - whole) > 0.002 * fps:
        raise InputError(f"has {fps:g} frames a second, which time code cannot count: leave out arkit-csv")
    seconds, rest = divmod(frame, whole)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}:{rest:02d}.000"


def eye_angles(weights: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Yaw, pitch and roll of the left and of the right eye, from the eyeLook coefficients.

    Args:
        weights: (T, K) coefficients.
        names: K ARKit names.

    Returns:
        (T, 6) [radians]: yaw is positive to the person's left, pitch downwards, roll is 0.
    """

    def column(name: str) -> np.ndarray:
        return weights[:, names.index(name)]

    angles = np.zeros((len(weights), 6))
    for place, (side, to_left, to_right) in enumerate((("Left", "Out", "In"), ("Right", "In", "Out"))):
        angles[:, 3 * place] = LOOK_IN_OUT * (column(f"eyeLook{to_left}{side}") - column(f"eyeLook{to_right}{side}"))
        angles[:, 3 * place + 1] = LOOK_DOWN * column(f"eyeLookDown{side}") - LOOK_UP * column(f"eyeLookUp{side}")
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
        fps: frames a second; the time code counts in them.
        head_angles: (T, 3) yaw, pitch, roll of the head [radians]; None is a head that stays.
    """
    order = [names.index(shape[0].lower() + shape[1:]) for shape in SHAPES]
    head = np.zeros((len(weights), 3)) if head_angles is None else head_angles
    values = np.concatenate([weights[:, order], head, eye_angles(weights, names)], axis=1)
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
