"""Attention, the hybrid stack, both networks, windows over long recordings, losses."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.animator import Animator, AnimatorNetwork, EmotionCondition, resample_frames, sharpen
from sedtalker_cli.model.checkpoint import save_checkpoint
from sedtalker_cli.model.diarizer import Diarizer
from sedtalker_cli.model.diarizer_network import DiarizerNetwork, TunedLayers
from sedtalker_cli.model.layers.attention import WindowedAttention, rotate
from sedtalker_cli.model.layers.hybrid import CONDITIONINGS, FiLM, HybridStack
from sedtalker_cli.model.layers.mix import LayerMix
from sedtalker_cli.model.losses import masked_classification, masked_intensity, ranked_intensity
from sedtalker_cli.model.windows import windowed

LENGTHS = (24, 16, 8)
STYLES = ("one", "two")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def normal(*shape) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def stirred(module):
    """Float64, nothing dropped, no parameter at a special value such as 0."""
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return module.requires_grad_(False)


def masks(lengths, longest) -> torch.Tensor:
    return (torch.arange(longest) < torch.tensor(lengths)[:, None]).double()


# --- attention


def full_attention(layer: WindowedAttention, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """All frames against all frames, those too far away or absent struck out; rotation by complex numbers."""
    batch, length, width = x.shape
    heads, size = layer.num_heads, width // layer.num_heads
    q, k, v = (t.view(batch, length, heads, size).transpose(1, 2) for t in layer.qkv(x).chunk(3, dim=-1))
    turn = torch.outer(torch.arange(length).double(), 10_000.0 ** (-torch.arange(size // 2).double() / (size // 2)))
    turn = torch.polar(torch.ones_like(turn), turn)

    def rotated(t):
        t = torch.complex(t[..., : size // 2], t[..., size // 2 :]) * turn
        return torch.cat([t.real, t.imag], dim=-1)

    scores = rotated(q) @ rotated(k).transpose(-1, -2) / math.sqrt(size)
    far = (torch.arange(length)[:, None] - torch.arange(length)).abs() > layer.window
    absent = (mask == 0)[:, None, None] & ~torch.eye(length, dtype=torch.bool)
    y = scores.masked_fill(far | absent, -torch.inf).softmax(-1) @ v
    return layer.out(y.transpose(1, 2).reshape(batch, length, width))


@pytest.mark.parametrize("window", [1, 3, 8, 24, 50])
@pytest.mark.parametrize("longest", [1, 7, 24])
def test_windowed_attention_equals_full_attention_with_a_band(window, longest):
    layer = stirred(WindowedAttention(16, 2, window))
    x, mask = normal(2, longest, 16), masks((longest, max(1, longest - 5)), longest)
    torch.testing.assert_close(layer(x, mask), full_attention(layer, x, mask), rtol=1e-5, atol=1e-5)
    ones = torch.ones_like(mask)
    torch.testing.assert_close(layer(x), full_attention(layer, x, ones), rtol=1e-5, atol=1e-5)


def test_windowed_attention_reaches_exactly_its_window():
    layer = stirred(WindowedAttention(16, 2, 4))
    x = normal(1, 30, 16)
    changed = x.clone()
    changed[:, 13] += 1
    moved = (layer(x) - layer(changed)).abs().amax(-1)[0] > 1e-9
    assert moved.nonzero().flatten().tolist() == list(range(9, 18))


def test_attention_drops_only_in_training():
    layer = WindowedAttention(16, 2, 4, dropout=0.5).double()
    x = normal(1, 12, 16)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


def test_rotation_keeps_lengths_and_depends_on_distance_only():
    q, k = normal(8), normal(8)

    def score(i, j):
        return rotate(q[None], torch.tensor([i])) @ rotate(k[None], torch.tensor([j])).T

    assert score(5, 2).item() == pytest.approx(score(105, 102).item(), abs=1e-5)
    assert abs(score(5, 2).item() - score(5, 3).item()) > 1e-3
    assert rotate(q[None], torch.tensor([77])).norm().item() == pytest.approx(q.norm().item(), rel=1e-6)


# --- padding


@pytest.mark.parametrize("layout", ["m", "a", "mam"])
def test_padding_changes_nothing_in_the_stack(layout):
    stack = stirred(HybridStack(layout, 16, num_heads=2, window=5, condition_dim=3, d_state=4))
    x, condition = normal(3, 24, 16), normal(3, 24, 3)
    together = stack(x, condition, masks(LENGTHS, 24))
    for row, length in enumerate(LENGTHS):
        alone = stack(x[row : row + 1, :length], condition[row : row + 1, :length])
        torch.testing.assert_close(together[row, :length], alone[0])


def test_windowed_attention_ignores_padding():
    layer = stirred(WindowedAttention(16, 2, 5))
    x = normal(3, 24, 16)
    together = layer(x, masks(LENGTHS, 24))
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(together[row, :length], layer(x[row : row + 1, :length])[0])


@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize("lengths", [LENGTHS, (24, 13, 3)])
def test_padding_in_the_diarizer(stride, lengths):
    """Whatever the lengths, all frames agree but the last slow frame's second half, read towards the padding."""
    network = stirred(DiarizerNetwork(7, 2, 12, d_model=16, layout="mam", stride=stride, window=3, d_state=4))
    x = normal(3, 24, 2, 12)
    together = network(x, masks(lengths, 24))
    for row, length in enumerate(lengths):
        alone = network(x[row : row + 1, :length])
        slow = -(-length // stride) * stride
        kept = length if length == 24 else min(length, slow - stride // 2)
        for padded, single in zip(together, alone, strict=True):
            assert single.shape[1] == length
            torch.testing.assert_close(padded[row, :kept], single[0, :kept])


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_padding_in_the_animator(stride):
    """Exact where lengths are multiples of the stride, whatever the padding holds."""
    network = stirred(animator_network(stride=stride))
    lengths = (24, 12, 12)
    features, posteriors, intensity = normal(3, 24, 2, 12), normal(3, 24, 7).softmax(-1), normal(3, 24).sigmoid()
    style = torch.tensor([0, 1, 0])
    together = network(features, posteriors, intensity, style, masks(lengths, 24))
    for row, length in enumerate(lengths):
        part = (slice(row, row + 1), slice(length))
        alone = network(features[part], posteriors[part], intensity[part], style[row : row + 1])
        assert alone.shape == (1, length, 52)
        torch.testing.assert_close(together[row, :length], alone[0])


def test_padding_in_the_animator_goes_on_with_the_last_emotion():
    """Other lengths are exact too where the padding repeats the last frame's emotion."""
    network = stirred(animator_network(stride=2))
    features, posteriors, intensity = normal(1, 24, 2, 12), normal(1, 24, 7).softmax(-1), normal(1, 24).sigmoid()
    posteriors[:, 13:], intensity[:, 13:] = posteriors[:, 12:13], intensity[:, 12:13]
    style = torch.tensor([1])
    together = network(features, posteriors, intensity, style, masks((13,), 24))
    alone = network(features[:, :13], posteriors[:, :13], intensity[:, :13], style)
    torch.testing.assert_close(together[:, :13], alone)


def animator_network(**sizes) -> AnimatorNetwork:
    small = {"d_model": 16, "layout": "ma", "window": 3, "emotion_dim": 6, "style_dim": 2, "d_state": 4}
    return AnimatorNetwork(EMOTIONS, STYLES, 2, 12, **{**small, **sizes})


# --- parts of the networks


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


def test_tuned_layers_keep_their_input_and_ignore_padding():
    layers = stirred(TunedLayers(2, 12))
    x = normal(2, 9, 3, 12)
    together = layers(x, masks((9, 6), 9))
    assert together.shape == (2, 9, 3, 12)
    assert torch.equal(together[:, :, 0], x[:, :, 0])
    torch.testing.assert_close(together[1, :6], layers(x[1:, :6])[0])


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


# --- emotion


@pytest.fixture
def condition():
    return EmotionCondition(EMOTIONS, 5).double()


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


# --- sharpening


@pytest.mark.parametrize(("frequency", "gain"), [(0, 1), (3, 1.01286), (12.5, 1.7), (25, 1)])
def test_sharpening_lifts_fast_movements_alone(frequency, gain):
    """Against the response of the filter: 1 + 0.7 (1 - (1 + cos(2 pi f / 25 Hz)) / 2)^2."""
    wave = torch.cos(2 * math.pi * frequency / 50 * torch.arange(100.0, dtype=torch.float64))[:, None]
    inner = slice(10, -10)
    torch.testing.assert_close(sharpen(wave, 0.7)[inner], gain * wave[inner], atol=1e-4, rtol=0)
    assert sharpen(wave, 0.0) is wave and sharpen(wave[:1], 0.7) is not None


# --- windows


def test_windows_equal_one_shot_for_a_local_network():
    """Small whole numbers make sums exact, so that equality can be asked for."""
    kernel = torch.randint(-4, 5, (3, 2, 5), generator=torch.Generator().manual_seed(1)).float()
    x = torch.randint(-9, 10, (57, 2)).float()

    def network(part):
        y = F.conv1d(part.transpose(1, 2), kernel, padding=2).transpose(1, 2)
        return y, y[..., 0]

    expected = [y[0] for y in network(x[None])]
    for core, context in ((1, 2), (7, 2), (10, 5), (19, 2), (57, 2), (100, 2), (10, 100)):
        for found, wanted in zip(windowed(network, [x], core, context), expected, strict=True):
            assert torch.equal(found, wanted), (core, context)
    assert not torch.equal(windowed(network, [x], 10, 1)[0], expected[0])  # too little context is seen


def test_windows_are_bounded_and_cut_all_inputs_alike():
    x, y = torch.arange(50.0)[:, None], torch.arange(50.0) * 2
    seen = []

    def network(a, b):
        seen.append(a.shape[1])
        return (a[..., 0] + b,)

    (found,) = windowed(network, [x, y], core=12, context=3)
    assert torch.equal(found, 3 * torch.arange(50.0))
    assert max(seen) == 18 and len(seen) == 5


# --- inference


def diarizer(temperature=1.0) -> Diarizer:
    network = DiarizerNetwork(7, 2, 12, d_model=16, layout="ma", window=3, d_state=4)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return Diarizer(network, {"classes": list(EMOTIONS), "temperature": temperature}, "cpu", "")


@pytest.mark.parametrize("frames", [0, 1, 50, 3001])
def test_posteriors_sum_to_one(frames):
    posteriors, intensity = diarizer().predict(torch.randn(frames, 2, 12).half())
    assert posteriors.shape == (frames, 7) and posteriors.dtype == np.float32
    assert intensity.shape == (frames,) and intensity.dtype == np.float32
    np.testing.assert_allclose(posteriors.sum(1), 1, atol=1e-5)
    assert (posteriors >= 0).all() and (intensity >= 0).all() and (intensity <= 1).all()


def test_temperature_softens_without_reordering():
    model, x = diarizer(), torch.randn(40, 2, 12)
    sharp, _ = model.predict(x)
    model.temperature = 3.0
    soft, _ = model.predict(x)
    assert (soft.argmax(1) == sharp.argmax(1)).all()
    assert (soft.max(1) < sharp.max(1)).all()
    np.testing.assert_allclose(np.log(sharp[:, 0] / sharp[:, 1]), 3 * np.log(soft[:, 0] / soft[:, 1]), atol=1e-3)


@pytest.fixture
def animator() -> Animator:
    network = animator_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    config = {"classes": EMOTIONS, "styles": STYLES, "class_map": {"upset": "angry", "calm": "neutral"}}
    return Animator(network, config, "cpu", "")


def neutral_rows(frames) -> np.ndarray:
    return np.tile(np.eye(7, dtype=np.float32)[EMOTIONS.index("neutral")], (frames, 1))


@pytest.mark.parametrize("fps", [25, 30, 50, 60])
def test_motion_has_the_asked_length_and_range(animator, fps):
    for frames, duration in ((1, 0.004), (1, 0.02), (50, 1.0), (50, 0.9937), (101, 2.011)):
        features = torch.randn(frames, 2, 12).half()
        motion = animator.predict(features, neutral_rows(frames), np.zeros(frames, np.float32), duration, fps)
        assert motion.shape == (max(1, round(duration * fps)), 52) and motion.dtype == np.float32
        assert (motion >= 0).all() and (motion <= 1).all()


def test_motion_depends_on_style_and_is_reproducible(animator):
    features, level = torch.randn(60, 2, 12), np.ones(60, np.float32)
    first = animator.predict(features, neutral_rows(60), level, 1.2, 30)
    assert np.array_equal(first, animator.predict(features, neutral_rows(60), level, 1.2, 30, style="one"))
    assert not np.array_equal(first, animator.predict(features, neutral_rows(60), level, 1.2, 30, style="two"))


def test_other_models_classes_are_mapped(animator):
    rows = np.array([[0.5, 0.2, 0.2, 0.1]], np.float32)
    mapped = animator.map_posteriors(rows, ("upset", "calm", "angry", "happy"))
    expected = dict.fromkeys(EMOTIONS, 0.0) | {"angry": 0.7, "neutral": 0.2, "happy": 0.1}
    np.testing.assert_allclose(mapped[0], list(expected.values()), atol=1e-6)
    assert mapped.dtype == np.float32


def test_class_without_counterpart_is_named(animator):
    with pytest.raises(InputError, match=r"'contempt'.*angry, disgust"):
        animator.map_posteriors(np.ones((3, 1), np.float32), ("contempt",))


def test_trained_models_come_back_from_their_folders(tmp_path, animator):
    first = diarizer(temperature=1.7)
    sizes = {"num_taps": 2, "dim": 12, "d_model": 16, "layout": "ma", "window": 3, "d_state": 4}
    decoding = {"min_duration": 0.4, "switch_cost": 5.0}
    config = {"type": "diarizer", "classes": EMOTIONS, "temperature": 1.7, "network": sizes, "decoding": decoding}
    save_checkpoint(tmp_path / "d", first.network.state_dict(), config)
    second = Diarizer.load(tmp_path / "d")
    x = torch.randn(20, 2, 12)
    for a, b in zip(first.predict(x), second.predict(x), strict=True):
        assert np.array_equal(a, b)
    assert second.decoding == decoding and second.classes == EMOTIONS and len(second.sha256) == 64

    sizes |= {"emotion_dim": 6, "style_dim": 2}
    config = {"type": "animator", "classes": EMOTIONS, "styles": STYLES, "class_map": {"upset": "angry"}}
    save_checkpoint(tmp_path / "a", animator.network.state_dict(), {**config, "network": sizes})
    loaded = Animator.load(tmp_path / "a")
    arguments = (x, neutral_rows(20), np.zeros(20, np.float32), 0.4, 30)
    assert np.array_equal(animator.predict(*arguments), loaded.predict(*arguments))
    assert loaded.styles == STYLES and loaded.class_map == {"upset": "angry"}
    with pytest.raises(InputError, match=r"'animator'.*diarizer is needed"):
        Diarizer.load(tmp_path / "a")


# --- frame rates


@pytest.mark.parametrize("fps", [25, 30, 50, 60])
@pytest.mark.parametrize("duration", [0.0, 0.01, 0.02, 0.5, 1.0, 1.017, 3.333])
def test_resampled_frames_lie_at_k_over_fps(fps, duration):
    """A ramp that holds its own time in s is read back as k / fps, held at both ends."""
    frames = max(1, math.ceil(duration / 0.02))
    centres = (torch.arange(frames, dtype=torch.float64) + 0.5) / 50
    values = torch.stack([centres, -2 * centres], dim=1)
    found = resample_frames(values, duration, fps)
    expected = torch.arange(max(1, round(duration * fps)), dtype=torch.float64) / fps
    expected = expected.clamp(float(centres[0]), float(centres[-1]))
    torch.testing.assert_close(found, torch.stack([expected, -2 * expected], dim=1))


def test_resampling_to_50_reads_halfway_between_frames():
    values = torch.tensor([[0.0], [1.0], [4.0], [9.0]])
    assert resample_frames(values, 0.08, 50).flatten().tolist() == [0.0, 0.375, 2.25, 6.375]


# --- losses


def test_classes_that_a_corpus_lacks_get_no_gradient():
    logits = normal(2, 6, 7).requires_grad_()
    target = torch.tensor([[0, 1, 0, 1, -100, -100], [6, 5, 4, 3, 2, 1]])
    known = torch.ones(2, 7, dtype=torch.bool)
    known[0, 2:] = False
    masked_classification(logits, target, known, smoothing=0.1).backward()
    assert (logits.grad[0, :, 2:] == 0).all()
    assert (logits.grad[0, 4:] == 0).all()
    assert (logits.grad[0, :4, :2] != 0).all() and (logits.grad[1] != 0).all()
    # A class that may not answer does not change the loss of those that may.
    with torch.no_grad():
        moved = logits.clone()
        moved[0, :, 2:] += 5
        assert masked_classification(moved, target, known) == pytest.approx(
            masked_classification(logits, target, known).item()
        )


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_classification_equals_cross_entropy_where_all_is_known(smoothing):
    logits, target = normal(3, 8, 7), torch.randint(0, 7, (3, 8))
    known = torch.ones(3, 7, dtype=torch.bool)
    expected = F.cross_entropy(logits.transpose(1, 2), target, label_smoothing=smoothing)
    torch.testing.assert_close(masked_classification(logits, target, known, smoothing), expected)


def test_recordings_count_alike_whatever_their_length():
    logits = normal(2, 10, 7)
    target = torch.full((2, 10), -100)
    target[0], target[1, :2] = 3, 3
    known = torch.ones(2, 7, dtype=torch.bool)
    nll = -logits.log_softmax(-1)[..., 3]
    expected = (nll[0].mean() + nll[1, :2].mean()) / 2
    torch.testing.assert_close(masked_classification(logits, target, known), expected)


def test_unknown_intensity_is_ignored():
    logits = normal(2, 4).requires_grad_()
    target = torch.tensor([[0.2, math.nan, 0.4, math.nan], [math.nan] * 4], dtype=torch.float64)
    loss = masked_intensity(logits, target)
    expected = ((logits[0, 0].sigmoid() - 0.2) ** 2 + (logits[0, 2].sigmoid() - 0.4) ** 2) / 2
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert logits.grad.isfinite().all()
    assert (logits.grad[1] == 0).all() and (logits.grad[0, 1::2] == 0).all() and (logits.grad[0, ::2] != 0).all()
    assert masked_intensity(logits, torch.full_like(target, math.nan)).item() == 0


def test_ranking_pulls_strong_above_normal():
    logits = torch.zeros(3, 5, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([1.0, 0.5, math.nan], dtype=torch.float64)[:, None].expand(3, 5)
    emotion = torch.full((3, 5), 2)
    loss = ranked_intensity(logits, target, emotion)
    assert loss.item() == pytest.approx(math.log(2))
    loss.backward()
    assert (logits.grad[0] < 0).all() and (logits.grad[1] > 0).all() and (logits.grad[2] == 0).all()
    right = torch.tensor([3.0, -3.0, 0.0], dtype=torch.float64)[:, None].expand(3, 5)
    assert ranked_intensity(right, target, emotion) < 0.01 < 5 < ranked_intensity(-right, target, emotion)


@pytest.mark.parametrize("case", ["close", "changing", "one", "none"])
def test_ranking_needs_two_recordings_that_can_be_told_apart(case):
    logits = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1.0], [0.95 if case == "close" else 0.5]], dtype=torch.float64).repeat(1, 4)
    emotion = torch.full((2, 4), 3)
    if case == "changing":
        emotion[1, 2:] = 4
    elif case in ("one", "none"):
        target[1 if case == "one" else slice(None)] = math.nan
    loss = ranked_intensity(logits, target, emotion)
    loss.backward()
    assert loss.item() == 0 and (logits.grad == 0).all()


