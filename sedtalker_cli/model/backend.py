"""What runs the encoder on a CPU: ONNX Runtime where it can, PyTorch as the reference and in every other case.

PyTorch's products go through MKL, which takes its slower path on processors of other makers with AVX-512. ONNX Runtime
takes the fastest path that the processor has. Both add up float32 and differ by what another order of a sum makes.
"""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import nn

from sedtalker_cli.model.layers.whisper import WhisperLayers

LOGGER = logging.getLogger("sedtalker")
HALF_PRECISION = {"avx512_bf16", "amx_bf16", "bf16"}  # as Linux names what processors can do
ERRORS_ONLY = 3  # of ONNX Runtime's log levels


class OnnxLayers(nn.Module):
    """`WhisperLayers` in one thread of ONNX Runtime; several threads may call it at once.

    Args:
        layers: trained.

    Raises:
        ImportError: ONNX Runtime is not installed.
        RuntimeError: it cannot run the graph.
    """

    def __init__(self, layers: WhisperLayers):
        super().__init__()
        import onnxruntime

        from sedtalker_cli.model.encoder_graph import INPUT, EncoderGraph

        self.mel, self._input = layers.mel, INPUT
        graph = EncoderGraph(layers)
        options = onnxruntime.SessionOptions()
        # Sums are made by one thread (see `batch.threads`), and a process without threads of its own may fork.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        options.enable_cpu_mem_arena = False  # which keeps what the longest window took, once for each thread
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in graph.weights.values()]
        options.add_external_initializers(list(graph.weights), values)
        self._session = onnxruntime.InferenceSession(graph.serialised(), options, providers=["CPUExecutionProvider"])

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """As `WhisperLayers.forward`: (B, N) to (B, N / 320, L, D), one recording after the other."""
        mel = self.mel(waveform).numpy()
        return torch.cat([torch.from_numpy(self._session.run(None, {self._input: row[None]})[0]) for row in mel])


def fastest(network: nn.Module) -> nn.Module:
    """The same network by the fastest exact means that there are on this machine; itself, where that is PyTorch.

    Args:
        network: trained, on the CPU.
    """
    if not isinstance(network, WhisperLayers):
        return network
    try:
        return OnnxLayers(network)
    except Exception as error:  # of whatever kind: the reference always works, and only takes longer
        LOGGER.debug("the encoder runs in PyTorch: %s", error)
        return network


def lacks_half_precision(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor is known to have no products of bfloat16; false where the system does not say."""
    try:
        words = set(cpuinfo.read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return False
    return not words & HALF_PRECISION
