"""Training of the diarizer's statistics networks on stored summaries, and the fits that join their answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.training.diarizer.clips import ClipSet
from sedtalker_cli.training.diarizer.settings import DiarizerTraining
from sedtalker_cli.training.diarizer.statistics import (
    by_speaker,
    fit_directions,
    fit_statistics,
    speaker_measures,
    standard_statistics,
    standardise,
    weights_of,
)
from tests.training.diarizer.summaries import clip_set

SETTINGS = DiarizerTraining((), None, Path(), "", steps=120)


def network(**sizes) -> DiarizerNetwork:
    torch.manual_seed(0)
    small = {"d_model": 8, "layout": "m", "members": 2, "directions": 10, "prior_frames": 5}
    return DiarizerNetwork(7, 2, 4, **{**small, **sizes}).eval().requires_grad_(False)


def people(seed: int = 0) -> ClipSet:
    """Twelve speakers, 20 clips each, in two moods: a step up of one feature from where each speaker is."""
    rng = np.random.default_rng(seed)
    speakers = np.repeat(np.arange(12), 20)
    happy = rng.integers(0, 2, 240)
    home, breadth = rng.normal(0, 1.5, (12, 8)), rng.uniform(0.5, 1.5, (12, 8))
    mean = home[speakers] + 0.1 * rng.standard_normal((240, 8))
    mean[:, 3] += happy
    labels = np.where(happy == 1, EMOTIONS.index("happy"), EMOTIONS.index("neutral"))
    clips = clip_set(mean, mean**2 + breadth[speakers] ** 2, labels, speakers)
    return replace(clips, intensity=happy.astype(np.float32))


def test_centre_and_spread_are_those_of_all_speech():
    net, clips = network(), people()
    weight = np.full(240, 1 / 240)
    standardise(net, clips, weight)
    torch.testing.assert_close(net.centre.flatten(), torch.tensor(clips.mean.mean(0)).float())
    variance = clips.square.mean(0) - clips.mean.mean(0) ** 2
    torch.testing.assert_close(net.spread.flatten(), torch.tensor(variance**0.5).float())


def test_statistics_are_those_that_the_network_takes():
    """From stored sums the same numbers as from the frames."""
    net = network()
    net.centre.copy_(torch.randn(2, 4))
    net.spread.copy_(0.5 + torch.rand(2, 4))
    x = torch.randn(30, 2, 4)
    normal = torch.nn.functional.layer_norm(x, (4,)).flatten(1).double().numpy()
    clips = clip_set(normal.mean(0)[None], (normal**2).mean(0)[None], [3], ["1"])
    mean, deviation = standard_statistics(net, clips)
    standard = net.standard(x).flatten(1)
    torch.testing.assert_close(mean[0], standard.mean(0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(deviation[0], standard.std(0, unbiased=False) - 1, atol=1e-4, rtol=1e-4)


def test_speakers_are_measured_by_whole_clips_as_recorded():
    net, clips = network(prior_frames=0), people()
    rows = np.arange(240) % 20
    part, worn = rows == 0, rows == 1
    odd = replace(clips, whole=~part, copy=worn.astype(np.int64), mean=clips.mean + 100 * (part | worn)[:, None])
    measures = speaker_measures(net, odd)
    assert set(measures) == {f"ravdess/{k}" for k in range(12)}
    kept = (clips.speaker == "ravdess/4") & ~part & ~worn
    torch.testing.assert_close(measures["ravdess/4"].shift, torch.tensor(clips.mean[kept].mean(0)).float())
    # Longer clips count more.
    frames = np.where(rows == 5, 10**6, 50)
    longer = speaker_measures(net, replace(clips, frames=frames))["ravdess/4"]
    torch.testing.assert_close(longer.shift, torch.tensor(clips.mean[4 * 20 + 5]).float(), atol=5e-3, rtol=1e-2)


def test_by_their_own_measure_speakers_are_alike():
    net, clips = network(), people()
    standardise(net, clips, np.full(240, 1 / 240))
    mean, deviation = standard_statistics(net, clips)
    own_mean, own_deviation = by_speaker(net, clips, mean, deviation)
    homes = [x.view(12, 20, 8).mean(1).std(0) for x in (mean, own_mean)]
    assert (homes[1] < 0.1 * homes[0]).all()
    spreads = [x.view(12, 20, 8).mean(1).std(0) for x in (deviation, own_deviation)]
    told = np.arange(8) == 3  # the moods, whose shares differ
    assert (spreads[1] < 0.3 * spreads[0])[~told].all()


def test_principal_directions_come_out_as_they_are():
    """Statistics that vary along one direction only: it is the first, the others are nothing; their mean becomes 0."""
    rng = np.random.default_rng(0)
    along = torch.tensor(rng.standard_normal(300)).float()
    statistics = 5 + along[:, None] * torch.tensor([1.0, -2, 0, 0, 3, 0])
    project = torch.nn.Linear(6, 3).requires_grad_(False)
    fit_directions(project, statistics, np.full(300, 1 / 300))
    x = project(statistics)
    assert abs(np.corrcoef(x[:, 0], along)[0, 1]) > 0.999
    assert x[:, 0].std() == pytest.approx(3**0.5 / 3, rel=0.05)  # three columns of size 1, a third of it
    assert x.mean(0).abs().max() < 1e-3 and x[:, 1:].abs().max() < 1e-2


def test_statistics_learn_and_known_speakers_are_told_better():
    net, clips = network(), people()
    told = []
    fit_statistics(net, clips, SETTINGS, lambda *what: told.append(what))
    assert {stage for stage, *_ in told} == {
        f"statistics of {who} speakers, {k}/2" for who in ("unknown", "known") for k in (1, 2)
    }
    view = standard_statistics(net, clips)
    own = by_speaker(net, clips, *view)
    target = torch.from_numpy(clips.accepted.argmax(1))
    right, level = [], []
    for case, (mean, deviation) in enumerate((view, own)):
        answers = net.statistics[case](mean, deviation)
        right.append(float((answers[:, :-1].argmax(1) == target).float().mean()))
        level.append(np.corrcoef(answers[:, -1].sigmoid(), clips.intensity)[0, 1])
    assert right[0] > 0.6 and right[1] > 0.95 and right[1] > right[0] + 0.02
    assert level[1] > 0.9
    assert not any(p.requires_grad for p in net.statistics.parameters()) and not net.statistics.training


def test_the_same_seed_gives_the_same_weights_whatever_was_there():
    settings = replace(SETTINGS, steps=8)
    first, second, third = network(), network(), network()
    fit_statistics(first, people(), settings)
    fit_statistics(second, people(1), settings)  # a run before
    fit_statistics(second, people(), settings)
    fit_statistics(third, people(), replace(settings, seed=1))
    a, b, c = (net.state_dict() for net in (first, second, third))
    assert all(torch.equal(a[name], b[name]) for name in a)
    name = "statistics.0.members.0.1.weight"
    assert not torch.equal(a[name], c[name])
    assert not torch.equal(a[name], a["statistics.0.members.1.1.weight"])  # members differ


def test_rows_are_drawn_alike_by_class_and_by_corpus():
    labels = [3] * 6 + [5] * 2 + [4] * 2
    corpus = np.array(["ravdess"] * 8 + ["librispeech"] * 2)
    whole = np.array([True, False, False] + [True] * 7)
    clips = clip_set(labels=labels, speakers=range(10), corpus=corpus, whole=whole)
    weight = weights_of(clips, SETTINGS)
    assert weight.sum() == pytest.approx(1)
    assert weight[:6].sum() == pytest.approx(weight[6:8].sum())  # the rare class as often as the other
    assert weight[0] == pytest.approx(2 * weight[1])  # wholes before parts
    expected = SETTINGS.read_weight * 2**0.5 / 6**0.5
    assert weight[8:].sum() / weight[:8].sum() == pytest.approx(expected)


def test_turns_are_runs_of_labels():
    found = runs_of(np.array([4, 4, 1, 1, 1, 4]))
    assert [(start, stop) for start, stop, _ in found] == [(0, 2), (2, 5), (5, 6)]
