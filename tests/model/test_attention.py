"""Attention in windows, and what padding may do to it and to the networks: nothing."""

import math

import pytest
import torch

from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.layers.attention import WindowedAttention, rotate
from sedtalker_cli.model.layers.hybrid import HybridStack
from tests.model.tensors import animator_network, masks, normal, stirred
from tests.model.tensors import condition as condition
from tests.model.tensors import seed as seed

LENGTHS = (24, 16, 8)


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
