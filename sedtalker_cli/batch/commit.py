"""The step from staged outputs to final ones: what is replaced, what stays, what no longer belongs to the rest."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sedtalker_cli.batch.ledger import COMMANDS, DAMAGED, INTERRUPTED, Ledger, other_settings
from sedtalker_cli.batch.ownership import Owner, changed_at, is_beginning, refuse_edited, refuse_foreign
from sedtalker_cli.batch.records import Content, Record, as_recorded, content_of, write_record

TRIES = 50  # ms to wait for the next step of a file system's clock


@dataclass(frozen=True)
class Committed:
    """What became of the outputs beside those that were made.

    Attributes:
        kept: edited outputs, which stayed.
        removed: outputs of an earlier run that do not belong to the new ones.
    """

    kept: tuple[Path, ...] = ()
    removed: tuple[Path, ...] = ()


@dataclass
class Leftovers:
    """Outputs of earlier runs that a new one does not renew.

    Attributes:
        carried: still right; the new record speaks of them, too.
        stale: made from what is replaced now; they go.
        edited: stale and changed by somebody; they stay.
        records: of other commands that made stale ones.
    """

    carried: dict[str, Content] = field(default_factory=dict)
    stale: list[Path] = field(default_factory=list)
    edited: list[Path] = field(default_factory=list)
    records: list[Path] = field(default_factory=list)


def commit(
    ledger: Ledger,
    name: Path,
    staged: Path,
    suffixes: Iterable[str],
    made_from: dict[str, Any],
    source: Path | None = None,
    overwrite: bool = False,
) -> Committed:
    """Move staged outputs to their final names and record them.

    First the record says what is about to be replaced, so that a run that ends midway leaves nothing that is
    nobody's. Outputs of an earlier run that do not belong to the new ones are removed.

    Args:
        name: of the outputs.
        staged: folder of `stage` that holds them, named by the last part of `name`.
        suffixes: of the outputs.
        made_from: checksums and settings.
        source: the input.
        overwrite: whether to replace what the program did not make.

    Raises:
        UsageError: an output that has to be replaced is the user's.
    """
    made = {suffix: staged / (name.name + suffix) for suffix in suffixes}
    contents = {suffix: content_of(path) for suffix, path in made.items()}
    record_path, before = ledger.record_path(name), ledger.look(name)[1]
    owners = ledger.owners(name, made)
    kept = [] if overwrite else _edits_to_keep(ledger, name, made, owners, before, made_from)
    old = _leftovers(ledger, name, contents, before, made_from)
    replaced = {suffix: before.contents(suffix) for suffix in before.suffixes} if before else {}
    for suffix, owner in owners.items():
        if overwrite and owner in (Owner.EDITED, Owner.USER):
            with suppress(OSError):
                replaced[suffix] = (*replaced.get(suffix, ()), content_of(ledger.target(name, suffix)))
    folder = ledger.out / name.parent
    folder.mkdir(parents=True, exist_ok=True)
    carried = {suffix: content for suffix, content in old.carried.items() if suffix not in contents}
    record = Record(None, {**contents, **carried}, replaced, relative_source(source, folder))
    write_record(record_path, record, staged)
    for suffix, path in made.items():
        if suffix not in kept:
            _move(path, ledger.target(name, suffix), staged / f".old{suffix}")
    for number, target in enumerate(old.stale):
        os.rename(target, staged / f".stale-{number}")
    write_record(record_path, replace(record, made_from=made_from, replaced={}), staged)
    for path in old.records:
        path.unlink(missing_ok=True)
    be_later(record_path, [ledger.target(name, suffix) for suffix in made])
    return Committed((*(ledger.target(name, suffix) for suffix in kept), *old.edited), tuple(sorted(old.stale)))


def _edits_to_keep(
    ledger: Ledger,
    name: Path,
    made: dict[str, Path],
    owners: dict[str, Owner],
    before: Record | None,
    made_from: dict[str, Any],
) -> list[str]:
    """Suffixes of edited outputs, which stay; what is only partial does not.

    Raises:
        UsageError: an output is the user's and does not belong to the new ones.
    """
    refuse_foreign([ledger.target(name, suffix) for suffix, owner in owners.items() if owner is Owner.USER])
    kept = []
    for suffix in [suffix for suffix, owner in owners.items() if owner is Owner.EDITED]:
        target = ledger.target(name, suffix)
        if is_beginning(target, made[suffix]):
            continue
        if before is None or before.made_from is None:
            raise refuse_edited(target, DAMAGED if before is None else INTERRUPTED)
        changed = ledger.changed_settings(before.made_from, made_from)
        if changed:
            raise refuse_edited(target, other_settings(changed))
        kept.append(suffix)
    return kept


def _leftovers(
    ledger: Ledger, name: Path, contents: dict[str, Content], before: Record | None, made_from: dict[str, Any]
) -> Leftovers:
    """Outputs of earlier runs that these do not renew."""
    found = Leftovers()
    if before is not None:
        shared = [suffix for suffix in contents if suffix in before.outputs]
        same = all(contents[suffix] == before.outputs[suffix] for suffix in shared)
        if not shared:
            then, now = (dict(x.get("inputs", ())) for x in (before.made_from or {}, as_recorded(made_from)))
            same = bool(then) and all(then[file] == now[file] for file in then.keys() & now.keys())
        others = [suffix for suffix in before.suffixes if suffix not in contents]
        if same:
            found.carried |= {suffix: before.outputs[suffix] for suffix in others if suffix in before.outputs}
        _sort_out(ledger, found, name, [suffix for suffix in others if suffix not in found.carried])
    for command in COMMANDS:
        record = ledger.look(name, command)[1] if command != ledger.command else None
        if record is not None and _made_from_older(ledger, record, name, contents):
            found.records.append(ledger.record_path(name, command))
            _sort_out(ledger, found, name, [suffix for suffix in record.suffixes if suffix not in contents])
    return found


def _sort_out(ledger: Ledger, found: Leftovers, name: Path, suffixes: Iterable[str]) -> None:
    for suffix, owner in ledger.owners(name, suffixes).items():
        if owner is Owner.PROGRAM:
            found.stale.append(ledger.target(name, suffix))
        elif owner is Owner.EDITED:
            found.edited.append(ledger.target(name, suffix))


def _made_from_older(ledger: Ledger, record: Record, name: Path, contents: dict[str, Content]) -> bool:
    """Whether another command made its outputs, as films, from what is replaced now by something else."""
    if record.made_from is None or record.source is None:
        return False
    if os.path.dirname(record.source):  # its inputs lie elsewhere
        return False
    inputs = {file: checksum for file, checksum in record.made_from.get("inputs", ())}
    new = {name.name + suffix: content.sha256 for suffix, content in contents.items()}
    return any(inputs[file] != new[file] for file in inputs.keys() & new.keys())


def relative_source(source: Path | None, folder: Path) -> str | None:
    """An input as seen from its outputs, which may be moved together with it."""
    if source is None:
        return None
    try:
        return os.path.relpath(source, folder)
    except ValueError:  # on another drive
        return os.path.abspath(source)


def _move(path: Path, final: Path, aside: Path) -> None:
    """Put a file or folder in the place of another; folders are not replaced in one step."""
    if os.path.lexists(final) and (final.is_dir() or path.is_dir()):
        os.rename(final, aside)
    os.replace(path, final)


def be_later(record: Path, targets: Iterable[Path]) -> None:
    """Make a record younger than what it describes, by the file system's clock, which moves in steps."""
    latest = max((changed_at(target) for target in targets), default=0)
    for _ in range(TRIES):
        os.utime(record)
        if record.stat().st_mtime_ns > latest:
            return
        time.sleep(0.001)
