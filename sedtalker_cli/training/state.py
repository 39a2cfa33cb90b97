"""What a training run leaves beside its checkpoint: a state that it can go on from, and a CSV log."""

import csv
import json
import os
import pickle
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sedtalker_cli.batch.records import as_recorded
from sedtalker_cli.batch.run import check_folder
from sedtalker_cli.data.corpora.splits import splits_checksum
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.text import read_json
from sedtalker_cli.model.checkpoint import checksum, fingerprint
from sedtalker_cli.model.encoder import SpeechEncoder

STATE, NOTE = "state.pt", "run.json"
RESULTS = ("checkpoint", "log.csv", "best.pt", "cross-validation.json")  # of runs
DATA = "data of"  # begins the names of settings that are marks of data, see `data_marks`


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


def open_run(out: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Find out whether a run may use a folder, and say in it whose it is; gives the state to go on from, if any.

    Args:
        out: folder of the run, made if it is not there.
        settings: everything that the run must keep when it goes on.

    Raises:
        UsageError: it holds a run with other settings or data, or results that no run recorded.
        InputError: its state is damaged.
    """
    check_folder(out, f"--out {out}")
    out.mkdir(parents=True, exist_ok=True)
    note, known = out / NOTE, as_recorded(settings)
    state = load_state(out / STATE, settings)
    results = [out / name for name in RESULTS if os.path.lexists(out / name)]
    begun = read_json(note) if note.is_file() else None
    if isinstance(begun, dict) and (results or state):
        _refuse_changes(out, begun, known)
    elif results and state is None:
        raise UsageError(f"{results[0]} was not made by a run in this folder; move it away, or choose another --out")
    if begun != known:
        with atomic_file(note) as part:
            part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    return state


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
    _refuse_changes(path.parent, kept, settings)
    return state


def _refuse_changes(folder: Path, kept: dict[str, Any], settings: dict[str, Any]) -> None:
    """Compare what a run was started with and what it is to go on with.

    Raises:
        UsageError: names what differs.
    """
    names = [name for name in kept | settings if kept.get(name) != settings.get(name)]
    # Older versions did not look at the data: what they began may go on.
    names = [name for name in names if name in kept or not name.startswith(DATA)]
    if names:
        changed = ", ".join(
            name if name.startswith(DATA) else f"{name} {kept.get(name)} -> {settings.get(name)}" for name in names
        )
        raise UsageError(
            f"{folder}: holds a run with other settings ({changed}); "
            "repeat them to continue it, or choose another folder"
        )


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
