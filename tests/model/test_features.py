"""Features on disk read as those in memory do."""

import pytest
import torch

from sedtalker_cli.model.features import FeatureStore
from sedtalker_cli.model.layers.hybrid import HybridStack
from sedtalker_cli.model.windows import windowed


@pytest.mark.parametrize("in_memory", [1 << 20, 100])
def test_slices_equal_those_of_a_tensor(in_memory):
    expected = torch.randn(57, 2, 4).half()
    store = FeatureStore(2, 4, in_memory)
    assert store[:].shape == (0, 2, 4)
    for piece in expected.float().split([1, 20, 0, 36]):
        store.append(piece)
        assert torch.equal(store[:], expected[: len(store)])  # reading and writing may take turns
    assert store.shape == (57, 2, 4)
    for part in (slice(3, 9), slice(50, 90), slice(9, 3), slice(-5, None), slice(57, 60)):
        assert torch.equal(store[part], expected[part])


def test_windows_over_features_on_disk():
    """Sums over 2 frames to either side: with as much context windows change nothing."""
    values = torch.randint(0, 9, (101, 2, 4)).half()
    store = FeatureStore(2, 4, in_memory=100)
    store.append(values)

    def network(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        padded = torch.nn.functional.pad(x.float().flatten(2).mT, (2, 2)).unfold(2, 5, 1).sum(-1).mT
        return padded, padded[..., 0]

    whole = network(values[None])
    for found, expected in zip(windowed(network, [store], core=7, context=2), whole, strict=True):
        assert torch.equal(found, expected[0])
    bare, _ = windowed(network, [store], core=7, context=0)
    assert not torch.equal(bare, whole[0][0])


@pytest.mark.parametrize("frames", [1, 2, 7, 8, 50])
def test_a_stack_in_pieces_equals_one_shot(frames):
    torch.manual_seed(0)
    stack = HybridStack("mam", 16, num_heads=2, window=3, condition_dim=5, d_state=4).eval()
    for parameter in stack.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, condition = torch.randn(1, frames, 16), torch.randn(1, frames, 5)
    with torch.inference_mode():
        expected = stack(x, condition)
        found = stack.in_pieces(x.clone(), condition, size=7)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_windows_of_a_network_with_a_stride():
    values = torch.randn(101, 3)

    def thirds(x: torch.Tensor) -> tuple[torch.Tensor]:
        return (torch.nn.functional.pad(x, (0, 0, 0, -x.shape[1] % 3)).unflatten(1, (-1, 3)).sum(2),)

    (found,) = windowed(thirds, [values], core=6, context=3, stride=3)
    torch.testing.assert_close(found, thirds(values[None])[0][0])
