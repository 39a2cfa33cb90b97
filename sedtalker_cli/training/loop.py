"""What every training run shares: schedule, moving average, resumable state, CSV log."""

import csv
import math
import os
import pickle
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sedtalker_cli.data.corpora.splits import splits_checksum
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.checkpoint import checksum
from sedtalker_cli.model.encoder import SpeechEncoder


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


def shown_settings(settings: Any) -> dict[str, Any]:
    """A run's settings (a dataclass) without places on a disk and without the network's sizes, ready for JSON."""
    values = asdict(settings)
    for name in ("out", "cache", "encoder", "network"):
        values.pop(name, None)
    if values.get("splits"):
        values["splits"] = splits_checksum(values["splits"])
    if values.get("start"):
        values["start"] = checksum(values["start"])
    if "captures" in values:
        values["captures"] = [source for source, _ in settings.captures]
        values["phones"] = [folder.name for folder in settings.phones]
    return values | {"corpora": sorted(name for name, _ in settings.corpora)}


def run_settings(settings: Any, encoder: SpeechEncoder) -> dict[str, Any]:
    """Everything that a run must keep when it is resumed: settings, network and encoder."""
    sizes = {f"network {name}": value for name, value in settings.network.items()}
    return {**shown_settings(settings), **sizes, "encoder": encoder.sha256 or encoder.source}


def load_state(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Read a resumable state (tensors and plain values only), or None if there is none.

    Args:
        path: written by `save_state`; its item `settings` holds those that the run was started with.
        settings: of the run that wants to go on.

    Raises:
        UsageError: the run was started with other settings.
        InputError: the file is damaged.
    """
    if not path.is_file():
        return None
    if not zipfile.is_zipfile(path):  # also the case where its end is missing
        raise InputError(f"{path}: is damaged; delete it to start the run anew")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        kept = state.get("settings", {})
    except (OSError, EOFError, ValueError, KeyError, AttributeError, RuntimeError, pickle.UnpicklingError) as error:
        raise InputError(f"{path}: is damaged, or no state of a run; delete it to start the run anew") from error
    changed = [
        f"{name} {kept.get(name)} -> {settings.get(name)}"
        for name in kept | settings
        if kept.get(name) != settings.get(name)
    ]
    if changed:
        raise UsageError(
            f"{path.parent}: holds a run with other settings ({', '.join(changed)}); "
            "repeat them to go on with it, or choose another folder"
        )
    return state


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
