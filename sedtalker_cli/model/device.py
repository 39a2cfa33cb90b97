"""Where networks run."""

from __future__ import annotations

from sedtalker_cli.errors import UsageError


def choose_device(name: str) -> str:
    """`auto` becomes `cuda` where there is one, else `cpu`.

    Raises:
        UsageError: unknown, or CUDA asked for and not there.
    """
    if name == "cpu":
        return "cpu"
    if name not in ("auto", "cuda"):
        raise UsageError(f"device {name!r}: must be auto, cpu or cuda")
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise UsageError("device cuda: PyTorch finds no CUDA device here; use --device cpu or auto")
    return "cpu"
