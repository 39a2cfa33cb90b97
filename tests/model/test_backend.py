"""The encoder in ONNX Runtime against PyTorch, and what happens where there is no ONNX Runtime."""

import logging
import sys

import numpy as np
import pytest
import torch
from torch import nn

from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.model.backend import OnnxLayers, fastest, lacks_half_precision
from sedtalker_cli.model.encoder import SpeechEncoder, WindowPlan
from sedtalker_cli.model.layers.whisper import WhisperLayers
from tests.conftest import ROOT, needs_weights, run_cli

SIZES = {
    "d_model": 24,
    "encoder_attention_heads": 3,
    "encoder_ffn_dim": 40,
    "num_mel_bins": 80,
    "max_source_positions": 200,
}


def layers(taps=(1, 3)) -> WhisperLayers:
    torch.manual_seed(0)
    network = WhisperLayers(3, taps, **SIZES).eval().requires_grad_(False)
    for parameter in network.encoder.parameters():  # biases and norms too, which start as zeros and ones
        parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def noise(samples: int, rows: int = 1) -> torch.Tensor:
    return 0.1 * torch.randn(rows, samples, generator=torch.Generator().manual_seed(samples))


@pytest.mark.parametrize("taps", [(1, 3), (0, 2), (2,)])
@pytest.mark.parametrize("frames", [2, 3, 50, 200])
def test_every_tap_is_as_in_pytorch(taps, frames):
    reference, x = layers(taps), noise(320 * frames)
    found = OnnxLayers(reference)(x)
    assert found.shape == (1, frames, len(taps), 24)
    torch.testing.assert_close(found, reference(x), rtol=1e-4, atol=1e-5)


def test_rows_of_a_batch_are_as_alone():
    fast, x = OnnxLayers(layers()), noise(6400, 2)
    assert torch.equal(fast(x), torch.cat([fast(x[:1]), fast(x[1:])]))


def test_weights_may_go_once_they_were_handed_over():
    reference, x = layers(), noise(6400)
    expected, fast = reference(x), OnnxLayers(reference)
    for parameter in reference.encoder.parameters():
        parameter.fill_(torch.nan)
    torch.testing.assert_close(fast(x), expected, rtol=1e-4, atol=1e-5)


def test_threads_that_share_a_session_change_no_bit():
    encoder = SpeechEncoder(layers(), WindowPlan(0.4, 0.1), "cpu", "test", None)
    encoder.compute_in("auto")
    assert isinstance(encoder.network, OnnxLayers) and encoder.precision == "fp32"
    sound = [noise(40_000)[0].numpy()]
    alone = encoder.encode(sound)
    encoder.threads = 3
    assert torch.equal(encoder.encode(sound), alone)


@pytest.mark.parametrize("missing", ["onnxruntime", "onnx"])
def test_without_it_pytorch_does_the_work(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "sedtalker_cli.model.encoder_graph", raising=False)
    network = layers()
    assert fastest(network) is network


def test_a_graph_that_cannot_be_run_leaves_the_work_to_pytorch(monkeypatch):
    monkeypatch.setattr("sedtalker_cli.model.encoder_graph.EncoderGraph.serialised", lambda self: b"no graph")
    network = layers()
    assert fastest(network) is network


def test_other_networks_stay_as_they_are():
    other = nn.Identity()
    assert fastest(other) is other


@pytest.mark.parametrize(
    ("flags", "lacks"),
    [("fpu avx2 avx512f", True), ("avx512_bf16 avx512f", False), ("amx_tile amx_bf16", False), ("asimd bf16", False)],
)
def test_half_precision_is_read_off_the_processors_flags(tmp_path, flags, lacks):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n")
    assert lacks_half_precision(tmp_path / "cpuinfo") is lacks
    assert not lacks_half_precision(tmp_path / "nothing")  # a system that does not say


@pytest.mark.parametrize("lacks", [True, False])
def test_a_processor_without_half_precision_is_named(monkeypatch, caplog, lacks):
    monkeypatch.setattr("sedtalker_cli.model.encoder.lacks_half_precision", lambda: lacks)
    encoder = SpeechEncoder(layers(), WindowPlan(), "cpu", "test", None)
    with caplog.at_level(logging.WARNING, "sedtalker"):
        encoder.compute_in("bf16")
    assert encoder.precision == "bf16"
    assert [record.getMessage().count("AVX-512 BF16") for record in caplog.records] == [1] * lacks


@needs_weights
def test_labels_are_those_of_pytorch_and_resume_takes_either(tmp_path):
    sound = ROOT / "examples/party.flac"
    for precision in ("auto", "fp32"):
        result = run_cli("diarize", sound, "--precision", precision, "--out", precision, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    fast, slow = (read_emotion_csv(tmp_path / name / "party.emotion.csv") for name in ("auto", "fp32"))
    assert np.array_equal(fast.posteriors.argmax(1), slow.posteriors.argmax(1))
    assert np.abs(fast.posteriors - slow.posteriors).max() <= 0.001
    result = run_cli("diarize", sound, "--precision", "auto", "--out", "fp32", "--resume", "--json", cwd=tmp_path)
    assert '"skipped"' in result.stdout, result.stderr
