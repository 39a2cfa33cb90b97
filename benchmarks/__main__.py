"""Measure speed and memory, print the table, write it to `benchmarks/RESULTS.md`.

    python -m benchmarks                       about an hour; leave the machine alone meanwhile
    python -m benchmarks --quick               minutes, on shorter inputs: no result to publish
    python -m benchmarks --only start-up --only scan

Every command runs as its own process. Times are the least of some runs, memory is the peak of the largest process.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import batches, encoder, names, render, scan, timing
from benchmarks.common import Row
from benchmarks.machine import describe_machine

COLUMNS = ("what", "measured", "target", "reached", "limit", "peer", "how")


def sections(folder: Path, quick: bool) -> dict[str, Callable[[], list[Row]]]:
    """Measurements by name; `folder` is for their files."""

    def place(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    runs = 1 if quick else 3
    return {
        "start-up": lambda: timing.start_up(place("start-up"), 3 if quick else 5),
        "speed": lambda: timing.real_time(place("speed"), runs, 60.0 if quick else 600.0),
        "batch": lambda: batches.overhead(place("overhead"), 50 if quick else 1000),
        "encoder": encoder.rows,
        "jobs": lambda: batches.two_jobs(place("jobs"), 4 if quick else 8, 15.0 if quick else 60.0, runs),
        "jobs of clips": lambda: batches.two_jobs(place("clips"), 50 if quick else 400, batches.CLIP, runs),
        "memory": lambda: timing.memory(place("length"), [1, 3] if quick else [1, 10, 60]),
        "memory of files": lambda: batches.memory(place("files"), [10, 50] if quick else [10, 100, 1000]),
        "render": lambda: render.rows(place("render"), *((60, 20, 5, 20.0) if quick else (300, 60, 20, 600.0))),
        "names": lambda: names.rows(place("names"), 500 if quick else 50_000),
        "scan": lambda: scan.rows(1000 if quick else 3000),
    }


def table(rows: list[Row]) -> str:
    """Rows as Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    for row in rows:
        value = "" if row.value is None else f"{row.value:.3g} {row.unit}".strip()
        target = "" if row.target is None else f"{'>=' if row.at_least else '<='} {row.target:g} {row.unit}".strip()
        lines.append(f"| {' | '.join((row.name, value, target, row.verdict, row.limit, row.peer, row.note))} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="short inputs, to see that it works")
    parser.add_argument("--only", action="append", metavar="SECTION", help="of the table; repeatable")
    parser.add_argument("--out", type=Path, help="default: RESULTS.md beside this file; with --quick or --only none")
    options = parser.parse_args()
    whole = not (options.quick or options.only)
    out = options.out or (Path(__file__).with_name("RESULTS.md") if whole else None)
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder:
        known = sections(Path(folder), options.quick)
        if unknown := set(options.only or ()) - set(known):
            parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        rows = []
        for name in options.only or known:
            print(f"measuring {name}", flush=True)
            rows += known[name]()
    kind = " Short inputs (`--quick`): no result to publish." if options.quick else ""
    text = "\n".join(
        [
            "# Speed and memory\n",
            f"Made by `python -m benchmarks`, which says how.{kind}\n",
            "| machine | |\n|---|---|",
            *(f"| {name} | {value} |" for name, value in machine),
            "",
            table(rows),
            "",
        ]
    )
    print(text)
    if out:
        out.write_text(text, encoding="utf-8")
        print(out)


if __name__ == "__main__":
    main()
