"""The folder of a report: `report.json` and `report.html`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sedtalker_cli.batch.ownership import refuse_existing
from sedtalker_cli.batch.run import check_folder
from sedtalker_cli.evaluation.report.html import Page, write_page
from sedtalker_cli.formats.atomic import atomic_file

FILES = ("report.json", "report.html")


def check_report_folder(out: Path, overwrite: bool, *more: str) -> None:
    """Find out before the work that the report can be written.

    Args:
        out: folder of the report.
        overwrite: whether a report that is there is replaced.
        more: what else is written there.

    Raises:
        UsageError: it is a file, may not be written to, or holds a report.
    """
    check_folder(out, f"--out {out}")
    refuse_existing([out / name for name in (*FILES, *more)], overwrite)


def write_report(out: Path, content: Mapping[str, Any], page: Page) -> None:
    """Write `report.json` and `report.html` into a folder, which is made."""
    out.mkdir(parents=True, exist_ok=True)
    with atomic_file(out / "report.json") as part:
        part.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    write_page(out / "report.html", page)
