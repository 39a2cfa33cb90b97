"""Tables of scores on standard output."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.report.tables import Table


def print_tables(tables: "Sequence[Table]") -> None:
    """Print tables, as wide as the terminal or 160 columns."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    # What is no terminal has no width of its own; 80 columns would break lines of numbers.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    for table in tables:
        shown = RichTable(title=Text(table.title), title_justify="left", box=box.SIMPLE_HEAD)
        for place, column in enumerate(table.columns):
            # File names may hold brackets, which rich would take for markup.
            width = max((len(row[place]) for row in table.rows), default=0) if place else None
            shown.add_column(Text(column), justify="right" if place else "left", overflow="fold", min_width=width)
        for row in table.rows:
            shown.add_row(*(Text(value) for value in row))
        console.print(shown)
