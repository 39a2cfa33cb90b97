"""Half precision: where the network computes in it, and what keeps small gradients from vanishing."""

from collections.abc import Callable
from contextlib import nullcontext

import torch


def precision(name: str, device: str) -> tuple[Callable, torch.amp.GradScaler]:
    """Autocast context and gradient scaler of a precision; `auto` is halved on CUDA only."""
    kind = device.split(":")[0]
    if name == "auto":
        name = "fp32" if kind == "cpu" else "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    scaler = torch.amp.GradScaler(kind, enabled=name == "fp16")
    scaler.scale(torch.zeros((), device=device))  # its scale exists, also where the first share of a batch is empty
    if name == "fp32":
        return nullcontext, scaler
    dtype = torch.bfloat16 if name == "bf16" else torch.float16
    return (lambda: torch.autocast(kind, dtype)), scaler


def no_scaler() -> torch.amp.GradScaler:
    """For networks that are trained in float32 or bfloat16: changes nothing."""
    return torch.amp.GradScaler("cpu", enabled=False)
