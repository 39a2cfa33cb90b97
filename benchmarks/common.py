"""What all measurements share: sounds, processes with time and memory, rows of the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        group, name: what was measured.
        value: in `unit`; None if it cannot be measured here, `note` says why.
        target: to reach, None for none.
        at_least: whether the target is a lower bound.
        limit: what the machine would allow at best, as text.
        peer: what another program needs, as text.
        note: how it was measured.
    """

    group: str
    name: str
    value: float | None
    unit: str
    target: float | None = None
    at_least: bool = False
    limit: str = ""
    peer: str = ""
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.value is None or self.target is None:
            return ""
        return "yes" if (self.value >= self.target if self.at_least else self.value <= self.target) else "NO"


@dataclass(frozen=True)
class Usage:
    """A finished process: wall and processor seconds, and its peak memory in MB (of the largest process)."""

    wall: float
    cpu: float
    peak: float


def speech(seconds: float, start: float = 0.0) -> tuple[np.ndarray, int]:
    """The examples' speech, repeated to a length, from a place on."""
    pieces, rate = [], 0
    for path in sorted((ROOT / "examples").glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="float32")
        pieces.append(samples)
    whole = np.concatenate(pieces)
    return whole[(np.arange(round(seconds * rate)) + round(start * rate)) % len(whole)], rate


def write_speech(path: Path, seconds: float, start: float = 0.0) -> Path:
    """Write `speech` as 16-bit sound; returns the path."""
    samples, rate = speech(seconds, start)
    soundfile.write(path, samples, rate)
    return path


def write_clips(folder: Path, count: int, seconds: float) -> Path:
    """A folder of clips, each from another place of the speech; returns it."""
    folder.mkdir()
    for k in range(count):
        write_speech(folder / f"{k:05d}.wav", seconds, 0.0173 * k)
    return folder


def environment() -> dict[str, str]:
    """The environment of child processes: they import this clone from any folder."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


# A process counts the memory of the one that it was forked from as its own peak: this one is small.
LAUNCHER = """
import json, resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def run(arguments: list[str]) -> Usage:
    """Run a Python of its own.

    Raises:
        RuntimeError: it failed.
    """
    begin = time.perf_counter()
    command = [sys.executable, "-c", LAUNCHER, sys.executable, *arguments]
    told = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=True).stdout
    status, cpu, memory = json.loads(told)
    if status:
        raise RuntimeError(f"{' '.join(arguments)}: exit status {status}")
    return Usage(time.perf_counter() - begin, cpu, memory)


def sedtalker(*arguments: object, quiet: bool = True) -> Usage:
    """Run the command line tool."""
    return run(["-m", "sedtalker_cli", *map(str, arguments), *(["--quiet", "--overwrite"] if quiet else [])])


def best(runs: list[Usage]) -> Usage:
    """The run with the least wall time: what others do to the machine only adds."""
    return min(runs, key=lambda usage: usage.wall)


def ask(module: str, *arguments: object) -> dict:
    """What `python -m benchmarks.MODULE` prints as its last line, a JSON object.

    Models are measured in processes of their own: the memory of this one would count as that of its children.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
