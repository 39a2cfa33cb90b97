"""Mamba's convolution and scan: run by the CUDA kernels of mamba-ssm, or by our own code; the weights are the same."""

from collections.abc import Callable
from typing import NamedTuple

from sedtalker_cli.errors import UsageError

BACKENDS = ("auto", "native", "mamba-ssm")
_chosen = "auto"


class Kernels(NamedTuple):
    """Fused CUDA functions; `convolve` is None where only mamba-ssm is installed."""

    scan: Callable
    convolve: Callable | None


def installed_kernels() -> Kernels | None:
    """mamba-ssm's scan and causal-conv1d's convolution, None without the former."""
    try:
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    except ImportError:
        return None
    try:
        from causal_conv1d import causal_conv1d_fn
    except ImportError:
        causal_conv1d_fn = None
    return Kernels(selective_scan_fn, causal_conv1d_fn)


def choose_scan(backend: str, device: str) -> str:
    """Set what runs all Mamba layers of this process from now on.

    Args:
        backend: one of `BACKENDS`; `auto` takes the kernels for tensors on CUDA if they are installed.
        device: where the models run.

    Returns:
        `native` or `mamba-ssm`: what will run.

    Raises:
        UsageError: unknown, or the kernels were asked for and cannot be had.
    """
    global _chosen
    if backend not in BACKENDS:
        raise UsageError(f"scan backend {backend!r}: must be one of {', '.join(BACKENDS)}")
    on_cuda = device.startswith("cuda")
    if backend == "mamba-ssm":
        if not on_cuda:
            raise UsageError(f"scan backend mamba-ssm: its kernels need CUDA, the models run on {device}; use native")
        if installed_kernels() is None:
            raise UsageError('scan backend mamba-ssm: is not installed; pip install "sedtalker[cuda]", or use native')
    _chosen = backend
    return "mamba-ssm" if on_cuda and fused_kernels() else "native"


def fused_kernels() -> Kernels | None:
    """The kernels, unless our own code was chosen or they are not installed."""
    return None if _chosen == "native" else installed_kernels()