def test_ranking_leaves_padding_out():
    target = torch.tensor([[1.0] * 4, [0.5, 0.5, math.nan, math.nan]], dtype=torch.float64)
    emotion = torch.tensor([[3] * 4, [3, 3, -100, -100]])
    logits = torch.tensor([[2.0] * 4, [1.0, 1.0, 99.0, 99.0]], dtype=torch.float64)
    assert ranked_intensity(logits, target, emotion).item() == pytest.approx(math.log1p(math.exp(-1)))


def test_any_of_several_classes_counts_and_nothing_told_costs_nothing():
    torch.manual_seed(0)
    logits, known = torch.randn(2, 5, 7, requires_grad=True), torch.ones(2, 7, dtype=torch.bool)
    target = torch.randint(0, 7, (2, 5))
    one = F.one_hot(target, 7).bool()
    torch.testing.assert_close(
        masked_classification(logits, one, known, 0.1), masked_classification(logits, target, known, 0.1)
    )
    several = one.clone()
    several[0, :, :3] = True
    several[1] = False
    p = logits.softmax(-1)
    expected = -(p * several).sum(-1)[0].log().mean() / 2
    torch.testing.assert_close(masked_classification(logits, several, known), expected)
    masked_classification(logits, several, known).backward()
    assert (logits.grad[1] == 0).all() and logits.grad.isfinite().all()
    nothing = masked_classification(logits, torch.zeros_like(one), known, 0.1)
    assert nothing.item() == 0


def test_recordings_without_a_class_are_ranked_by_their_level():
    emotion = torch.tensor([[-1, -1], [-1, -100], [3, 3]])
    target = torch.tensor([[0.0, 0.0], [1.0, math.nan], [math.nan, math.nan]])
    right = torch.tensor([[-9.0, -9.0], [9.0, 0.0], [0.0, 0.0]])
    assert ranked_intensity(right, target, emotion) < 0.01 < 5 < ranked_intensity(-right, target, emotion)
