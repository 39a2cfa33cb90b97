"""A Ray cluster whose nodes share the files: one input a task, done again elsewhere when its worker or node is lost."""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.processing import FAILED, Plan, Result, Task, process
from sedtalker_cli.batch.threads import cores
from sedtalker_cli.batch.workers import costs_of, longest_first
from sedtalker_cli.errors import SedtalkerError, UsageError
from sedtalker_cli.progress import silent

if TYPE_CHECKING:
    from sedtalker_cli.batch.run import Listener

RETRIES = 3  # of an input whose worker died
IN_FLIGHT = 1000  # inputs that Ray knows of at once
LOCAL = "local"  # Ray's word for an engine of its own
REACHABLE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # on every system: whether it listens to more than 127.0.0.1
CONSTANT = "ENABLE_RAY_CLUSTER"  # in which Ray keeps that
_loaded: dict[bytes, Task] = {}  # of this process


@contextmanager
def _unreachable(wanted: bool) -> Iterator[None]:
    """Let Ray's engine on this machine take no calls from others: whoever reaches its ports can run programs.

    Ray reads the variable of its environment when it is imported, and its constant when it starts.

    Raises:
        UsageError: this version of Ray does not know how.
    """
    if not wanted:
        yield
        return
    from ray._private import ray_constants

    variable, constant = os.environ.get(REACHABLE), getattr(ray_constants, CONSTANT, None)
    if constant is None:
        raise UsageError("this version of Ray would listen to the network; update it, or start a cluster yourself")
    os.environ[REACHABLE] = "0"  # for the processes that it starts
    setattr(ray_constants, CONSTANT, False)
    try:
        yield
    finally:
        setattr(ray_constants, CONSTANT, constant)
        if variable is None:
            del os.environ[REACHABLE]
        else:
            os.environ[REACHABLE] = variable


class RayCluster:
    """Engine of `--engine ray`, see `batch.run.Engine`.

    Args:
        address: of the cluster, as `ray.init` takes it; None is what RAY_ADDRESS says, or else this machine, where only
            this machine can reach it.
    """

    def __init__(self, address: str | None = None):
        self._address = address

    def __call__(self, jobs: Sequence[Job], plan: Plan, task: Task, listener: Listener) -> Iterator[Result]:
        """Work on all jobs, long ones first; results come as they are ready.

        Raises:
            SedtalkerError: no Ray, no cluster there, or models that cannot be loaded.
        """
        try:
            import ray
        except ImportError:
            raise UsageError("--engine ray needs Ray: pip install 'sedtalker[cluster]'") from None
        here = (self._address or os.environ.get("RAY_ADDRESS") or LOCAL) == LOCAL
        with _unreachable(here):
            yield from self._run(ray, jobs, plan, task, cores() if here else None)

    def _run(self, ray, jobs: Sequence[Job], plan: Plan, task: Task, count: int | None) -> Iterator[Result]:
        quiet = {"log_to_driver": False, "logging_level": "error", "include_dashboard": None}
        try:
            ray.init(self._address, num_cpus=count, **quiet)  # a cluster that runs already knows its cores
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UsageError(f"--address {self._address}: no Ray cluster answers ({error})") from error
        try:
            remote = ray.remote(num_cpus=1, num_gpus=task.gpus, max_retries=RETRIES)(_work)
            shared = ray.put(pickle.dumps(task))
            waiting, running = deque(longest_first(jobs, costs_of(jobs, task))), {}
            while waiting or running:
                while waiting and len(running) < IN_FLIGHT:
                    job = waiting.popleft()
                    running[remote.remote(job, plan, shared, os.getcwd())] = job
                (done,), _ = ray.wait(list(running), num_returns=1)
                yield _result(ray, done, running.pop(done))
        finally:
            ray.shutdown()


def _result(ray, done, job: Job) -> Result:
    try:
        return ray.get(done)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, SedtalkerError):
            raise error.cause from None
        message = f"internal error: {error.cause!r}"
    except ray.exceptions.RayError as error:  # the worker or its node was lost, again and again
        message = f"its worker was lost {RETRIES + 1} times ({type(error).__name__}); cut the recording"
    return Result(job.source, FAILED, message=f"{job.source}: {message}")


def _work(job: Job, plan: Plan, pickled: bytes, folder: str) -> Result:
    """Body of a Ray task; models stay loaded in its process."""
    os.chdir(Path(folder))  # paths may be relative
    task = _loaded.get(pickled)
    if task is None:
        task = pickle.loads(pickled)
        task.load(1)
        _loaded.clear()
        _loaded[pickled] = task
    return process(job, plan, task, Ledger(plan.out, plan.command), silent)
