"""A progress bar for work in named stages, as in training and evaluation."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stage_bar(quiet: bool) -> Iterator[tuple[Callable[[str], None], Callable[[str, int, int], None]]]:
    """Yields `log(line)` and `progress(what, done, total)`; the bar shows only if a person watches.

    Args:
        quiet: neither lines nor bar.
    """
    from sedtalker_cli.cli.console import say

    if quiet:
        yield (lambda line: None), (lambda what, done, total: None)
        return
    if not sys.stderr.isatty():
        yield say, (lambda what, done, total: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as bars:
        task = bars.add_task("", total=None)
        current = ""

        def progress(what: str, done: int, total: int) -> None:
            nonlocal current
            if what != current:
                current = what
                bars.reset(task, description=what)
            bars.update(task, completed=done, total=total or None)

        yield (lambda line: bars.console.print(line, markup=False, soft_wrap=True)), progress
