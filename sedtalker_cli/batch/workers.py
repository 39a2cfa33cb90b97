"""Several processes that share the models' memory and take one input after the other; one that dies fails one input.

Where models run on the CPU of a Linux machine, the processes are forked after the models were loaded: their pages are
shared, also those that had to be widened from float16, which mapping the files could not share. A fork is safe there
because the parent has no threads of its own: sums are made by one thread (see `threads`), bars are drawn by hand, and
OpenGL is only opened in the children. On a GPU, and on other systems, each process starts afresh and loads its own.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.processing import FAILED, Plan, Result, Task, estimate, process
from sedtalker_cli.batch.threads import cores, draw_in_threads, share_of
from sedtalker_cli.errors import SedtalkerError
from sedtalker_cli.progress import Progress

if TYPE_CHECKING:
    from sedtalker_cli.batch.run import Listener

LOGGER = logging.getLogger("sedtalker")
PROGRESS_EVERY = 0.2  # s
STOP_WITHIN = 5.0  # s


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    ready: bool = False
    job: Job | None = None


class Workers:
    """Engine of `--jobs N`, see `batch.run.Engine`.

    Args:
        count: processes.
        method: how they start, `fork` or `spawn`; None chooses.
    """

    def __init__(self, count: int, method: str | None = None):
        self._count, self._method = count, method

    def __call__(self, jobs: Sequence[Job], plan: Plan, task: Task, listener: Listener) -> Iterator[Result]:
        """Work on all jobs, long ones first; results come as they are ready.

        Raises:
            SedtalkerError: the models cannot be loaded.
        """
        self._costs = costs_of(jobs, task)
        self._left = sum(self._costs.values())
        waiting = deque(longest_first(jobs, self._costs))
        count = min(self._count, len(waiting))
        self._plan, self._task, self._cores = plan, task, cores()
        self._threads = max(1, self._cores // self._count)
        method = self._method or ("fork" if sys.platform == "linux" and task.forkable else "spawn")
        self._context = multiprocessing.get_context(method)
        self._forked = method == "fork"
        if self._forked:
            task.ready(self._threads)
            gc.collect()
            gc.freeze()  # or the children's collector would write to shared pages
        self._workers: list[_Worker] = []
        self._told: set[tuple[int, str]] = set()
        try:
            for _ in range(count):
                self._start()
            while any(worker.job for worker in self._workers) or waiting:
                yield from self._listen(waiting, listener)
        finally:
            self._stop()
            if self._forked:
                gc.unfreeze()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        others = [ours, *(worker.connection for worker in self._workers)] if self._forked else []
        arguments = (theirs, others, self._plan, self._task, self._threads, self._forked)
        child = self._context.Process(target=_serve, args=arguments, daemon=True)
        child.start()
        theirs.close()  # so that the other end's death is seen
        self._workers.append(_Worker(child, ours))

    def _listen(self, waiting: deque[Job], listener: Listener) -> Iterator[Result]:
        """Receive the workers' messages, and give work to those who have none."""
        if not self._workers:
            for job in waiting:
                yield Result(job.source, FAILED, message=f"{job.source}: no worker process can be started any more")
            waiting.clear()
        by_connection = {worker.connection: worker for worker in self._workers}
        for connection in wait(list(by_connection)):
            worker = by_connection[connection]
            try:
                kind, *content = connection.recv()
            except (EOFError, OSError):
                yield from self._bury(worker, bool(waiting))
                continue
            if kind == "progress":
                listener.progress(worker.job, *content)
                continue
            if kind == "log":
                self._tell_once(*content)
                continue
            if kind == "refused":
                raise content[0]
            if kind == "result":
                self._finish(worker)
                yield content[0]
            worker.ready = True  # said by itself, or by its first result
            if waiting:
                worker.job = waiting.popleft()
                listener.started(worker.job)
                cost = self._costs[worker.job]
                self._send(worker, (worker.job, share_of(cost, self._left - cost, self._cores)))

    def _send(self, worker: _Worker, work: tuple[Job, int] | None) -> None:
        """Give a job and its threads, or None to end."""
        with suppress(OSError):  # it is dead, which shows when it is listened to
            worker.connection.send(work)

    def _finish(self, worker: _Worker) -> None:
        if worker.job:
            self._left -= self._costs[worker.job]
        worker.job = None

    def _bury(self, worker: _Worker, more: bool) -> Iterator[Result]:
        """A worker died: its input failed, another worker takes its place."""
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.join()
        how = _describe_death(worker.process.exitcode or 0)
        if not worker.ready:
            if not any(other.ready for other in self._workers):
                raise SedtalkerError(f"a worker process {how} while it loaded the models; use fewer --jobs")
            return
        if worker.job:
            text = f"{worker.job.source}: its worker process {how}; use fewer --jobs or cut the recording"
            self._left -= self._costs[worker.job]
            yield Result(worker.job.source, FAILED, message=text)
        if more:
            self._start()

    def _tell_once(self, level: int, text: str) -> None:
        """Pass on a warning that all workers send only once."""
        if (level, text) not in self._told:
            self._told.add((level, text))
            LOGGER.log(level, "%s", text)

    def _stop(self) -> None:
        for worker in self._workers:
            if worker.job:
                worker.process.terminate()
            else:
                self._send(worker, None)
        deadline = time.monotonic() + STOP_WITHIN
        for worker in self._workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.connection.close()
        self._workers.clear()


def costs_of(jobs: Sequence[Job], task: Task) -> dict[Job, float]:
    """About how long each job takes."""
    return {job: estimate(task.cost, job) for job in jobs}


def longest_first(jobs: Sequence[Job], costs: Mapping[Job, float]) -> list[Job]:
    """Jobs by falling cost, so that no long one is left for the end; of equal ones the order is kept."""
    return sorted(jobs, key=costs.__getitem__, reverse=True)


def _describe_death(status: int) -> str:
    if status >= 0:
        return f"ended by itself (status {status})"
    name = signal.Signals(-status).name
    return f"was killed ({name}{', perhaps for want of memory' if name == 'SIGKILL' else ''})"


def _serve(
    connection: Connection, others: list[Connection], plan: Plan, task: Task, threads: int, loaded: bool
) -> None:
    """Body of a worker process: jobs come in, results go out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; the parent decides
    signal.signal(signal.SIGTERM, _interrupt)
    for other in others:
        other.close()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    LOGGER.handlers[:] = [_Forward(connection)]
    LOGGER.propagate = False
    try:
        draw_in_threads(threads)
        if not loaded:
            task.ready(threads)
        connection.send(("ready",))
        ledger = Ledger(plan.out, plan.command)
        while (work := connection.recv()) is not None:
            job, threads = work
            task.use_threads(threads)
            connection.send(("result", process(job, plan, task, ledger, _throttled(connection))))
    except SedtalkerError as error:
        connection.send(("refused", error))
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        return


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _die_with_parent() -> None:
    """A parent that was killed cannot stop its workers; what they leave is removed by the next run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _throttled(connection: Connection) -> Progress:
    last = 0.0

    def progress(stage: str, done: float, total: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_EVERY:
            last = now
            connection.send(("progress", stage, done, total))

    return progress


class _Forward(logging.Handler):
    """Sends messages to the parent."""

    def __init__(self, connection: Connection):
        super().__init__(logging.WARNING)
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        self._connection.send(("log", record.levelno, record.getMessage()))
