"""The diarizer's statistics networks: stretches that tile, answers for each as a whole, and their training."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.statistics import StatisticsNetwork
from sedtalker_cli.training.diarizer.statistics import Windows, fit_levels, fit_shares, train_statistics


@pytest.fixture
def network() -> DiarizerNetwork:
    torch.manual_seed(0)
    sizes = {"d_model": 8, "layout": "m", "stride": 2, "statistics": 5, "longest": 40, "prior_frames": 5}
    return DiarizerNetwork(3, 2, 4, **sizes).eval().requires_grad_(False)


def speech(frames: int = 150, change: int = 60) -> torch.Tensor:
    """Features (T, 2, 4) whose mean changes once."""
    x = torch.randn(frames, 2, 4, generator=torch.Generator().manual_seed(1))
    x[change:, :, 0] += 3
    return x


def two_classes(frames: int = 150, change: int = 60) -> torch.Tensor:
    """Logits (T, 3) that say class 0, then class 2, with doubts."""
    logits = torch.zeros(frames, 3)
    logits[:change, 0] = logits[change:, 2] = 2
    logits[::7] = 0
    return logits


def test_stretches_tile_and_are_not_too_long(network):
    network.stretch_decoding.copy_(torch.tensor([10.0, 3.0]))
    found = network.stretches(two_classes())
    assert found[0][0] == 0 and found[-1][1] == 150
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert 60 in [start for start, _ in found]
    assert max(stop - start for start, stop in found) <= 40


def test_a_stretch_has_one_answer_from_its_own_statistics(network):
    x = speech()
    answers = network.stretch_answer(x, [(0, 60), (60, 150)])
    assert torch.equal(answers[0], answers[59]) and torch.equal(answers[60], answers[149])
    standard = network.standard(x[60:]).flatten(1)
    expected = network.statistics[0](standard.mean(0), standard.std(0, unbiased=False) - 1)
    torch.testing.assert_close(answers[100], expected)
    # What lies elsewhere does not matter, what lies inside does.
    other = x.clone()
    other[:60] *= 2
    torch.testing.assert_close(network.stretch_answer(other, [(0, 60), (60, 150)])[60:], answers[60:])


def test_a_known_speaker_is_judged_against_his_own_centre(network):
    x = speech()
    centre = torch.nn.functional.layer_norm(x, x.shape[-1:]).mean(0)
    network.statistics[1].load_state_dict(network.statistics[0].state_dict())
    standard = network.standard(x).flatten(1)
    expected = network.statistics[0](torch.zeros(8), standard.std(0, unbiased=False) - 1)
    torch.testing.assert_close(network.stretch_answer(x, [(0, 150)], centre)[0], expected, atol=1e-4, rtol=1e-4)


def test_rescoring_adds_the_stretches_with_their_shares(network):
    x, logits, level = speech(), two_classes(), torch.zeros(150)
    same = network.rescore(x, logits, level)
    assert same[0] is logits and same[1] is level
    network.stretch_shares[0] = torch.tensor([0.5, 2.0])
    network.level_shares[0] = torch.tensor([1.0, 3.0])
    answers = network.stretch_answer(x, network.stretches(logits))
    found, heard = network.rescore(x, logits, level)
    torch.testing.assert_close(found, 0.5 * logits + 2 * answers[:, :3])
    torch.testing.assert_close(heard, 3 * answers[:, 3])


def windows(count: int = 1200) -> Windows:
    """Corpus 0 tells classes 0 and 1 apart by the first mean; corpus 1 has class 2 only and never tells of 0."""
    rng = np.random.default_rng(0)
    target = torch.from_numpy(rng.integers(0, 2, count))
    corpus = torch.from_numpy(rng.integers(0, 2, count))
    target = torch.where(corpus == 1, torch.where(target == 0, 1, 2), target)
    mean = torch.from_numpy(rng.standard_normal((count, 4))).float()
    mean[:, 0] += 3.0 * target
    known = torch.tensor([[True, True, False], [False, True, True]])[corpus]
    nothing = torch.zeros_like(mean)
    return Windows(mean, nothing, nothing, target, target.float() / 2, known, corpus)


def test_statistics_learn_and_the_same_seed_gives_the_same():
    data = windows()
    networks = [StatisticsNetwork(4, 4, hidden=16, dropout=0.1) for _ in range(2)]
    for network in networks:  # their own random weights are forgotten
        train_statistics(network, data, data.mean, seed=3, epochs=40, stage="statistics", batch=64, rate=1e-2)
    found = [network(data.mean, data.deviation) for network in networks]
    assert torch.equal(*found)
    masked = found[0][:, :3].masked_fill(~data.known, -1e9)
    assert (masked.argmax(1) == data.target).float().mean() > 0.9
    assert np.corrcoef(found[0][:, 3].sigmoid(), data.intensity)[0, 1] > 0.8
    # Nothing was said against the class that a corpus does not have: the other one goes its own way.
    high = network(torch.tensor([[6.0, 0, 0, 0]]), torch.zeros(1, 4))
    assert high[0, :3].argmax() == 2


def test_shares_find_the_answer_that_is_right():
    target = torch.arange(300) % 3
    right = torch.nn.functional.one_hot(target, 3) * 2.0 + torch.randn(300, 3, generator=torch.manual_seed(0))
    wrong = torch.randn(300, 3, generator=torch.manual_seed(1))
    shares, loss = fit_shares([right, wrong], target)
    assert shares[0] > 1 and abs(shares[1]) < 0.2
    assert loss < float(torch.nn.functional.cross_entropy(right / 2 + wrong / 2, target))
    level = torch.linspace(-3, 3, 100)
    wanted = (2 * level).sigmoid()
    wanted[::2] = float("nan")
    assert fit_levels([level, torch.zeros(100)], wanted)[0] == pytest.approx(2, abs=0.05)


def test_turns_are_runs_of_labels():
    found = runs_of(np.array([4, 4, 1, 1, 1, 4]))
    assert [(start, stop) for start, stop, _ in found] == [(0, 2), (2, 5), (5, 6)]
