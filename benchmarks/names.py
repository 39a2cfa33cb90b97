"""Very many inputs: listing, planning, and `--resume` of a finished batch, with inputs of a few bytes and no models.

    python -m benchmarks.names FOLDER COUNT

Prints one JSON object. What a file costs here is what the tool adds to it, whatever is done with it.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import Row, ask
from sedtalker_cli.batch.inputs import choose_part, collect_jobs
from sedtalker_cli.batch.processing import Plan, Task
from sedtalker_cli.batch.run import check_plan, run_batch

A_FOLDER = 1000  # names in one folder
MILLION = 1_000_000


@dataclass
class Copy(Task):
    """Copies the input."""

    def work(self, job, stem: Path, progress) -> dict[str, Any]:
        for suffix in (".rttm", ".emotion.csv"):
            stem.with_name(stem.name + suffix).write_bytes(job.source.read_bytes())
        return {}


class Deaf:
    """Hears nothing."""

    def started(self, job) -> None: ...
    def progress(self, job, stage, done, total) -> None: ...
    def finished(self, result) -> None: ...


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of some work, and what it gives."""
    begin = time.process_time()
    found = work()
    return time.process_time() - begin, found


def rows(folder: Path, count: int) -> list[Row]:
    """Seconds and memory for a million inputs, by those for `count`."""
    found = ask("names", folder, count)
    scale = MILLION / count
    said = f"measured with {count} inputs of a few bytes, models and sound left out"
    spent = {"listing": "listing", "planning": "planning", "`--resume` of a finished batch": "resume"}
    return [
        Row("names", f"{what}, {MILLION} inputs", found[key] * scale, "s of one core", note=said)
        for what, key in spent.items()
    ] + [Row("names", f"memory for {MILLION} inputs", found["bytes"] * MILLION / 1e6, "MB", note=said)]


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    for number in range(count):
        place = folder / f"in/{number // A_FOLDER:04d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:07d}.wav").write_text(str(number))

    def listed():
        jobs, bad = collect_jobs([folder / "in"], accepts=lambda path: path.suffix == ".wav", recursive=True)
        return choose_part(jobs, bad, None)

    def resumed():
        return run_batch(jobs, Plan("diarize", folder / "out", (".rttm", ".emotion.csv"), resume=True), Copy(), Deaf())

    before = peak()
    listing, (jobs, _) = timed(listed)
    plan = Plan("diarize", folder / "out", (".rttm", ".emotion.csv"), resume=True)
    planning, _ = timed(lambda: check_plan(jobs, plan))
    making, _ = timed(resumed)
    again, _ = timed(lambda: check_plan(jobs, plan))
    resume, results = timed(resumed)
    assert {result.status for result in results} == {"skipped"}
    spent = {"listing": listing, "planning": max(planning, again), "making": making, "resume": resume}
    print(json.dumps({**spent, "bytes": (peak() - before) / count}))


def peak() -> float:
    """Bytes that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
