"""Captured motion in the layout of GRID, in small."""

from pathlib import Path

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_NAMES

# Trackers have `_neutral` first, do not know tongueOut, and sort by name.
TRACKED = ("_neutral", *sorted(name for name in ARKIT_NAMES if name != "tongueOut"))
POINTS = (61, 13, 263, 1, 33, 14, 291)
WORDS = "sil@0.000-0.600 bin@0.600-0.900 blue@0.900-1.400 sil@1.400-2.000"


def write_grid(
    folder: Path, name: str = "bbaf2n", split: str = "train", frames: int = 50, words: str = WORDS, **tracks
):
    """A clip: `tracks` gives coefficients by name, `gap` and `width` in units of the eye distance."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "channels.txt").write_text("\n".join(TRACKED) + "\n")
    (folder / "landmarks.txt").write_text("\n".join(map(str, POINTS)) + "\n")
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        manifest.write_text("name,split,frames,words\n")
    with manifest.open("a") as file:
        file.write(f"{name},{split},{frames},{words}\n")
    gap, width = (np.broadcast_to(tracks.pop(key, default), frames) for key, default in (("gap", 0.1), ("width", 0.5)))
    blendshapes = np.zeros((frames, len(TRACKED)), np.float16)
    for channel, values in tracks.items():
        blendshapes[:, TRACKED.index(channel)] = values
    points = np.zeros((frames, len(POINTS), 3))
    scale = 4000.0
    place = {33: (-scale / 2, 0), 263: (scale / 2, 0), 13: (0, 3000.0), 61: (-width * scale / 2, 3000.0)}
    place |= {14: (0, 3000.0 + gap * scale), 291: (width * scale / 2, 3000.0)}
    for number, (x, y) in place.items():
        points[:, POINTS.index(number), 0], points[:, POINTS.index(number), 1] = x, y
    np.savez(folder / f"{name}.npz", blendshapes=blendshapes, landmarks=points.astype(np.int16), pose=np.eye(4))
    return folder
