"""What a training run leaves beside its checkpoint: a state that it can go on from, and a CSV log."""

import csv
import os
import pickle
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sedtalker_cli.data.corpora.splits import splits_checksum
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.checkpoint import checksum, fingerprint
from sedtalker_cli.model.encoder import SpeechEncoder


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a resumable state beside its name and rename it into place."""
    part = path.with_name(path.name + ".part")
    torch.save(state, part)
    os.replace(part, path)


def shown_settings(settings: Any) -> dict[str, Any]:
    """A run's settings (a dataclass) without paths and without the network's sizes, ready for JSON."""
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
    return {**shown_settings(settings), **sizes, "encoder": fingerprint(encoder)}


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
        raise InputError(f"{path}: is damaged; delete it to start the run from the beginning")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        kept = state.get("settings", {})
    except (OSError, EOFError, ValueError, KeyError, AttributeError, RuntimeError, pickle.UnpicklingError) as error:
        raise InputError(
            f"{path}: is damaged, or not the state of a run; delete it to start the run from the beginning"
        ) from error
    changed = [
        f"{name} {kept.get(name)} -> {settings.get(name)}"
        for name in kept | settings
        if kept.get(name) != settings.get(name)
    ]
    if changed:
        raise UsageError(
            f"{path.parent}: holds a run with other settings ({', '.join(changed)}); "
            "repeat them to continue it, or choose another folder"
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
