"""A progress bar for work in named stages, as in training and evaluation."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sedtalker_cli.progress import Progress, silent


@contextmanager
def stage_bar(quiet: bool) -> Iterator[tuple[Callable[[str], None], Progress]]:
    """Yields `log(line)` and `progress(stage, done, total)`; the bar shows only if a person watches.

    Args:
        quiet: neither lines nor bar.
    """
    from sedtalker_cli.cli.console import say

    if quiet:
        yield (lambda line: None), silent
        return
    if not sys.stderr.isatty():
        yield say, silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True, highlight=False), transient=True) as bars:
        task = bars.add_task("", total=None)
        current = ""

        def progress(stage: str, done: float, total: float) -> None:
            nonlocal current
            if stage != current:
                current = stage
                bars.reset(task, description=stage)
            bars.update(task, completed=done, total=total or None)

        yield (lambda line: bars.console.print(line, markup=False, soft_wrap=True)), progress
