"""A motion on disk, as `animate` leaves it."""

import numpy as np

from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import load_head
from sedtalker_cli.formats.motion import write_motion

FRAMES = 10


def write_talk(folder, name="a", jaw=0.8, fps=25, frames=FRAMES, emotions=False):
    """A motion in which the jaw opens."""
    folder.mkdir(exist_ok=True)
    head = load_head()
    weights = np.zeros((frames, 52), np.float32)
    weights[:, ARKIT_INDEX["jawOpen"]] = np.linspace(0, jaw, frames)
    write_motion(folder / f"{name}.npy", head.stream(weights), (frames, *head.neutral.shape), {"fps": fps})
    if emotions:
        from sedtalker_cli.formats.emotion_csv import write_emotion_csv

        half = frames / fps / 2
        segments = [Segment(0, half, "angry"), Segment(half, half, "sad")]
        timeline = EmotionTimeline.from_segments(segments, EMOTIONS, 2 * half, 0.5)
        write_emotion_csv(folder / f"{name}.emotion.csv", timeline)
    return folder / f"{name}.npy"
