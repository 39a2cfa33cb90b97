"""Batches for the animator of vertices, and how they are shared by processes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sedtalker_cli.data.talking_heads import read_talking
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.vertex_animator import VertexAnimator
from sedtalker_cli.training.parallel import Team
from sedtalker_cli.training.vertex_animator.batches import Talking, epoch_batches, evenly, prefetch
from tests.data.talking_sets import TRAIN
from tests.training.vertex_animator.runs import ply, settings_of


class Store:
    """Features that tell their frame."""

    def __call__(self, audio):
        return torch.arange(30.0).view(-1, 1, 1)


def talking(data) -> Talking:
    return Talking(read_talking("emovoca", data / "emovoca"), Store(), ["happy", "neutral", "sad"], ["anyone", TRAIN])


def test_batches_hold_what_the_recordings_say(data):
    ready = talking(data)
    stretches = ready.stretches(np.random.default_rng(0), 9, 0.0)
    assert all(s.frames == 9 and 0 <= s.start <= 6 and s.subject_known for s in stretches) and len(stretches) == 6
    shorter = stretches[1]._replace(frames=4, subject_known=False)
    batch = ready.batch([stretches[0], shorter])
    first, second = (ready.dataset.sequences[s.sequence] for s in (stretches[0], shorter))
    assert batch["mask"].sum(1).tolist() == [9, 4] and batch["subject"].tolist() == [1, 0]
    start = shorter.start
    np.testing.assert_array_equal(batch["vertices"][1, :4], second.vertices[start : start + 4])
    assert batch["posteriors"][0].argmax(-1).unique().tolist() == [["happy", "neutral", "sad"].index(first.emotion)]
    assert batch["intensity"][0].unique().item() == pytest.approx(first.intensity)
    # Motion frame k is at k / 30 s, encoder frame j at (j + 0.5) / 50 s.
    wanted = np.clip((stretches[0].start + np.arange(9)) / 30 * 50 - 0.5, 0, 29)
    np.testing.assert_allclose(batch["features"][0, :, 0, 0], wanted, atol=1e-5)


def test_lips_without_a_region_are_the_liveliest_vertices(data):
    from dataclasses import replace

    dataset = replace(read_talking("emovoca", data / "emovoca"), regions={})
    found = Talking(dataset, Store(), ["happy", "neutral", "sad"], ["anyone"])
    assert not found.lips_known and set(found.lips) <= set(range(300))  # those swing
    assert len(found.lips) == 251


def test_the_lips_are_those_of_the_evaluation(data):
    from dataclasses import replace

    from sedtalker_cli.evaluation.animation.pairs import masks_of

    regions = {"lips": np.arange(9), "lve": np.arange(5), "fdd": np.arange(3)}
    dataset = replace(read_talking("emovoca", data / "emovoca"), regions=regions)
    found = Talking(dataset, Store(), ["happy", "neutral", "sad"], ["anyone"])
    assert np.array_equal(found.lips, masks_of(regions, "").lips)


def test_samples_show_the_face_that_speaks(finished, data, tmp_path, monkeypatch):
    """In its data set's units, where the camera then stands, too."""
    from sedtalker_cli.render import film
    from sedtalker_cli.training.vertex_animator.monitor import Monitor

    ready, shown = talking(data), []
    ready.store = lambda audio: torch.zeros(25, 2, 8)
    monkeypatch.setattr(film, "render_film", lambda vertices, head, *_, **__: shown.append((vertices, head)))
    settings = settings_of(data, tmp_path, samples=1, head=str(ply(data)))
    model = VertexAnimator.load(Path(finished[0].out) / "checkpoint")
    Monitor(tmp_path, settings, [ready], True, 0).film(1, model)
    ((vertices, head),) = shown
    rest = ready.dataset.sequences[evenly(ready.val, 1)[0]].template
    assert np.array_equal(head.neutral, rest) and vertices.shape[1:] == rest.shape


def test_epoch_has_every_recording_once_in_batches_of_one_data_set(data):
    ready = talking(data)
    plans = epoch_batches([ready, ready], 4, np.random.default_rng(1), 0, 0.2)
    for number in (0, 1):
        drawn = [s.sequence for n, batch in plans if n == number for s in batch]
        assert sorted(drawn) == ready.train
    assert {len(batch) for _, batch in plans} == {4, 2}
    assert sum(len(batch) for _, batch in epoch_batches([ready, ready], 4, np.random.default_rng(1), 0, 0.2, 4)) == 4
    same, other = (epoch_batches([ready], 4, np.random.default_rng(seed), 6, 0.2) for seed in (1, 2))
    assert same == epoch_batches([ready], 4, np.random.default_rng(1), 6, 0.2) and same != other


def test_prefetch_keeps_the_order_and_passes_errors_on():
    assert list(prefetch(lambda k: {"twice": 2 * k}, range(5))) == [(k, {"twice": 2 * k}) for k in range(5)]

    def broken(k):
        raise InputError(f"{k}")

    with pytest.raises(InputError, match="0"):
        list(prefetch(broken, range(5)))


def test_evenly():
    assert evenly(range(10), 3) == [1, 5, 8] and evenly(range(3), 0) == [0, 1, 2] == evenly(range(3), 9)


def test_shares_of_a_team_are_all():
    shares = [Team(rank, 3, "cpu").share(range(10)) for rank in range(3)]
    assert sorted(k for share in shares for k in share) == list(range(10))
