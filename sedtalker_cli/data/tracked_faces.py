"""Faces tracked from video by MediaPipe's face landmarker, one NAME.npz a clip, as `manifest.csv` lists them."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_NAMES, MOUTH

# Coefficients in the tracker's order, which is that of their names and knows no tongue.
CHANNELS = ("_neutral", *sorted(name for name in ARKIT_NAMES if name != "tongueOut"))
# Points of its mesh that are kept: lips, nose, chin, eyes, brows, sides of the face.
_POINTS = """
61 146 91 181 84 17 314 405 321 375 291 185 40 39 37 0 267 269 270 409 78 95 88 178 87 14 317 402 318 324 308 191 80 81
82 13 312 311 310 415 1 152 33 133 362 263 159 145 386 374 70 63 105 66 107 336 296 334 293 300 234 454 10 2 164 199
"""
LANDMARKS = tuple(map(int, _POINTS.split()))


@dataclass(frozen=True)
class TrackedMouth:
    """Mouth of one clip as tracked.

    Attributes:
        mouth: (T, M) coefficients `MOUTH`.
        gap, width: (T,) inner lip gap and lip width over the outer eye-corner distance.
        seen: (T,) bool, whether the face was found; between such frames values are filled in on straight lines.
        fps: frames a second, None where the file does not tell.
    """

    mouth: np.ndarray
    gap: np.ndarray
    width: np.ndarray
    seen: np.ndarray
    fps: float | None


class TrackedFolder:
    """A folder of tracked clips: `manifest.csv` and NAME.npz with `blendshapes` (T, 52) and `landmarks` (T, 66, 3).

    Args:
        folder: of them; `channels.txt` and `landmarks.txt` name the columns where their order is another.
        what: kind of folder, for messages.
        described: the two tables must be there.

    Raises:
        InputError: the folder does not hold them.
    """

    def __init__(self, folder: Path, what: str, described: bool = False):
        self.folder, self.what = folder, what
        try:
            names = self._order("channels.txt", CHANNELS, described)
            numbers = tuple(map(int, self._order("landmarks.txt", LANDMARKS, described)))
            with (folder / "manifest.csv").open(newline="") as file:
                self.rows = list(csv.DictReader(file))
        except OSError as error:
            raise InputError(f"{folder}: not a folder of {what} ({error})") from error
        self.columns = [names.index(name) for name in MOUTH]
        self.landmark = {number: place for place, number in enumerate(numbers)}

    def _order(self, name: str, usual: tuple, described: bool) -> tuple:
        path = self.folder / name
        return tuple(path.read_text().split()) if described or path.is_file() else usual

    def read(self, name: str) -> TrackedMouth:
        """One clip.

        Raises:
            InputError: it is missing or damaged, or no face was found in it.
        """
        path = self.folder / f"{name}.npz"
        try:
            with np.load(path) as data:
                tracked, points = data["blendshapes"].astype(np.float32), data["landmarks"].astype(np.float32)
                fps = float(data["fps"]) if "fps" in data else None
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"{path}: not a clip of {self.what} ({error})") from error

        seen = np.isfinite(tracked).all(1) & points.any((1, 2))
        if not seen.any():
            raise InputError(f"{path}: no face was found in any frame")

        def between(a: int, b: int) -> np.ndarray:
            return np.linalg.norm(points[:, self.landmark[a]] - points[:, self.landmark[b]], axis=1)

        scale = np.median(between(33, 263)[seen])
        lips = np.stack([between(13, 14) / scale, between(61, 291) / scale], 1)
        columns = _filled(np.concatenate([tracked[:, self.columns], lips], 1), seen)
        return TrackedMouth(columns[:, :-2], columns[:, -2], columns[:, -1], seen, fps)


def _filled(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Values (T, K) with the rows that were not seen read between those that were."""
    rows = np.arange(len(values))
    if seen.all():
        return values
    return np.stack([np.interp(rows, rows[seen], column[seen]) for column in values.T], 1).astype(np.float32)
