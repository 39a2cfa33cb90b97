"""The strip of emotions below a film."""

import numpy as np
import pytest
from PIL import Image

from sedtalker_cli.emotion.colors import COLOURS
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.render import strip
from sedtalker_cli.render.strip import EmotionStrip, strip_height
from tests.render.balls import timeline


def test_strip_colours_height_and_playhead():
    width, height = 512, strip_height(512)
    drawn = EmotionStrip(timeline(4.0), 4.0, width, height)
    out = np.zeros((height, width, 4), np.uint8)
    drawn.draw(1.0, out)
    low, high = drawn._bottom - 2, drawn._top + 3
    for time, emotion in ((1.4, "angry"), (3.5, "sad")):
        x = drawn.column(time)
        assert tuple(out[low, x, :3]) == COLOURS[emotion]  # under the intensity of 0.5
        assert tuple(out[high, x, :3]) != COLOURS[emotion]  # above it only a hint
        assert np.argmax(out[high, x, :3]) == np.argmax(COLOURS[emotion])
    white = [x for x in range(width) if (out[drawn._top : drawn._bottom, x, :3] == 255).all()]
    assert white and abs(np.mean(white) - drawn.column(1.0)) < 1
    patch = tuple(out[(drawn._top - 2) // 2, drawn._pad + 2, :3])
    assert patch == COLOURS["angry"]
    drawn.draw(3.0, out)
    assert tuple(out[(drawn._top - 2) // 2, drawn._pad + 2, :3]) == COLOURS["sad"]
    x = drawn.column(1.0)
    assert tuple(out[low, x, :3]) == COLOURS["angry"]  # the playhead left no trace
    assert drawn.emotion_at(0) == "angry" and drawn.emotion_at(99) == "sad"


def test_strip_colours_are_apart():
    colours = np.array(list(strip.class_colours((*EMOTIONS, "upset", "bored")).values()), float)
    distance = np.abs(colours[:, None] - colours[None]).sum(-1)
    assert distance[~np.eye(len(colours), dtype=bool)].min() > 80


@pytest.mark.parametrize("duration", [0.03, 2.0, 75.0, 4000.0])
@pytest.mark.parametrize("width", [64, 512])
def test_strip_of_any_length(duration, width):
    height = strip_height(512)
    out = np.zeros((height, width, 4), np.uint8)
    EmotionStrip(timeline(duration), duration, width, height).draw(duration, out)
    assert Image.fromarray(out[..., :3]).getextrema()[0][1] == 255
