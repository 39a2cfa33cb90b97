"""What every training run shares: schedule, moving average, resumable state, CSV log."""

import csv
import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn


def cosine_with_warmup(step: int, total: int, warmup: int) -> float:
    """Learning-rate factor: linear rise over `warmup` steps, then half a cosine to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


class MovingAverage:
    """Exponential moving average of a module's parameters (Polyak averaging).

    Args:
        module: followed module.
        decay: of the average; it is lower in the first steps.
    """

    def __init__(self, module: nn.Module, decay: float = 0.999):
        self.decay, self.steps = decay, 0
        self.state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Follow the module by one step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                self.state[name].lerp_(tensor, 1 - decay)
            else:
                self.state[name].copy_(tensor)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a resumable state beside its name and rename it into place."""
    part = path.with_name(path.name + ".part")
    torch.save(state, part)
    os.replace(part, path)


def load_state(path: Path) -> dict[str, Any] | None:
    """Read a resumable state (tensors and plain values only), or None if there is none."""
    return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a CSV log; an epoch that is repeated after a resume replaces its old row."""
    rows: list[dict[str, Any]] = []
    if path.is_file():
        with path.open(newline="") as file:
            rows = [r for r in csv.DictReader(file) if int(r["epoch"]) < int(row["epoch"])]
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row), restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows([*rows, row])
    os.replace(part, path)
