"""Running a command's task over its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import Console

if TYPE_CHECKING:
    from pathlib import Path

    from sedtalker_cli.batch.inputs import BadInput, Job
    from sedtalker_cli.batch.processing import Plan, Task
    from sedtalker_cli.batch.run import Engine


def find_sound(
    console: Console, inputs: Sequence[Path] | None, list_file: Path | None, recursive: bool
) -> tuple[list[Job], list[BadInput]]:
    """Recordings that the command line names; the console hears what a search left aside.

    Raises:
        UsageError: see `batch.inputs.collect_jobs`.
    """
    from sedtalker_cli.audio.files import is_sound_name
    from sedtalker_cli.batch.inputs import collect_jobs

    return collect_jobs(
        inputs or [], accepts=is_sound_name, list_file=list_file, recursive=recursive, passed=console.passed_over
    )


def choose_engine(processes: int, engine: opt.Engine, address: str | None) -> Engine:
    """What the options name.

    Raises:
        UsageError: they do not go together.
    """
    from sedtalker_cli.batch.run import run_here
    from sedtalker_cli.errors import UsageError

    if engine is opt.Engine.ray:
        from sedtalker_cli.batch.cluster import RayCluster

        if processes > 1:
            raise UsageError("--jobs is for this machine; a Ray cluster uses the cores it has")
        return RayCluster(address)
    if address is not None:
        raise UsageError("--address is for --engine ray")
    if processes == 1:
        return run_here
    from sedtalker_cli.batch.workers import Workers

    return Workers(processes)


def run(
    console: Console,
    jobs: Sequence[Job],
    bad: Sequence[BadInput],
    plan: Plan,
    task: Task,
    engine: Engine,
) -> NoReturn:
    """Work on all inputs and end the command with its exit status.

    Args:
        console: hears of every step.
        jobs, bad: as `batch.inputs.choose_part` gives them.
        plan: checked.
        task: what is done with each input.
        engine: what runs the work.
    """
    from sedtalker_cli.batch.run import exit_status, run_batch

    with console.progress_bars(len(jobs) + len(bad)):
        results = run_batch(jobs, plan, task, console, bad=bad, engine=engine)
    if plan.summary is not None:
        from sedtalker_cli.tasks.summary import write_batch_summary

        write_batch_summary(plan, results)
    console.summary(results, plan.failures)
    raise typer.Exit(exit_status(results))
