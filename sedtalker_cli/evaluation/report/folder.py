"""The folder of a report: `report.json` and `report.html`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sedtalker_cli.errors import UsageError
from sedtalker_cli.evaluation.report.html import Page, write_page
from sedtalker_cli.formats.atomic import atomic_file


def check_report_folder(out: Path) -> None:
    """Find out before the work that the report can be written.

    Raises:
        UsageError: it is a file.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: is not a folder")


def write_report(out: Path, content: Mapping[str, Any], page: Page) -> None:
    """Write `report.json` and `report.html` into a folder, which is made."""
    out.mkdir(parents=True, exist_ok=True)
    with atomic_file(out / "report.json") as part:
        part.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    write_page(out / "report.html", page)
