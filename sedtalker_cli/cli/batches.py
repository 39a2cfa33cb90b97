"""Running a command's task over its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import typer

from sedtalker_cli.cli.console import Console

if TYPE_CHECKING:
    from sedtalker_cli.inputs import BadInput, Job
    from sedtalker_cli.performing import Plan, Task


def run(
    console: Console, jobs: Sequence[Job], bad: Sequence[BadInput], plan: Plan, task: Task, processes: int
) -> NoReturn:
    """Work on all inputs and end the command with its exit status.

    Args:
        console: told of every step.
        jobs, bad: as `inputs.choose_part` gives them.
        plan: checked.
        task: what is done with each input.
        processes: how many work at once.
    """
    from sedtalker_cli import batch
    from sedtalker_cli.workers import Workers

    engine = Workers(processes) if processes > 1 else batch.run_here
    with console.progress_bars(len(jobs) + len(bad)):
        results = batch.run_batch(jobs, plan, task, console, bad=bad, engine=engine)
    console.summary(results, plan.failures)
    raise typer.Exit(batch.exit_status(results))
