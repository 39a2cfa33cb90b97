"""What a person or a script sees of the work: progress and messages on stderr, JSON lines on stdout."""

import json
import logging
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sedtalker_cli.errors import InputError, SedtalkerError

if TYPE_CHECKING:
    from sedtalker_cli.batch.inputs import Job, PassedOver
    from sedtalker_cli.batch.processing import Result

LOGGER = logging.getLogger("sedtalker")
FAILURE, USAGE, INTERRUPTED = 1, 2, 130
REDRAW_EVERY = 0.1  # s
LISTED = 20  # failures in the summary
LISTED_SUFFIXES = 8  # of files that were passed over


def one_line(text: str) -> str:
    """File names may hold line ends and control characters; a message may not."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def say(text: str) -> None:
    """One line on stderr."""
    typer.echo(one_line(text), err=True)


class Console(logging.Handler):
    """Tells how a batch goes (see `batch.run.Listener`), and passes warnings of the package on.

    Args:
        quiet: errors only.
        as_json: one JSON object a finished input on stdout.
        debug: tracebacks too.
    """

    def __init__(self, quiet: bool, as_json: bool, debug: bool):
        super().__init__(logging.WARNING)
        self.quiet, self.as_json, self.debug = quiet, as_json, debug
        self._bars = None
        self._whole = None
        self._drawn = 0.0
        self._current: dict[Path, Any] = {}  # bar of each input that is being worked on
        self._warned: set[str] = set()
        self._passed: list[PassedOver] = []

    @contextmanager
    def progress_bars(self, total: int) -> Iterator[None]:
        """Show bars while the work goes on, if a person watches."""
        if self.quiet or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
        )
        # Drawn when something happens and not by a thread: a process with threads must not be forked (see `workers`).
        with Progress(
            *columns, console=RichConsole(stderr=True, highlight=False), transient=True, auto_refresh=False
        ) as bars:
            self._bars = bars
            self._whole = bars.add_task(f"all {total} inputs", total=total, visible=total > 1)
            try:
                yield
            finally:
                self._bars = None

    def line(self, text: str) -> None:
        """One line on stderr, above the bars."""
        if self._bars:
            self._bars.console.print(one_line(text), markup=False, soft_wrap=True)
        else:
            say(text)

    def started(self, job: "Job") -> None:
        if self._bars:
            self._current[job.source] = self._bars.add_task(one_line(job.source.name), total=1.0)
            self._bars.refresh()

    def progress(self, job: "Job", stage: str, done: float, total: float) -> None:
        if self._bars and job.source in self._current:
            description = f"{one_line(job.source.name)}: {stage}"
            self._bars.update(
                self._current[job.source], description=description, completed=min(done / total, 1) if total else 0
            )
            self._redraw()

    def _redraw(self) -> None:
        now = time.monotonic()
        if self._bars and now - self._drawn >= REDRAW_EVERY:
            self._drawn = now
            self._bars.refresh()

    def finished(self, result: "Result") -> None:
        if self._bars:
            if result.source in self._current:
                self._bars.remove_task(self._current.pop(result.source))
            self._bars.advance(self._whole)
            self._redraw()
        if result.status == "failed":
            self.line(f"error: {result.message}")
            if self.debug and result.trace:
                typer.echo(result.trace, err=True)
        elif not self.quiet:
            made = ", ".join(str(path) for path in result.outputs.values())
            why = f" ({result.message})" if result.message else ""
            self.line(f"{result.status}{why}: {result.source} -> {made} [{result.seconds:.1f} s]")
        if self.as_json:
            content = {
                "input": str(result.source),
                "status": result.status,
                "outputs": {kind: str(path) for kind, path in result.outputs.items()},
                "seconds": round(result.seconds, 3),
                **({"error": result.message} if result.status == "failed" else {}),
                **result.details,
            }
            typer.echo(json.dumps(content))

    def passed_over(self, found: "PassedOver") -> None:
        """A search left files aside; the summary says so."""
        self._passed.append(found)

    def summary(self, results: Sequence["Result"], table: Path) -> None:
        """How many of each, and why some failed, when there was more than one input; what searches left aside.

        Args:
            results: of all inputs.
            table: where all failures are listed.
        """
        if self.as_json:
            for found in self._passed:
                content = {"input": str(found.source), "status": "passed over", "outputs": {}, "seconds": 0.0}
                typer.echo(json.dumps({**content, "files": found.count, "suffixes": found.suffixes}))
        if self.quiet:
            return
        if len(results) >= 2:
            self._count(results, table)
        if self._passed:
            suffixes: Counter[str] = sum((Counter(found.suffixes) for found in self._passed), Counter())
            kinds = [f"{count} {suffix or 'without suffix'}" for suffix, count in suffixes.most_common(LISTED_SUFFIXES)]
            kinds += ["..."] if len(suffixes) > LISTED_SUFFIXES else []
            files = f"{suffixes.total()} file{'s' if suffixes.total() > 1 else ''}"
            self.line(f"passed over {files} by name ({', '.join(kinds)}); to have one tried, name it")

    def _count(self, results: Sequence["Result"], table: Path) -> None:
        counts = {kind: sum(r.status == kind for r in results) for kind in ("done", "skipped", "failed")}
        self.line(", ".join(f"{count} {kind}" for kind, count in counts.items()))
        failed = [result for result in results if result.status == "failed"]
        for result in failed[:LISTED]:
            self.line(f"  failed: {result.message}")
        if failed:
            more = f"and {len(failed) - LISTED} more; " if len(failed) > LISTED else ""
            where = f"all failures are in {table}" if table.exists() else f"{table} could not be written"
            self.line(f"  {more}{where}")

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.levelname.lower()}: {record.getMessage()}"
        if not self.quiet and text not in self._warned:  # a file that several inputs share is read for each
            self._warned.add(text)
            self.line(text)


@contextmanager
def session(quiet: bool = False, as_json: bool = False, debug: bool = False) -> Iterator[Console]:
    """Run a command's body: errors become one line and an exit status, being stopped becomes 130."""
    console = Console(quiet, as_json, debug)
    LOGGER.addHandler(console)
    LOGGER.propagate = False
    before = _terminate_as_interrupt()
    try:
        yield console
    except SedtalkerError as error:
        if debug:
            traceback.print_exc()
        say(f"error: {error}")
        # A damaged input fails (1); everything else that ends a command early is how it was called (2).
        raise typer.Exit(FAILURE if isinstance(error, InputError) else USAGE) from None
    except KeyboardInterrupt:
        say("interrupted; finished outputs are complete, add --resume to go on")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read our output has left: end quietly, also when Python flushes at exit.
        sys.stdout = None
        raise typer.Exit(FAILURE) from None
    except OSError as error:  # a full disk, a folder that may not be written to
        if debug or not error.strerror:
            raise
        from sedtalker_cli.batch.disk import explain_os_error

        say(f"error: {explain_os_error(error)}")
        raise typer.Exit(FAILURE) from None
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
        LOGGER.removeHandler(console)


def _terminate_as_interrupt() -> "Callable | int | None":
    """Let SIGTERM clean up as Ctrl-C does; only the main thread may set that."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        return signal.signal(signal.SIGTERM, interrupt)
    except ValueError:
        return None
