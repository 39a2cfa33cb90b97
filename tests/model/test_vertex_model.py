"""The vertex animator's network, the stack of SEDTalker's authors, and who runs Mamba's kernels."""

import sys
import types

import numpy as np
import pytest
import torch

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.features import FeatureStore
from sedtalker_cli.model.frames import SampledFeatures, sample_frames
from sedtalker_cli.model.layers import kernels
from sedtalker_cli.model.layers.mamba import BiMamba, Mamba
from sedtalker_cli.model.layers.paper import LAYERS, MambaMixture, PaperStack, RotaryAttention
from sedtalker_cli.model.layers.scan import reference_scan
from sedtalker_cli.model.losses import vertex_losses
from sedtalker_cli.model.vertex_animator import VertexAnimator, VertexNetwork
from tests.model.layers import stirred

CLASSES = ("angry", "happy", "neutral")
SIZES = {"hybrid": {"layout": "ma", "window": 4, "emotion_dim": 4, "subject_dim": 2}, "paper": {"rank": 2}}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def automatic_kernels():
    yield
    kernels.choose_scan("auto", "cpu")


def network(backbone="hybrid", **changes) -> VertexNetwork:
    sizes = {"backbone": backbone, "d_model": 16, "num_heads": 2, "d_state": 2, "dropout": 0.0, **SIZES[backbone]}
    return VertexNetwork(CLASSES, 3, {"small": 7, "with.dot": 5}, 2, 6, **{**sizes, **changes}).eval()


def inputs(batch=2, frames=11, vertices=7) -> dict[str, torch.Tensor]:
    return {
        "features": torch.randn(batch, frames, 2, 6),
        "posteriors": torch.randn(batch, frames, 3).softmax(-1),
        "intensity": torch.rand(batch, frames),
        "subject": torch.arange(batch) % 3,
        "template": torch.randn(batch, vertices, 3),
    }


# --- network


@pytest.mark.parametrize("backbone", ["hybrid", "paper"])
def test_untrained_network_shows_the_template(backbone):
    given = inputs()
    found = network(backbone)(**given, topology="small")
    torch.testing.assert_close(found, given["template"][:, None].expand(-1, 11, -1, -1))


