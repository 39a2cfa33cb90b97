"""The open mouth as it is drawn: teeth where people show them, corners that are not black."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import load_head
from sedtalker_cli.render.geometry import frame_head
from sedtalker_cli.render.scene import HeadScene
from sedtalker_cli.render.view import View

SIZE = 384


def drawn(identity: str | None, **weights: float) -> tuple[np.ndarray, np.ndarray]:
    """A close picture (H, W, 3) and the mask (H, W) of what lies between the lips; names stand for both sides."""
    head = load_head(identity)
    pose = np.zeros(52, np.float32)
    for name, value in weights.items():
        for full in [name] if name in ARKIT_INDEX else [f"{name}Left", f"{name}Right"]:
            pose[ARKIT_INDEX[full]] = value
    vertices = head.vertices(pose)
    with HeadScene(head, SIZE, SIZE, View(camera="close")) as scene:
        picture = scene.draw(vertices)[..., :3].astype(int)
    frame = frame_head(head, 1.0, "close")
    upper, lower = (frame.project(vertices[head.regions[f"seam_{lip}"]], SIZE, SIZE) for lip in ("upper", "lower"))
    mask = Image.new("1", (SIZE, SIZE))
    ImageDraw.Draw(mask).polygon([tuple(p) for p in [*upper, *lower[::-1]]], fill=1)
    return picture, np.asarray(mask)


def teeth(picture: np.ndarray, between: np.ndarray) -> float:
    """Share of bright, unsaturated pixels between the lips."""
    high, low = picture.max(-1), picture.min(-1)
    return float((between & (high > 120) & (high - low < 0.25 * high)).sum() / between.sum())


def black_corners(picture: np.ndarray, between: np.ndarray) -> float:
    """Share of black pixels in the outer 15 % of the opening to either side."""
    columns = np.flatnonzero(between.any(0))
    edge = 0.15 * np.ptp(columns)
    x = np.arange(SIZE)[None]
    corners = between & ((x < columns[0] + edge) | (x > columns[-1] - edge))
    return float((picture.max(-1)[corners] < 32).mean())


@pytest.mark.parametrize("identity", [None, "amara", "kofi", "mei", "walter"])
def test_an_open_vowel_shows_teeth_and_no_black_corners(identity):
    vowel = drawn(identity, jawOpen=0.35)
    parted = drawn(identity, jawOpen=0.35, mouthUpperUp=0.4, mouthLowerDown=0.4)
    assert teeth(*vowel) >= 0.03
    assert teeth(*parted) >= 0.08
    assert black_corners(*vowel) <= 0.10
    assert black_corners(*parted) <= 0.10


def test_a_smile_shows_teeth():
    assert teeth(*drawn(None, jawOpen=0.15, mouthSmile=0.6)) > 0.3


def test_frowning_brows_crease_the_skin_between_them():
    from sedtalker_cli.render.folds import Folds

    head = load_head()
    folds = Folds(head)
    assert folds(head.neutral)[:, 1].max() < 1e-5
    pose = np.zeros(52, np.float32)
    pose[[ARKIT_INDEX["browDownLeft"], ARKIT_INDEX["browDownRight"]]] = 1
    depth = folds(head.vertices(pose))[:, 1]
    at = head.neutral[depth > 0.8 * depth.max()]
    assert depth.max() > 0.3
    assert np.abs(at[:, 0]).max() < 0.02 and np.median(at[:, 1]) > 0.005
