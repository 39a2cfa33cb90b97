"""Very many inputs: listing, planning, and `--resume` of a finished batch, with inputs of a few bytes and no models.

    python -m benchmarks.names FOLDER COUNT

Prints one JSON object. What a file costs here is what the tool adds to it, whatever is done with it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import Row, ask
from sedtalker_cli.audio.files import is_sound_name
from sedtalker_cli.batch.commit import be_later, relative_source
from sedtalker_cli.batch.inputs import choose_part, collect_jobs
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.marks import SETTLED
from sedtalker_cli.batch.processing import Plan, Task, provenance
from sedtalker_cli.batch.records import Record, content_of, write_record
from sedtalker_cli.batch.run import check_plan, run_batch
from sedtalker_cli.progress import silent

A_FOLDER = 1000  # names in one folder
MILLION = 1_000_000
SUFFIXES = (".rttm", ".emotion.csv")


@dataclass
class Copy(Task):
    """Copies the input."""

    def work(self, job, stem: Path, progress) -> dict[str, Any]:
        for suffix in SUFFIXES:
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
    said = f"measured with {count} inputs of a few bytes, models and sound left out; made by another process"
    spent = {"listing": "listing", "planning": "planning", "`--resume` of a finished batch": "resume"}
    return [
        Row("names", f"{what}, {MILLION} inputs", found[key] * scale, "s of one core", note=said)
        for what, key in spent.items()
    ] + [Row("names", f"memory for {MILLION} inputs", found["bytes"] * MILLION / 1e6, "MB", 1000, note=said)]


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    plan = Plan("diarize", folder / "out", SUFFIXES, resume=True)
    if sys.argv[3:] == ["make"]:
        make(folder / "in", count, plan, Copy())
        return
    # the memory of making is none of resuming
    subprocess.run([sys.executable, "-m", "benchmarks.names", str(folder), str(count), "make"], check=True)

    def listed():
        jobs, bad = collect_jobs([folder / "in"], accepts=is_sound_name, recursive=True)
        return choose_part(jobs, bad, None)

    before = peak()
    listing, (jobs, _) = timed(listed)
    assert len(jobs) == count
    planning, _ = timed(lambda: check_plan(jobs, plan))
    resume, results = timed(lambda: run_batch(jobs, plan, Copy(), Deaf()))
    assert len(results) == count and {result.status for result in results} == {"skipped"}
    print(json.dumps({"listing": listing, "planning": planning, "resume": resume, "bytes": (peak() - before) / count}))


def make(inputs: Path, count: int, plan: Plan, task: Task) -> None:
    """Inputs and a finished batch of them: files, records and marks as a run leaves them, without its staging."""
    for number in range(count):
        place = inputs / f"{number // A_FOLDER:04d}"
        if number % A_FOLDER == 0:
            place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:07d}.wav").write_text(str(number))
    time.sleep(SETTLED / 1e9 + 0.1)
    ledger = Ledger(plan.out, plan.command)
    jobs, _ = collect_jobs([inputs], accepts=is_sound_name, recursive=True)
    with ledger.stage() as stage:
        for job in jobs:
            before, made_from = ledger.marks.state_of(task.sources(job)), provenance(job, task)
            stem = plan.out / job.name
            stem.parent.mkdir(parents=True, exist_ok=True)
            task.work(job, stem, silent)
            contents = {suffix: content_of(ledger.target(job.name, suffix)) for suffix in plan.suffixes}
            source = relative_source(job.source, stem.parent)
            write_record(ledger.record_path(job.name), Record(made_from, contents, source=source), stage)
            be_later(ledger.record_path(job.name), plan.targets(job))
            ledger.remember(job.name, plan.suffixes, before, task.settings(job))


def peak() -> float:
    """Bytes that this program has held at most; `getrusage` counts what its parent held before it began, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])


if __name__ == "__main__":
    main()
