"""A batch over texts, which need no models."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from sedtalker_cli.batch.inputs import collect_jobs
from sedtalker_cli.batch.processing import Plan, Task
from sedtalker_cli.batch.run import check_plan, run_batch, run_here
from sedtalker_cli.errors import InputError, UsageError
from tests.conftest import tree

SUFFIXES = (".a.txt", ".b.txt")


class Ears:
    """A listener that remembers."""

    def __init__(self):
        self.heard = []

    def started(self, job):
        self.heard.append(("started", job.source.name))

    def progress(self, job, stage, done, total):
        pass

    def finished(self, result):
        self.heard.append((result.status, result.source.name))


@dataclass
class TextTask(Task):
    """Both outputs from the input's bytes; an input that says so fails between them."""

    given: dict = field(default_factory=lambda: {"gain": 1})

    def settings(self, job):
        return self.given

    def work(self, job, stem: Path, progress) -> dict:
        content = job.source.read_text()
        stem.with_name(stem.name + ".a.txt").write_text(content.upper())
        if "usage" in content:
            raise UsageError("nonsense")
        if "input" in content:
            raise InputError(f"{job.source}: broken")
        if "defect" in content:
            raise ZeroDivisionError("oops")
        if "full" in content:
            raise OSError(28, "No space left on device")
        if "memory" in content:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        if "stop" in content:
            raise KeyboardInterrupt
        if "kill" in content:
            os.kill(os.getpid(), signal.SIGKILL)
        if "leave" in content:
            os._exit(3)
        stem.with_name(stem.name + ".b.txt").write_text(content[::-1])
        return {"length": len(content)}


def run(folder: Path, settings=None, engine=run_here, **plan):
    jobs, bad = collect_jobs([folder / "in"], accepts=lambda p: True, recursive=True)
    plan = Plan("diarize", folder / "out", SUFFIXES, **plan)
    check_plan(jobs, plan)
    ears = Ears()
    return run_batch(jobs, plan, TextTask(settings or {"gain": 1}), ears, bad=bad, engine=engine), ears


def make_inputs(folder: Path, **contents: str) -> None:
    for name, content in contents.items():
        path = folder / "in" / (name.replace("__", "/") + ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def visible(folder: Path) -> list[str]:
    return [name for name in tree(folder) if not name.startswith(".sedtalker")]


def content(folder) -> dict[str, bytes]:
    """All files with their bytes, records included; marks hold numbers of the disk."""
    return {name: (folder / name).read_bytes() for name in tree(folder) if "/.complete." not in name}
