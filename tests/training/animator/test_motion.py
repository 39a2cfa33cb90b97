"""Examples of motion for the animator, and its loss."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sedtalker_cli.data.examples import Example
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.head import load_head
from sedtalker_cli.training.animator.examples import still_sound
from sedtalker_cli.training.animator.loss import MotionLoss
from sedtalker_cli.training.animator.motion import MotionSet, at_feature_rate, draw_emotions, loudness, vary
from sedtalker_cli.training.animator.settings import AnimatorTraining
from tests.training.recordings import RATE, buzz


class CountingEncoder:
    """Every frame's feature is its number."""

    num_taps, dim = 1, 2

    def encode(self, blocks):
        frames = -(-sum(map(len, blocks)) // 320)
        return torch.arange(frames).half().repeat_interleave(2).view(frames, 1, 2)


def test_motion_is_read_at_the_centres_of_feature_frames():
    values = np.arange(10.0)[:, None] / 25  # its own time at 25 fps
    found = at_feature_rate(values, 25, 20)[:, 0]
    np.testing.assert_allclose(found, np.minimum((np.arange(20) + 0.5) / 50, 9 / 25), atol=1e-6)


def test_loudness_follows_the_sound():
    x = np.concatenate([np.zeros(8000), buzz(200, 1.0, 0), np.zeros(8000)])
    level = loudness(x, 100)
    assert level.shape == (100,) and level.min() == 0 and level.max() == 1
    assert level[:23].max() == 0 and level[30:70].mean() > 0.6
    assert loudness(np.zeros(100), 1).shape == (1,)


def test_varied_examples_keep_sound_and_motion_together():
    example = Example(buzz(150, 1.2, 0), np.random.rand(30, 52), 25.0, np.ones(52, bool), "grid")
    speeds = set()
    for seed in range(12):
        varied = vary(example, np.random.default_rng(seed))
        assert len(varied.mouth) / varied.fps == pytest.approx(len(varied.waveform) / RATE, rel=0.01)
        assert np.array_equal(varied.mouth, example.mouth) and varied.style == "grid"
        assert varied.waveform.dtype == np.float32 and np.isfinite(varied.waveform).all()
        speeds.add(varied.fps)
    assert 25.0 in speeds and len(speeds) > 2


def test_drawn_emotions_are_timelines():
    kinds = set()
    for seed in range(60):
        posteriors, intensity = draw_emotions(200, np.random.default_rng(seed))
        assert posteriors.shape == (200, 7) and intensity.shape == (200,)
        np.testing.assert_allclose(posteriors.sum(1), 1, atol=1e-5)
        assert posteriors.min() >= -1e-6 and intensity.min() >= 0 and intensity.max() <= 1 + 1e-6
        assert np.abs(np.diff(posteriors, axis=0)).max() <= 1 / 3 + 1e-6  # changes are never at once
        kinds.add(int(posteriors.mean(0).argmax()))
    assert kinds == set(range(7))
    assert draw_emotions(1, np.random.default_rng(0))[0].shape == (1, 7)


def test_still_sounds_are_of_every_kind():
    sounds = [still_sound(np.random.default_rng(seed)) for seed in range(12)]
    assert all(x.shape == (3 * RATE,) and x.dtype == np.float32 and np.abs(x).max() <= 1 for x in sounds)
    assert any((x == 0).all() for x in sounds) and len({x.tobytes() for x in sounds}) > 6


def test_motion_batches(tmp_path):
    known = np.zeros(52, bool)
    known[ARKIT_INDEX["jawOpen"]] = True

    def example(seconds, level):
        mouth = np.zeros((round(25 * seconds), 52), np.float32)
        mouth[:, ARKIT_INDEX["jawOpen"]] = level
        return Example(buzz(200, seconds, 0), mouth, 25.0, known, "facegood")

    made = [example(0.5, 0.2), example(0.62, 0.2), example(3.0, 0.2)]
    motion = MotionSet.build(tmp_path / "draw", made, CountingEncoder(), "encoding")
    assert len(motion) == 3 and np.diff(motion.bounds).tolist() == [25, 31, 150]
    (batch,) = motion.batches(3, ("grid", "facegood"), np.random.default_rng(0), longest=60)
    assert sorted(batch["mask"].sum(1).tolist()) == [25, 31, 60]
    assert batch["style"].tolist() == [1, 1, 1]
    assert (batch["known"].numpy() == known).all()
    starts = set()
    for row, length in enumerate(batch["mask"].sum(1).int().tolist()):
        numbers = batch["features"][row, :length, 0, 0]
        assert (numbers.diff() == 1).all()
        starts.add((length, int(numbers[0])))
        assert (batch["motion"][row, length:] == 0).all() and (batch["features"][row, length:] == 0).all()
        # Beyond the end the last emotion goes on, see `test_padding_in_the_animator_goes_on_with_the_last_emotion`.
        assert (batch["posteriors"][row, length:] == batch["posteriors"][row, length - 1]).all()
        assert (batch["intensity"][row, length:] == batch["intensity"][row, length - 1]).all()
        assert batch["motion"][row, :length].amax() > 0.05
    assert (25, 0) in starts and (31, 0) in starts
    crops = {
        int(next(iter(motion.batches(3, ("grid", "facegood"), np.random.default_rng(s), 60)))["features"].sum())
        for s in range(5)
    }
    assert len(crops) > 1  # long recordings are cut elsewhere every time


@pytest.fixture(scope="module")
def criterion():
    settings = AnimatorTraining(captures=(), corpora=(), splits=None, out=Path("unused"), encoder="unused")
    return MotionLoss(load_head(), np.full(52, 0.1, np.float32), settings)


def everything(frames=6):
    return torch.ones(1, 52), torch.ones(1, frames)


def test_loss_of_the_truth_is_nothing(criterion):
    motion = torch.rand(1, 12, 52, generator=torch.Generator().manual_seed(0)) * 0.5
    assert criterion(motion, motion, *everything(12)).tolist() == [0, 0, 0, 0, 0]


def test_loss_measures_in_spreads_and_millimetres(criterion):
    target = torch.zeros(1, 6, 52)
    found = target.clone()
    found[..., ARKIT_INDEX["jawOpen"]] = 0.1
    coefficients, velocity, vertices, *_ = criterion(found, target, *everything())
    assert coefficients.item() == pytest.approx(1 / 52) and velocity.item() == 0
    head = load_head()
    moved = head.deltas[ARKIT_INDEX["jawOpen"]][head.regions["lips"][::4]] * 0.1 * 1000
    assert vertices.item() == pytest.approx(float((moved**2).mean()), rel=1e-4)
    found[0, 3:, ARKIT_INDEX["jawOpen"]] = 0.2
    assert criterion(found, target, *everything())[1].item() == pytest.approx(1 / (5 * 52), rel=1e-4)


def test_loss_leaves_out_what_was_not_measured(criterion):
    found = torch.full((1, 6, 52), 0.3, requires_grad=True)
    known, mask = everything()
    pucker, brow = ARKIT_INDEX["mouthPucker"], ARKIT_INDEX["browInnerUp"]
    known[:, pucker], known[:, brow] = 0, 0
    mask[:, 4:] = 0
    criterion(found, torch.zeros(1, 6, 52), known, mask)[:3].sum().backward()
    assert (found.grad[0, :, pucker] == 0).all()
    assert (found.grad[0, :4, brow] != 0).all()  # beside the mouth there always is a target
    assert (found.grad[0, 4:] == 0).all() and (found.grad[0, :4, ARKIT_INDEX["jawOpen"]] != 0).all()
    # Speech without captured motion says nothing of the mouth at all.
    speech = torch.tensor([[float(not name.startswith(("jaw", "mouth"))) for name in ARKIT_NAMES]])
    found.grad = None
    criterion(found, torch.zeros(1, 6, 52), speech, torch.ones(1, 6)).sum().backward()
    assert (found.grad[..., ARKIT_INDEX["jawOpen"]] == 0).all() and (found.grad[..., brow] != 0).all()


def test_loss_wants_closed_lips_closed(criterion):
    target, found = torch.zeros(1, 6, 52), torch.zeros(1, 6, 52)
    jaw = ARKIT_INDEX["jawOpen"]
    found[0, :3, jaw] = 0.05
    assert criterion(found, target, *everything())[3] > 0.1
    target[0, :, jaw], found[0, :, jaw] = 0.5, 0.6
    assert criterion(found, target, *everything())[3] == 0  # open lips are not its matter


def test_loss_wants_motion_as_lively_as_captured(criterion):
    time = torch.arange(60) / 50
    target = torch.zeros(1, 60, 52)
    target[0, :, ARKIT_INDEX["jawOpen"]] = 0.2 + 0.2 * torch.sin(2 * torch.pi * 5 * time)
    losses = [float(criterion(scale * target, target, *everything(60))[4]) for scale in (1.0, 0.7, 0.4)]
    assert losses[0] == 0 and 0 < losses[1] < losses[2]
    # A shift in place or time is not its matter, and a recording of a few frames has none.
    assert float(criterion(target.roll(20, 1), target, *everything(60))[4]) < losses[1] / 4
    assert float(criterion(target[:, :6] * 0.4, target[:, :6], *everything(6))[4]) == 0
