"""Statistics of speech: stretches that tile, answers for each as a whole, and silence that changes none of them."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from sedtalker_cli.model.diarizer_network import PLAIN_SHARE, DiarizerNetwork
from sedtalker_cli.model.features import FeatureStore
from sedtalker_cli.model.statistics import StatisticsNetwork
from tests.model.statistics_networks import silence, small_network, spoken


@pytest.fixture
def network() -> DiarizerNetwork:
    return small_network()


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
    x = spoken()
    answers = network.stretch_answer(x, [(0, 60), (60, 150)])
    assert torch.equal(answers[0], answers[59]) and torch.equal(answers[60], answers[149])
    standard = ((F.layer_norm(x[60:], (4,)) - network.centre) / network.spread).flatten(1)
    expected = network.statistics[0](standard.mean(0), standard.std(0, unbiased=False).clamp(min=0.01) - 1)
    torch.testing.assert_close(answers[100], expected, atol=1e-5, rtol=1e-5)
    # What lies elsewhere does not matter, what lies inside does.
    other = x.clone()
    other[:60] = other[:60].flip(1)
    other[:60, 0, 0] = 3
    again = network.stretch_answer(other, [(0, 60), (60, 150)])
    torch.testing.assert_close(again[60:], answers[60:])
    assert (again[0] - answers[0]).abs().max() > 1e-4


def test_silence_does_not_change_the_answer_of_speech(network):
    x, quiet = spoken(), silence(50)
    together = torch.cat([quiet, x[:60], quiet, x[60:], quiet])
    answers = network.stretch_answer(together, [(0, 135), (135, 300)])
    torch.testing.assert_close(answers[[0, 299]], network.stretch_answer(x, [(0, 60), (60, 150)])[[0, 149]])
    # In windows too, as far as they hold speech.
    mean, deviation = network.local(torch.cat([x, quiet])[None])
    alone_mean, alone_deviation = network.local(x[None])
    torch.testing.assert_close(mean[:, :75], alone_mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(deviation[:, :75], alone_deviation, atol=1e-4, rtol=1e-4)


def test_a_stretch_of_silence_is_judged_as_it_is(network):
    x = torch.cat([silence(40), spoken(4)])
    answers = network.stretch_answer(x, [(0, 44)])
    standard = network.standard(x).flatten(1)
    expected = network.statistics[0](standard.mean(0), standard.std(0, unbiased=False).clamp(min=0.01) - 1)
    torch.testing.assert_close(answers[0], expected, atol=1e-5, rtol=1e-5)
    assert network.local(silence(20)[None])[0].isfinite().all()


def test_windows_hold_statistics_around_each_slow_frame(network):
    x = spoken(40, 20)
    mean, deviation = network.local(x[None])
    standard = network.standard(x).flatten(1)
    part = standard[2 * 8 : 2 * 13]  # five slow frames of two around number 10
    torch.testing.assert_close(mean[0, 10], part.mean(0), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(deviation[0, 10], part.std(0, unbiased=False).clamp(min=0.01) - 1, atol=1e-3, rtol=1e-3)


def test_pieces_are_as_the_whole(network):
    """A recording of several pieces, its speech and silence changing, answers as in one go."""
    network.shares.copy_(torch.tensor([[0.7, 0.6], [0.5, 0.9]]))
    x = torch.cat([spoken(700), silence(333), spoken(340, seed=2)])
    measure = network.measure_of(torch.ones(2, 4) * 50, torch.ones(2, 4) * 90, 70)
    for known in (None, measure):
        logits, level = network(x[None], measure=known)
        pieces = network.answer_in_pieces(x, known)
        torch.testing.assert_close(pieces[0], logits, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(pieces[1], level, atol=1e-3, rtol=1e-3)


def test_known_speakers_have_a_network_of_their_own_beside_the_plain_one(network):
    mean, deviation = torch.randn(5, 8), torch.rand(5, 8)
    measure = network.measure_of(torch.ones(2, 4) * 50, torch.ones(2, 4) * 90, 70)
    plain, own = network.statistics[0](mean, deviation), network.statistics[1](*measure(mean, deviation))
    torch.testing.assert_close(network.judge(mean, deviation, None), plain)
    expected = PLAIN_SHARE * plain + (1 - PLAIN_SHARE) * own
    torch.testing.assert_close(network.judge(mean, deviation, measure), expected)


def test_members_answer_together():
    torch.manual_seed(0)
    network = StatisticsNetwork(4, 3, members=3, directions=5, hidden=6).eval()
    mean, deviation = torch.randn(7, 4), torch.randn(7, 4)
    x = network.project(torch.cat([mean, deviation], 1))
    answers = [member(x) for member in network.members]
    assert (answers[0] - answers[1]).abs().max() > 1e-2
    torch.testing.assert_close(network(mean, deviation), sum(answers) / 3)
    assert StatisticsNetwork(4, 3, directions=400).project.out_features == 8  # there are no more


def test_rescoring_adds_the_stretches_with_their_shares(network):
    x, logits, level = spoken(), two_classes(), torch.zeros(150)
    same = network.rescore(x, logits, level)
    assert same[0] is logits and same[1] is level
    network.stretch_shares[0] = torch.tensor([0.5, 2.0])
    network.level_shares[0] = torch.tensor([1.0, 3.0])
    answers = network.stretch_answer(x, network.stretches(logits))
    found, heard = network.rescore(x, logits, level)
    torch.testing.assert_close(found, 0.5 * logits + 2 * answers[:, :3])
    torch.testing.assert_close(heard, 3 * answers[:, 3])


def test_what_was_heard_once_is_not_computed_again(network, monkeypatch):
    """By the measure of a speaker the stack answers as before; the bits are those of a first time."""
    network.shares.copy_(torch.tensor([[0.7, 0.6], [0.5, 0.9]]))
    measure = network.measure_of(torch.ones(2, 4) * 50, torch.ones(2, 4) * 90, 70)
    store, fresh = FeatureStore(2, 4), FeatureStore(2, 4)
    for features in (store, fresh):
        features.append(spoken(700))
    network.answer_in_pieces(store)
    expected = network.answer_in_pieces(fresh, measure)
    fresh.known.clear()
    runs = []
    real = network.stack.in_pieces
    monkeypatch.setattr(network.stack, "in_pieces", lambda x: runs.append(len(x[0])) or real(x))
    found = network.answer_in_pieces(store, measure)
    assert runs == []
    assert all(torch.equal(x, y) for x, y in zip(found, expected, strict=True))
    store.append(spoken(100, seed=3))
    assert network.answer_in_pieces(store, measure)[1].shape == (1, 800)
    assert runs == [400]  # slow frames
