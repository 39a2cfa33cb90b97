"""Shares of the answers: what is right counts, what is chance does not; stretches inside joined recordings."""

import numpy as np
import pytest
import torch

from sedtalker_cli.training.diarizer.clips import IN_JOINED
from sedtalker_cli.training.diarizer.joined import JoinedSet, stretches_of
from sedtalker_cli.training.diarizer.labels import UNLABELLED
from sedtalker_cli.training.diarizer.shares import fit_levels, fit_shares
from tests.training.diarizer.summaries import clip_set


def test_shares_follow_who_is_right():
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(7, (4000,), generator=generator)
    truth = torch.nn.functional.one_hot(target, 7).float()
    good, chance = (torch.randn(4000, 7, generator=generator) for _ in range(2))
    good = truth + good  # the likelihood ratio of unit noise: its share is 1
    target[:10] = UNLABELLED
    found = fit_shares([good, chance], target, torch.ones(4000))
    assert found.tolist() == pytest.approx([1.0, 0.0], abs=0.08) and (found >= 0).all()


def test_frames_count_by_their_weight():
    target = torch.tensor([0, 1] * 50)
    right = torch.nn.functional.one_hot(target, 7).float()
    wrong = right.roll(1, dims=1)
    halves = torch.arange(100) < 50
    first = torch.where(halves[:, None], right, wrong)
    second = torch.where(halves[:, None], wrong, right)
    found = fit_shares([first, second], target, torch.where(halves, 1.0, 1e-6))
    assert found[0] > 3 and found[1] < 0.1 * found[0]


def test_levels_that_are_right_as_they_are_stay():
    wanted = torch.rand(500, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    noise = torch.randn(500, generator=torch.Generator().manual_seed(1))
    wanted[0] = torch.nan
    found = fit_levels([wanted.nan_to_num(0.5).logit(), noise], wanted)
    assert found.tolist() == pytest.approx([1.0, 0.0], abs=0.02)


def test_stretches_between_changes_of_emotion():
    """60 frames of class 0, 20 of silence, 40 of class 3: two wholes; parts lie inside them."""
    accepted = np.zeros((120, 7), bool)
    accepted[:60, 0], accepted[80:, 3] = True, True
    rng = np.random.default_rng(0)
    features = rng.standard_normal((120, 2, 4)).astype(np.float16)
    features[:60, :, 0] += 4
    features[60:80] = 100
    joined = JoinedSet(
        features,
        bounds=np.array([[0, 120]]),
        emotion=np.where(accepted.any(1), accepted.argmax(1), UNLABELLED),
        accepted=accepted,
        intensity=np.where(np.arange(120) < 60, 0.5, np.nan).astype(np.float32),
        known=np.ones((1, 7), bool),
        names=np.array(["ravdess/3"]),
        meta=({},),
    )
    found = stretches_of(joined)
    whole = found.whole
    assert found.frames[whole].tolist() == [60, 40] and (found.frames[~whole] < 60).all()
    assert found.accepted[whole].argmax(1).tolist() == [0, 3]
    assert found.intensity[whole].tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert set(found.copy) == {IN_JOINED} and set(found.speaker) == {"ravdess/3"} and set(found.corpus) == {"ravdess"}
    x = torch.from_numpy(features[80:].astype(np.float32))
    x = torch.nn.functional.layer_norm(x, (4,)).flatten(1)
    assert found.mean[whole][1] == pytest.approx(x.mean(0).numpy(), abs=2e-3)
    assert found.square[whole][1] == pytest.approx((x**2).mean(0).numpy(), abs=5e-3)
    clips = clip_set(labels=[1, 2], speakers=["4", "4"])
    both = clips + found
    assert len(both) == 2 + len(found) and len(both.of(["ravdess/4"])) == 2 and len(both.sample) == len(clips.sample)