@pytest.mark.parametrize("backbone", ["hybrid", "paper"])
def test_padding_changes_nothing(backbone):
    model, given = stirred(network(backbone), size=0.2), inputs()
    mask = torch.ones(2, 11)
    mask[1, 6:] = 0
    with torch.no_grad():
        together = model(**given, topology="small", mask=mask)
        alone = {k: v[1:, :6] if k in ("features", "posteriors", "intensity") else v[1:] for k, v in given.items()}
        torch.testing.assert_close(together[1:, :6], model(**alone, topology="small"), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backbone", ["hybrid", "paper"])
def test_sound_emotion_and_intensity_are_heard(backbone):
    model, given = stirred(network(backbone), size=0.3), inputs()
    with torch.no_grad():
        before = model(**given, topology="small")
        for name in ("features", "posteriors", "intensity"):
            changed = {**given, name: given[name].flip(1)}
            assert (model(**changed, topology="small") - before).abs().max() > 1e-3, name
        other = model(**{**given, "subject": (given["subject"] + 1) % 3}, topology="small")
    assert ((other - before).abs().max() > 1e-3) == (backbone == "hybrid")


def test_topologies_share_the_backbone_alone():
    model = network()
    head = model.head("with.dot")
    assert head.linear.out_features == 15 and head is not model.head("small")
    given = inputs(vertices=5)
    model(**given, topology="with.dot").square().sum().backward()
    assert model.head("small").linear.weight.grad is None and head.linear.weight.grad is not None


def test_sizes_of_the_papers_stack():
    """Linear 768-512, embedding of 7 and level, shared layers, head of 5,023 vertices: 16.37 M parameters."""
    with torch.device("meta"):
        model = VertexNetwork((*"abcdef", "neutral"), 9, {"flame": 5023}, 1, 768, backbone="paper")
    own, head = (sum(p.numel() for p in part.parameters()) for part in (model.backbone, model.heads))
    assert head == 512 * 15069 + 15069
    assert (own, own + head) == (8_641_026, 16_371_423)


# --- the authors' layers


def test_stack_runs_its_six_layers_with_shared_weights():
    stack, seen = PaperStack(16, 2, 4, rank=2), []
    for kind, mixer in stack.mixers.items():
        mixer.register_forward_hook(lambda *_, kind=kind: seen.append(kind))
    stack(torch.randn(1, 5, 16))
    assert tuple(seen) == LAYERS == ("mamba", "moe", "attention", "moe", "mamba", "moe")
    assert len(stack.mixers["moe"].experts) == 2


def test_mixture_is_the_gates_mean_of_its_experts():
    mixture, x = stirred(MambaMixture(8, 2, 4)), torch.randn(2, 6, 8)
    with torch.no_grad():
        shares = mixture.gate(x).softmax(-1)
        one, two = (expert(x) for expert in mixture.experts)
        torch.testing.assert_close(mixture(x), shares[..., :1] * one + shares[..., 1:] * two)


def test_rotary_attention_sees_distances_and_its_correction_starts_at_nothing():
    layer, x = RotaryAttention(16, 2, 4).eval(), torch.randn(1, 9, 16)
    with torch.no_grad():
        before = layer(x)
        layer.narrow.weight.normal_()
        torch.testing.assert_close(layer(x), before)
        layer.widen.weight.normal_()
        assert (layer(x) - before).abs().max() > 1e-3
        assert (layer(x.flip(1)).flip(1) - layer(x)).abs().max() > 1e-4  # order matters


# --- losses


def test_losses_by_hand():
    target = torch.zeros(2, 3, 4, 3)
    found = target.clone()
    found[0, 1, 2, 0] = 6.0  # one coordinate of one frame
    found[1, 2] = 100.0  # padding
    mask = torch.tensor([[1.0, 1, 1], [1, 1, 0]])
    lips = torch.tensor([2, 3])
    parts = vertex_losses(found, target, mask, lips, unit=2.0)
    torch.testing.assert_close(parts[0], torch.tensor([9 / 36, 2 * 9 / 24, 9 / 18]))
    assert parts[1].tolist() == [0, 0, 0]


# --- a loaded model


def animator() -> VertexAnimator:
    config = {
        "classes": list(CLASSES),
        "subjects": ["anyone", "ann", "bob"],
        "class_map": {"sad": "neutral"},
        "topologies": {"small": {"vertices": 7, "fps": 30.0, "extent": 1.0}},
        "network": {"num_taps": 2, "dim": 6},
        "encoder": {"name": "bundled", "sha256": None},
    }
    return VertexAnimator(stirred(network(), size=0.2), config, "cpu", "")


def test_other_frame_rates_are_the_same_motion_read_elsewhere():
    model, posteriors = animator(), np.tile(np.float32([0, 1, 0]), (100, 1))
    features, level = torch.randn(100, 2, 6), np.ones(100, np.float32)
    template = np.zeros((7, 3), np.float32)
    own = model.listen(features, posteriors, level, "small", 61)
    twice = model.listen(features, posteriors, level, "small", 120, 60.0)
    assert own.shape == (61, 16) and twice.shape == (120, 16)
    torch.testing.assert_close(twice[::2], own[:60])
    blocks = list(model.stream(own, template, "small", block=25))
    assert [len(block) for block in blocks] == [25, 25, 11]
    # The head is linear: vertices between frames are those of hidden frames between frames.
    half = sample_frames(own, torch.tensor([7.25], dtype=torch.float64))
    flat = torch.from_numpy(np.concatenate(blocks)).flatten(1)
    expected = sample_frames(flat, torch.tensor([7.25], dtype=torch.float64)).view(1, 7, 3)
    found = torch.from_numpy(next(model.stream(half, template, "small")))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_unknown_subjects_are_anyone_and_unknown_topologies_errors():
    model = animator()
    assert [model.subject_number(name) for name in ("bob", "eve", None)] == [2, 0, 0]
    assert model.topology_of(7) == "small"
    with pytest.raises(InputError, match=r"no topology of 8 vertices; it has small \(7 vertices\)"):
        model.topology_of(8)


# --- kernels


def fake_mamba_ssm(monkeypatch, told):
    """Stand-ins with the kernels' conventions (time last), written from their reference formulas."""

    def scan(u, delta, a, b, c, d=None, z=None, delta_bias=None, delta_softplus=False):
        told.append("scan")
        assert z is None and delta_bias is None and not delta_softplus and u.shape == delta.shape
        return reference_scan(*(t.transpose(1, 2) for t in (u, delta)), a, *(t.transpose(1, 2) for t in (b, c)), d).mT

    def convolve(x, weight, bias=None, activation=None):
        told.append("convolve")
        assert weight.ndim == 2 and activation == "silu"
        padded = torch.nn.functional.pad(x, (weight.shape[1] - 1, 0))
        y = torch.nn.functional.conv1d(padded, weight[:, None], bias, groups=len(weight))
        return torch.nn.functional.silu(y)

    module = types.ModuleType("mamba_ssm.ops.selective_scan_interface")
    module.selective_scan_fn = scan
    other = types.ModuleType("causal_conv1d")
    other.causal_conv1d_fn = convolve
    for name in ("mamba_ssm", "mamba_ssm.ops"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "causal_conv1d", other)


def without_mamba_ssm(monkeypatch):
    monkeypatch.setitem(sys.modules, "mamba_ssm.ops.selective_scan_interface", None)


def test_layer_speaks_the_kernels_conventions(monkeypatch):
    """The branch for CUDA, run here on stand-ins of the published formulas, gives what our own code gives."""
    told, layer, x = [], stirred(Mamba(16, 4), size=0.2), torch.randn(2, 9, 16)
    mask = torch.ones(2, 9)
    mask[1, 5:] = 0
    with torch.no_grad():
        own = layer(x, mask)
        fake_mamba_ssm(monkeypatch, told)
        monkeypatch.setattr(torch.Tensor, "is_cuda", True)
        torch.testing.assert_close(layer(x, mask), own, rtol=1e-5, atol=1e-5)
    assert told == ["convolve", "scan"]
    kernels.choose_scan("native", "cuda")
    layer(x, mask)
    assert told == ["convolve", "scan"]


def test_choice_of_kernels(monkeypatch):
    without_mamba_ssm(monkeypatch)
    assert kernels.choose_scan("auto", "cpu") == kernels.choose_scan("auto", "cuda:0") == "native"
    with pytest.raises(UsageError, match="need CUDA, the models run on cpu"):
        kernels.choose_scan("mamba-ssm", "cpu")
    with pytest.raises(UsageError, match=r"pip install \"sedtalker\[cuda\]\""):
        kernels.choose_scan("mamba-ssm", "cuda")
    with pytest.raises(UsageError, match="must be one of auto, native, mamba-ssm"):
        kernels.choose_scan("triton", "cpu")
    fake_mamba_ssm(monkeypatch, [])
    assert kernels.choose_scan("auto", "cuda") == kernels.choose_scan("mamba-ssm", "cuda") == "mamba-ssm"
    assert kernels.choose_scan("auto", "cpu") == kernels.choose_scan("native", "cuda") == "native"
    with pytest.raises(UsageError):
        kernels.choose_scan("mamba-ssm", "cpu")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_the_recurrence_whole(dtype):
    layer, x = stirred(BiMamba(16, 4), size=0.1), torch.randn(2, 40, 16, requires_grad=True)
    expected = layer(x)
    with torch.autocast("cpu", dtype=dtype):
        found = layer(x)
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05)
    found.float().sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.skipif(
    not (torch.cuda.is_available() and kernels.installed_kernels()), reason="needs CUDA and mamba-ssm (extra cuda)"
)
def test_kernels_equal_our_code_on_cuda():
    layer, x = stirred(Mamba(64, 16), size=0.1).cuda(), torch.randn(2, 100, 64, device="cuda")
    mask = torch.ones(2, 100, device="cuda")
    mask[1, 60:] = 0
    outputs, gradients = [], []
    for backend in ("native", "mamba-ssm"):
        assert kernels.choose_scan(backend, "cuda") == backend
        layer.zero_grad()
        y = layer(x, mask)
        y.square().sum().backward()
        outputs.append(y.detach())
        gradients.append(torch.cat([p.grad.flatten() for p in layer.parameters()]))
    torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("frames", [1, 2, 40])
@pytest.mark.parametrize("fps", [25.0, 60.0])
def test_features_read_in_pieces_are_those_of_the_whole(frames, fps):
    features = torch.randn(frames, 2, 6).half()
    place = torch.arange(round(frames / 50 * fps) + 1, dtype=torch.float64) / fps * 50 - 0.5
    whole = sample_frames(features.float().flatten(1), place).unflatten(1, (2, 6))
    sampled = SampledFeatures(features, place)
    assert sampled.shape == whole.shape
    for size in (1, 7, len(place)):
        pieces = [sampled[k : k + size] for k in range(0, len(place), size)]
        torch.testing.assert_close(torch.cat(pieces), whole, rtol=0, atol=1e-6)


def test_features_on_disk_move_a_face_as_those_in_memory():
    model, posteriors = animator(), np.tile(np.float32([0, 1, 0]), (300, 1))
    features, level = torch.randn(300, 2, 6).half(), np.ones(300, np.float32)
    stored = FeatureStore(2, 6, in_memory=100)
    for piece in features.split(130):
        stored.append(piece)
    found = model.listen(stored, posteriors, level, "small", 180)
    torch.testing.assert_close(found, model.listen(features, posteriors, level, "small", 180), rtol=0, atol=1e-6)
