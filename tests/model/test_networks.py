"""Parts of the networks: layouts, conditioning, layer mixes, emotions as embeddings."""

import pytest
import torch
from torch.nn import functional as F

from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.animator_network import EmotionCondition
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.layers.hybrid import CONDITIONINGS, FiLM, HybridStack
from sedtalker_cli.model.layers.mix import LayerMix
from tests.model.tensors import animator_network, normal, stirred
from tests.model.tensors import condition as condition
from tests.model.tensors import seed as seed


def test_unknown_layout_is_refused():
    with pytest.raises(ValueError, match="layout 'mx'"):
        HybridStack("mx", 16)
    with pytest.raises(ValueError, match="conditioning 'add'"):
        HybridStack("m", 16, conditioning="add")


@pytest.mark.parametrize("conditioning", ["film", "cross"])
def test_condition_reaches_its_own_frame_alone(conditioning):
    """Before it is trained a condition changes nothing; afterwards it changes the frame that it belongs to."""
    layer = CONDITIONINGS[conditioning](3, 16).double()
    x, condition = normal(2, 9, 16), normal(2, 9, 3)
    torch.testing.assert_close(layer(x, condition), x)
    other = condition.clone()
    other[1, 4] += 1
    changed = (stirred(layer)(x, other) - layer(x, condition)).abs().amax(-1)
    assert changed[1, 4] > 1e-3
    changed[1, 4] = 0
    assert changed.max() == 0


def test_film_starts_without_effect_then_scales_and_shifts():
    film, x, condition = FiLM(3, 8).double(), normal(2, 5, 8), normal(2, 5, 3)
    torch.testing.assert_close(film(x, condition), x)
    with torch.no_grad():
        film.to_scale_shift.bias[:8], film.to_scale_shift.bias[8:] = 1.0, 0.5
    torch.testing.assert_close(film(x, condition), 2 * x + 0.5)


def test_layer_mix_is_convex_and_ignores_level():
    mix = LayerMix(3).double()
    with torch.no_grad():
        mix.weights.copy_(torch.tensor([50.0, 0.0, 0.0]))
    x = normal(1, 4, 3, 12)
    torch.testing.assert_close(mix(x), F.layer_norm(x[:, :, 0], (12,)))
    torch.testing.assert_close(mix(7 * x + 3), mix(x), rtol=1e-3, atol=1e-3)
    with torch.no_grad():
        mix.weights.zero_()
    torch.testing.assert_close(mix(x), F.layer_norm(x, (12,)).mean(2))


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 33])
def test_networks_answer_every_frame(frames):
    features = normal(2, frames, 2, 12)
    logits, intensity = stirred(DiarizerNetwork(5, 2, 12, d_model=16, layout="ma", window=3))(features)
    assert logits.shape == (2, frames, 5) and intensity.shape == (2, frames)
    posteriors, level = normal(2, frames, 7).softmax(-1), normal(2, frames).sigmoid()
    motion = stirred(animator_network())(features, posteriors, level, torch.tensor([0, 1]))
    assert motion.shape == (2, frames, 52)


def test_untrained_animator_is_at_rest():
    x = normal(1, 6, 2, 12)
    motion = (
        animator_network().double().eval()(x, torch.full((1, 6, 7), 1 / 7).double(), x[..., 0, 0], torch.tensor([0]))
    )
    assert (motion == 0).all()


def test_animator_listens_to_sound_emotion_and_style():
    network = stirred(animator_network())
    features, posteriors, level = normal(1, 6, 2, 12), normal(1, 6, 7).softmax(-1), normal(1, 6).sigmoid()
    style = torch.tensor([0])
    base = network(features, posteriors, level, style)
    for other in (
        network(features.flip(1), posteriors, level, style),
        network(features, posteriors.flip(-1), level, style),
        network(features, posteriors, level / 2, style),
        network(features, posteriors, level, style + 1),
    ):
        assert (other - base).abs().max() > 1e-3


def test_intensity_zero_is_neutral_whatever_the_class(condition):
    posteriors, nothing = normal(2, 9, 7).softmax(-1), torch.zeros(2, 9, dtype=torch.float64)
    neutral = condition.embedding[EMOTIONS.index("neutral")]
    torch.testing.assert_close(condition(posteriors, nothing), neutral.expand(2, 9, -1))


def test_whole_emotions_are_their_embeddings(condition):
    rows = torch.eye(7, dtype=torch.float64)[None]
    torch.testing.assert_close(condition(rows, torch.ones(1, 7, dtype=torch.float64))[0], condition.embedding)
    halfway = condition(rows, torch.full((1, 7), 0.5, dtype=torch.float64))[0]
    neutral = condition.embedding[EMOTIONS.index("neutral")]
    torch.testing.assert_close(halfway, (condition.embedding + neutral) / 2)


def test_hard_condition_is_the_likeliest_class_in_three_strengths():
    hard, soft = EmotionCondition(EMOTIONS, 7, soft=False).double(), EmotionCondition(EMOTIONS, 7).double()
    soft.load_state_dict(hard.state_dict())
    posteriors, level = normal(1, 60, 7).softmax(-1), torch.rand(1, 60, dtype=torch.float64)
    whole = F.one_hot(posteriors.argmax(-1), 7).double()
    steps = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)[
        torch.bucketize(level, torch.tensor([0.25, 0.75], dtype=torch.float64))
    ]
    torch.testing.assert_close(hard(posteriors, level), soft(whole, steps))


def test_condition_is_convex(condition):
    """With the unit vectors as embeddings the output shows the weights themselves."""
    condition = EmotionCondition(EMOTIONS, 7).double()
    with torch.no_grad():
        condition.embedding.copy_(torch.eye(7))
    shares = condition(normal(50, 1, 7).mul(3).softmax(-1), torch.rand(50, 1, dtype=torch.float64))
    assert (shares >= 0).all()
    torch.testing.assert_close(shares.sum(-1), torch.ones(50, 1, dtype=torch.float64))


def test_condition_is_continuous(condition):
    """A small step of posteriors and intensity moves the embedding by no more than in proportion."""
    posteriors, level = normal(200, 1, 7).softmax(-1), torch.rand(200, 1, dtype=torch.float64)
    step = 1e-4
    nearby = (1 - step) * posteriors + step * normal(200, 1, 7).softmax(-1)
    moved = condition(nearby, (level + step).clamp(max=1)) - condition(posteriors, level)
    widest = torch.cdist(condition.embedding, condition.embedding).max()
    assert 0 < moved.norm(dim=-1).max() <= 3 * step * widest
