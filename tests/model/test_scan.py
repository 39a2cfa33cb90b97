"""The selective scan and the Mamba layer: against the defining formula, derivatives, and another implementation."""

import pytest
import torch

from sedtalker_cli.model.layers.mamba import BiMamba, Mamba
from sedtalker_cli.model.layers.scan import reference_scan, selective_scan, softplus_inverse
from tests.model.layers import stirred

NAMES = ("u", "dt", "a", "b", "c", "d")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def scan_inputs(batch=2, frames=11, inner=3, state=4, seed=0) -> list[torch.Tensor]:
    """Float64 arguments of the scan, ready for gradients; steps and decays of usual size."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    u, b, c = normal(batch, frames, inner), normal(batch, frames, state), normal(batch, frames, state)
    dt, a, d = normal(batch, frames, inner).exp() * 0.3, -normal(inner, state).exp(), normal(inner)
    return [x.requires_grad_() for x in (u, dt, a, b, c, d)]


# --- the scan


@pytest.mark.parametrize("frames", [1, 2, 7, 16])
@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 16, 100, None])
def test_scan_equals_formula_in_values_and_gradients(frames, chunk):
    inputs = scan_inputs(frames=frames)
    weight = torch.randn(2, frames, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    expected = reference_scan(*inputs)
    found = selective_scan(*inputs, chunk=chunk)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    wanted = torch.autograd.grad((expected * weight).sum(), inputs)
    given = torch.autograd.grad((found * weight).sum(), inputs)
    for name, x, y in zip(NAMES, given, wanted, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-11, atol=1e-11, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("chunk", [2, None])
def test_scan_derivatives_are_those_of_its_values(chunk):
    inputs = scan_inputs(batch=1, frames=3, inner=2, state=2)
    assert torch.autograd.gradcheck(lambda *x: selective_scan(*x, chunk=chunk), inputs)


def test_scan_by_hand():
    """One channel, one state: h = e^(dt a) h + dt b u, y = c h + d u."""
    one = torch.ones(1, 2, 1, dtype=torch.float64)
    a, d = torch.tensor([[-1.0]], dtype=torch.float64), torch.tensor([10.0], dtype=torch.float64)
    dt = torch.tensor([0.5, 2.0], dtype=torch.float64).view(1, 2, 1)
    first = 0.5 * 3 * 4
    second = torch.e**-2.0 * first + 2 * 3 * 4
    found = selective_scan(one * 4, dt, a, one * 3, one * 7, d)
    torch.testing.assert_close(found.flatten().tolist(), [7 * first + 40, 7 * second + 40])


def test_step_of_zero_leaves_the_state_alone():
    inputs = scan_inputs(frames=9)
    u, dt, a, b, c, d = (x.detach() for x in inputs)
    paused = dt.clone()
    paused[:, 3:6] = 0
    kept = [0, 1, 2, 6, 7, 8]
    whole = selective_scan(u, paused, a, b, c, d, chunk=4)
    without = selective_scan(u[:, kept], dt[:, kept], a, b[:, kept], c[:, kept], d, chunk=4)
    torch.testing.assert_close(whole[:, kept], without)
    # ... and what such a frame reads is the state of the frame before.
    state_read = whole[:, 3:6] - d * u[:, 3:6]
    expected = selective_scan(u[:, :3], dt[:, :3], a, b[:, :3], c[:, [3, 3, 3]], 0 * d)[:, 2]
    torch.testing.assert_close(state_read[:, 0], expected)


def test_gradients_do_not_flow_through_a_pause():
    inputs = scan_inputs(frames=6)
    u, dt, a, b, c, d = (x.detach() for x in inputs)
    dt[:, 4:] = 0
    u.requires_grad_()
    (grad,) = torch.autograd.grad(selective_scan(u, dt, a, b, c, 0 * d, chunk=4).sum(), u)
    assert (grad[:, 4:] == 0).all() and (grad[:, :4] != 0).all()


def test_scan_needs_no_gradient_of_what_is_fixed():
    u, dt, a, b, c, d = (x.detach() for x in scan_inputs())
    b.requires_grad_()
    (grad,) = torch.autograd.grad(selective_scan(u, dt, a, b, c, d, chunk=3).sum(), b)
    b_reference = b.detach().clone().requires_grad_()
    (expected,) = torch.autograd.grad(reference_scan(u, dt, a, b_reference, c, d).sum(), b_reference)
    torch.testing.assert_close(grad, expected)


def test_softplus_inverse():
    steps = torch.tensor([1e-4, 1e-3, 0.1, 1.0, 20.0], dtype=torch.float64)
    torch.testing.assert_close(torch.nn.functional.softplus(softplus_inverse(steps)), steps)


# --- the layer


@pytest.mark.parametrize(("width", "state", "taps", "expand", "rank"), [(32, 16, 4, 2, 2), (40, 8, 3, 3, 3)])
def test_mamba_has_the_parameters_of_mamba_ssm(width, state, taps, expand, rank):
    inner = expand * width
    expected = {
        "A_log": (inner, state),
        "D": (inner,),
        "conv1d.bias": (inner,),
        "conv1d.weight": (inner, 1, taps),
        "dt_proj.bias": (inner,),
        "dt_proj.weight": (inner, rank),
        "in_proj.weight": (2 * inner, width),
        "out_proj.weight": (width, inner),
        "x_proj.weight": (rank + 2 * state, inner),
    }
    layer = Mamba(width, state, taps, expand)
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == expected
    assert set(layer.state_dict()) == set(expected)


def test_mamba_starts_as_the_paper_says():
    layer = Mamba(64, 16)
    torch.testing.assert_close(layer.A_log.exp(), torch.arange(1.0, 17).expand(128, -1))
    steps = torch.nn.functional.softplus(layer.dt_proj.bias)
    assert steps.min() > 9e-4 and steps.max() < 0.101
    assert steps.log().std() > 1  # log-uniform over two decades has 1.33


@pytest.mark.parametrize("frames", [1, 3, 40])
def test_mamba_equals_transformers(frames):
    from transformers import MambaConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    layer = stirred(Mamba(24, 8, 4, 2), size=0.2)
    config = MambaConfig(
        hidden_size=24, state_size=8, conv_kernel=4, expand=2, time_step_rank=2, num_hidden_layers=1, use_mambapy=False
    )
    other = MambaMixer(config, 0).eval()
    other.load_state_dict(layer.state_dict(), strict=True)
    x = torch.randn(3, frames, 24, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected, found = other(x), layer(x)
    assert expected.abs().max() > 0.3  # the comparison would be empty otherwise
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_mamba_is_causal_and_bimamba_is_not():
    x = torch.randn(1, 12, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    changed = x.clone()
    changed[:, 7:] += 1
    one, two = stirred(Mamba(16, 4).double()), stirred(BiMamba(16, 4).double())
    with torch.no_grad():
        torch.testing.assert_close(one(x)[:, :7], one(changed)[:, :7])
        assert (two(x)[:, :7] - two(changed)[:, :7]).abs().max() > 1e-3


def test_bimamba_of_reversed_time_with_exchanged_halves():
    layer, mirrored = stirred(BiMamba(16, 4).double()), BiMamba(16, 4).double()
    mirrored.forward_scan.load_state_dict(layer.backward_scan.state_dict())
    mirrored.backward_scan.load_state_dict(layer.forward_scan.state_dict())
    x = torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(mirrored(x.flip(1)).flip(1), layer(x))


@pytest.mark.parametrize("kind", [Mamba, BiMamba])
def test_padding_changes_nothing(kind):
    layer = stirred(kind(16, 4).double())
    draw = torch.Generator().manual_seed(4)
    x = torch.randn(3, 20, 16, generator=draw, dtype=torch.float64)
    mask = torch.zeros(3, 20, dtype=torch.float64)
    with torch.no_grad():
        for row, length in enumerate((20, 13, 1)):
            mask[row, :length] = 1
        together = layer(x, mask)
        for row, length in enumerate((20, 13, 1)):
            torch.testing.assert_close(together[row, :length], layer(x[row : row + 1, :length])[0])
        assert (layer(x)[1, :13] - together[1, :13]).abs().max() > 1e-3 or kind is Mamba


@pytest.mark.parametrize("kind", [Mamba, BiMamba])
def test_padding_gets_no_gradient(kind):
    layer = stirred(kind(16, 4).double())
    x = torch.randn(1, 10, 16, generator=torch.Generator().manual_seed(4), dtype=torch.float64, requires_grad=True)
    mask = torch.ones(1, 10, dtype=torch.float64)
    mask[:, 6:] = 0
    (grad,) = torch.autograd.grad(layer(x, mask)[:, :6].sum(), x)
    assert (grad[:, 6:] == 0).all() and (grad[:, :6].abs().sum(-1) > 0).all()
