"""Scores as text: tables, numbers, lists of names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMED = 3  # recordings that a note names


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        title: what it shows.
        columns: headings; the first column is named by what stands in it.
        rows: as long as the columns.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def number(value: float | None, decimals: int = 3) -> str:
    """A score, or a dash where it is not defined."""
    return "–" if value is None or math.isnan(value) else f"{value:.{decimals}f}"


def listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    """The first `NAMED` names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def without_nan(content: Any) -> Any:
    """The same with None for what is not a number."""
    if isinstance(content, dict):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, list):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content
