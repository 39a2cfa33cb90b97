"""What is known of the outputs of one input: of what they were made, and which contents the program wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from sedtalker_cli.formats.checksum import content_checksum, total_size


class Content(NamedTuple):
    """A file's, or a folder's, size in bytes and SHA-256."""

    bytes: int
    sha256: str


def content_of(path: Path) -> Content:
    """What lies there now."""
    return Content(total_size(path), content_checksum(path))


class DamagedRecord(Exception):
    """A record that cannot be read."""


@dataclass(frozen=True)
class Record:
    """A JSON file in the ledger.

    Attributes:
        made_from: checksums of the inputs and settings; None while outputs are being replaced, and for ever if the
            run ended there.
        outputs: content by suffix.
        replaced: contents that the program wrote earlier, of outputs that were being replaced.
        source: the input, as seen from the outputs' folder.
        failed: whether the input has failed since these outputs were made.
        written: when the record was [ns].
    """

    made_from: dict[str, Any] | None
    outputs: dict[str, Content]
    replaced: dict[str, tuple[Content, ...]] = field(default_factory=dict)
    source: str | None = None
    failed: bool = False
    written: int = 0

    @property
    def suffixes(self) -> list[str]:
        """Of all outputs that the record speaks of."""
        return list(dict.fromkeys([*self.outputs, *self.replaced]))

    def contents(self, suffix: str) -> tuple[Content, ...]:
        """All contents of an output that are the program's own."""
        written = self.outputs.get(suffix)
        return (*((written,) if written else ()), *self.replaced.get(suffix, ()))


def read_record(path: Path) -> Record | None:
    """Read a record; None if there is none.

    Raises:
        DamagedRecord: it is there and cannot be used.
    """
    try:
        written = path.stat().st_mtime_ns
        content = json.loads(path.read_text(encoding="utf-8"))
        made_from = content["made_from"]
        if not isinstance(made_from, dict | None):
            raise TypeError("made_from is no object")
        return Record(
            made_from,
            {suffix: _content(entry) for suffix, entry in content["outputs"].items()},
            {suffix: tuple(map(_content, entries)) for suffix, entries in content.get("replaced", {}).items()},
            content.get("source"),
            bool(content.get("failed")),
            written,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedRecord(str(path)) from error


def write_record(path: Path, record: Record, staging: Path) -> None:
    """Write a record whole or not at all.

    Args:
        path: final name; its folder is made.
        record: to write; `written` becomes the time of now.
        staging: folder on the same file system for what is not finished.
    """
    content: dict[str, Any] = {
        "made_from": record.made_from,
        "outputs": {suffix: entry._asdict() for suffix, entry in record.outputs.items()},
    }
    if record.replaced:
        content["replaced"] = {name: [entry._asdict() for entry in found] for name, found in record.replaced.items()}
    if record.source is not None:
        content["source"] = record.source
    if record.failed:
        content["failed"] = True
    path.parent.mkdir(parents=True, exist_ok=True)
    part = staging / f".record-{uuid4().hex[:12]}.json"
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(part, path)


def as_recorded(made_from: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they are after they were written and read again."""
    return json.loads(json.dumps(made_from))


def _content(entry: Mapping[str, Any]) -> Content:
    size, sha256 = entry["bytes"], entry["sha256"]
    if not isinstance(size, int) or not isinstance(sha256, str):
        raise TypeError("no content")
    return Content(size, sha256)
