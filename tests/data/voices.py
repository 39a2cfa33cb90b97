"""Tracked voices in small, in the layout of the folders for choosing."""

from pathlib import Path

import numpy as np

from sedtalker_cli.data.tracked_faces import CHANNELS, LANDMARKS


def write_voice(folder: Path, name: str, speaker: str, gap, kind: str = "studio", fps: float = 25.0, unseen=()):
    """A clip whose lip gap, over the eye distance, and jaw (three times of it) are given (T,)."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        manifest.write_text("name,set,split,speaker,kind,fps,frames\n")
    with manifest.open("a") as file:
        file.write(f"{name},made,dev,{speaker},{kind},{fps},{len(gap)}\n")
    gap, scale = np.asarray(gap, float), 4000.0
    blendshapes = np.zeros((len(gap), len(CHANNELS)), np.float16)
    blendshapes[:, CHANNELS.index("jawOpen")] = 3 * gap
    points = np.zeros((len(gap), len(LANDMARKS), 3))
    place = {33: (-scale / 2, 0), 263: (scale / 2, 0), 13: (0, 3000.0), 14: (0, 3000 + gap * scale)}
    place |= {61: (-0.25 * scale, 3000.0), 291: (0.25 * scale, 3000.0)}
    for number, (x, y) in place.items():
        points[:, LANDMARKS.index(number), 0], points[:, LANDMARKS.index(number), 1] = x, y
    blendshapes[list(unseen)], points[list(unseen)] = np.nan, 0
    np.savez(folder / f"{name}.npz", blendshapes=blendshapes, landmarks=points.astype(np.int16), fps=fps)
    return folder
