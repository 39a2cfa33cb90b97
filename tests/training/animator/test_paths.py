"""What is solved before the network is trained, on examples whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sedtalker_cli.data.coarticulation.visemes import UNITS
from sedtalker_cli.face.arkit import ARKIT_INDEX, IS_MOUTH, MOUTH
from sedtalker_cli.formats.phones import Phone
from sedtalker_cli.model.layers.articulation import LEAST, Articulation
from sedtalker_cli.training.animator import paths
from sedtalker_cli.training.animator.paths import set_paths, set_probe, set_whitening, sounds_of_frames

FRAMES, TAPS, DIM = 120, 2, 6


def draw(count: int, seed: int, styles=None, known=None) -> SimpleNamespace:
    """Examples of random features whose jaw is one of them, two frames earlier."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((count * FRAMES, TAPS, DIM)).astype(np.float16)
    mouth = np.zeros((count * FRAMES, 52), np.float32)
    mouth[2:, ARKIT_INDEX["jawOpen"]] = 0.3 + 0.1 * features[:-2, 1, 2]
    return SimpleNamespace(
        features=features,
        mouth=mouth,
        bounds=np.arange(count + 1) * FRAMES,
        known=np.ones((count, 52), bool) if known is None else known,
        styles=styles or ["grid"] * count,
    )


def articulation(units=()) -> Articulation:
    return Articulation(TAPS * DIM, TAPS * DIM, tuple(units), len(MOUTH))


def test_whitened_features_are_uncorrelated_and_of_one_size():
    examples = draw(40, 0)
    examples.features[:, 0, 1] = 3 * examples.features[:, 1, 4] + 1
    found = articulation()
    power = set_whitening(found, examples)
    voice, logits = found.hear(torch.from_numpy(examples.features).float()[None])
    covariance = np.cov(voice[0].numpy().T)[:-1, :-1]  # the last direction is the one that is missing
    np.testing.assert_allclose(covariance, np.eye(len(covariance)), atol=0.3)
    assert logits.shape[-1] == 0 and (power.diff() <= 0).all()


def test_linear_path_finds_what_moves_the_jaw():
    examples, found = [draw(60, 1)], articulation()
    set_paths(found, examples, ["grid"], 1e3 * set_whitening(found, examples[0]))
    other = draw(1, 2)
    features = torch.from_numpy(other.features).float()
    mouth = found.paths(*found.hear(features[None]), found.usual_voice([features]))[0, :, 0]
    jaw = mouth[:, MOUTH.index("jawOpen")].numpy()
    assert np.corrcoef(jaw[2:], other.mouth[2:, ARKIT_INDEX["jawOpen"]])[0, 1] > 0.99


def test_a_source_that_measured_little_has_a_say_in_the_jaw_alone():
    known = np.zeros((30, 52), bool)
    known[:, [ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthPucker"]]] = True
    partly = draw(30, 3, ["facegood"] * 30, known)
    partly.mouth[:, ARKIT_INDEX["jawOpen"]] += 0.4
    partly.mouth[:, ARKIT_INDEX["mouthPucker"]] = 0.7
    alone, both = articulation(), articulation()
    power = set_whitening(alone, draw(30, 1))
    set_whitening(both, draw(30, 1))
    set_paths(alone, [draw(30, 1)], ["grid", "facegood"], power)
    set_paths(both, [draw(30, 1), partly], ["grid", "facegood"], power)
    change = (both.linear_bias - alone.linear_bias).abs()
    assert change[MOUTH.index("jawOpen")] > 0.03
    assert change[MOUTH.index("mouthPucker")] < 1e-3
    assert IS_MOUTH.sum() == len(change)


PHONES = [Phone("sil", 0.0, 0.4), Phone("m", 0.4, 0.6), Phone("a", 0.6, 2.4)]


@pytest.mark.parametrize("pace", [1.0, 0.5])
def test_sounds_follow_the_pace(pace):
    shares = sounds_of_frames(PHONES, round(FRAMES * pace), pace)
    assert shares[round(25 * pace), UNITS.index("m")] == 1 and shares[round(60 * pace), UNITS.index("a")] == 1


def test_probe_tells_sounds_apart(monkeypatch):
    """Sounds that a feature gives away are told apart; those of other recordings do not count."""
    examples = draw(12, 4, ["rules"] * 10 + ["grid"] * 2)
    said = sounds_of_frames(PHONES, FRAMES, 1.0)
    for row in range(10):
        part = examples.features[row * FRAMES : (row + 1) * FRAMES, 0]
        part[:, 0], part[:, 1] = 3 * said[:, UNITS.index("m")], 3 * said[:, 0]
    found = articulation(UNITS)
    monkeypatch.setattr(paths, "FRAMES", 32)  # so little needs more steps
    right = set_probe(found, [examples] * 10, [PHONES] * 10, "rules", 0)
    assert right > 0.9
    _, logits = found.hear(torch.from_numpy(examples.features[:FRAMES]).float()[None])
    assert logits.max() == 0 and logits.min() >= LEAST
    assert found.spoken(logits)[0, 100] > found.spoken(logits)[0, 5]
