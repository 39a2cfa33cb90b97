"""Makes the picture of the README: one recording, one face, seven emotions, above the timeline that asked for them.

    python tools/make_picture.py --out docs/images/emotions.jpg

The faces are frames of one run of `sedtalker animate` and `sedtalker render --png`; the timeline below them is that
run's `.emotion.csv` and the waveform of the recording.
"""

import argparse
import csv
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf
from matplotlib.figure import Figure
from PIL import Image

from sedtalker_cli.emotion.colors import class_colours, hex_colour

RECORDING = Path(__file__).resolve().parents[1] / "examples" / "promise.flac"
DURATION = 5.5  # s
ORDER = ("neutral", "sad", "fear", "disgust", "surprise", "angry", "happy")
FPS, FACE = 50, (240, 300)  # width and height of a face in the sheet
CROP = (96, 24, 416, 424)  # of a film frame of 512 x 512: the head, at the shape of FACE
DPI = 100
DARK = 128  # brightness of 255 up to which letters are white


def sedtalker(*words: object) -> None:
    """Run a command of the product."""
    subprocess.run([sys.executable, "-m", "sedtalker_cli", *map(str, words), "--quiet"], check=True)


def make_faces(folder: Path, frames: list[int]) -> tuple[list[Image.Image], list[dict[str, str]]]:
    """Animate the recording with all emotions in turn.

    Args:
        folder: for the files between.
        frames: numbers of the frames to show.

    Returns:
        Their pictures, and the rows of the emotion CSV.
    """
    edges = np.linspace(0, DURATION, len(ORDER) + 1).round(3)
    spans = ",".join(f"{start}-{end}={name}" for name, start, end in zip(ORDER, edges[:-1], edges[1:], strict=True))
    sedtalker("animate", RECORDING, "--emotion-override", spans, "--fps", FPS, "--idle", "off", "--out", folder)
    motion = folder / f"{RECORDING.stem}.npy"
    sedtalker("render", motion, "--png", "--size", "512x512", "--camera", "front", "--out", folder)
    pictures = [
        Image.open(folder / f"{RECORDING.stem}.png" / f"{frame:06d}.png").convert("RGB").crop(CROP).resize(FACE)
        for frame in frames
    ]
    with open(folder / f"{RECORDING.stem}.emotion.csv", newline="", encoding="utf-8") as file:
        return pictures, list(csv.DictReader(file))


def draw_timeline(rows: list[dict[str, str]], shown: list[float], width: int) -> Image.Image:
    """Waveform and posteriors over time.

    Args:
        rows: of the emotion CSV.
        shown: times of the faces in s.
        width: of the picture in pixels.
    """
    sound, rate = sf.read(RECORDING)
    classes = sorted(ORDER)
    colours = class_colours(classes)
    times = np.array([float(row["time"]) for row in rows])
    shares = np.array([[float(row[f"p_{name}"]) for name in classes] for row in rows]).T
    figure = Figure(figsize=(width / DPI, 2.0), dpi=DPI)
    figure.subplots_adjust(left=0, right=1, top=1, bottom=0.14, hspace=0)
    wave, areas = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1))
    wave.plot(np.arange(len(sound)) / rate, sound, color="#5b6570", linewidth=0.4)
    wave.set_ylim(-1, 1)
    wave.axis("off")
    areas.stackplot(times, shares, colors=[hex_colour(colours[name]) for name in classes], linewidth=0)
    areas.set(xlim=(0, DURATION), ylim=(0, 1), yticks=[])
    for name, time in zip(ORDER, shown, strict=True):
        ink = "black" if np.dot(colours[name], (0.3, 0.6, 0.1)) > DARK else "white"
        areas.text(time, 0.5, name, ha="center", va="center", fontsize=17, color=ink)
    for side in areas.spines.values():
        side.set_visible(False)
    areas.set_xticks(range(int(DURATION) + 1), [f"{second} s" for second in range(int(DURATION) + 1)])
    for label in areas.get_xticklabels()[:1]:
        label.set_ha("left")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="PNG or JPEG file")
    out = parser.parse_args().out
    centres = [(number + 0.5) * DURATION / len(ORDER) for number in range(len(ORDER))]
    with tempfile.TemporaryDirectory() as folder:
        faces, rows = make_faces(Path(folder), [round(time * FPS) for time in centres])
    timeline = draw_timeline(rows, centres, FACE[0] * len(faces))
    sheet = Image.new("RGB", (timeline.width, FACE[1] + timeline.height), "white")
    for number, face in enumerate(faces):
        sheet.paste(face, (number * FACE[0], 0))
    sheet.paste(timeline, (0, FACE[1]))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, quality=88, optimize=True)


if __name__ == "__main__":
    main()
