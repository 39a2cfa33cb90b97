"""Many files: what a file costs beside its own work, two processes against one, and memory."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.common import Row, Usage, ask, best, sedtalker, write_clips

CLIP = 3.0  # seconds


def overhead(folder: Path, count: int) -> list[Row]:
    """Seconds a file of a batch, beyond the sum of single runs in one process."""
    clips, one = write_clips(folder / "clips", count, CLIP), write_clips(folder / "one", 1, CLIP)
    begin, whole = (sedtalker("diarize", path, "--out", folder / "results") for path in (one, clips))
    single = ask("batches", clips)
    spent = whole.wall - begin.wall - single["seconds"] * (count - 1) / count
    return [
        Row(
            *("batch", f"overhead a file, {count} clips of {CLIP:.0f} s", 1000 * spent / (count - 1), "ms", 30),
            limit="0 ms",
            note=f"{whole.wall:.1f} s, of which start-up and the first clip {begin.wall:.1f} s; single runs in one "
            f"process {single['seconds']:.1f} s, {count / (whole.wall - begin.wall):.1f} files/s",
        )
    ]


def two_jobs(folder: Path, count: int, seconds: float, runs: int) -> list[Row]:
    """Two processes against one."""
    name = f"`--jobs 2` against one, {count} files of {seconds:.0f} s"
    clips = write_clips(folder / "recordings", count, seconds)

    def timed(jobs: int) -> Usage:
        out = folder / f"jobs{jobs}"
        return best([sedtalker("diarize", clips, "--jobs", jobs, "--out", out) for _ in range(runs)])

    one, two = timed(1), timed(2)
    return [
        Row(
            *("batch", name, one.wall / two.wall, "x", 1.5, True),
            limit="2 x on 2 cores",
            note=f"{one.wall:.1f} s and {two.wall:.1f} s, start-up included; one job keeps {one.cpu / one.wall:.1f} "
            "cores busy",
        )
    ]


def memory(folder: Path, counts: list[int]) -> list[Row]:
    """Peak memory by number of files."""
    peaks = {}
    for count in counts:
        clips = write_clips(folder / f"clips{count}", count, CLIP)
        peaks[count] = sedtalker("diarize", clips, "--out", folder / f"results{count}").peak
    said = ", ".join(f"{count} files {peak:.0f} MB" for count, peak in peaks.items())
    first, last = counts[0], counts[-1]
    return [Row("memory", f"`diarize`, {last} files against {first}", peaks[last] / peaks[first], "x", 1.3, note=said)]


def main() -> None:
    """Sum of single runs over a folder in one process, models loaded once: prints one JSON object."""
    from sedtalker_cli.pipeline import Pipeline

    pipeline, paths = Pipeline.load(), sorted(Path(sys.argv[1]).glob("*.wav"))
    pipeline.diarize(paths[0])
    begin = time.perf_counter()
    for path in paths:
        pipeline.diarize(path)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main()
