"""Whole-process time and memory of `diarize`, `animate` and `render` on a 60 s recording, as multiples of real time.

    python benchmarks/pipeline.py [--seconds 60] [--runs 3]

The recording is the speech of `examples/` repeated. Every command runs as its own process, start-up included;
`start-up` is the same command on 1 s of sound, so the difference is the work itself.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def speech(seconds: float) -> tuple[np.ndarray, int]:
    """The examples' speech, repeated to a length."""
    pieces, rate = [], 0
    for path in sorted(EXAMPLES.glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="float32")
        pieces.append(samples)
    whole = np.concatenate(pieces)
    count = round(seconds * rate)
    return np.tile(whole, -(-count // len(whole)))[:count], rate


def timed(arguments: list[str], runs: int) -> tuple[float, float]:
    """Median wall seconds and peak memory in MB of a `sedtalker` command."""
    walls = []
    for _ in range(runs):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "sedtalker_cli", *arguments, "--quiet", "--overwrite"], check=True)
        walls.append(time.perf_counter() - begin)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return float(np.median(walls)), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        long, short = Path(folder, "long.wav"), Path(folder, "short.wav")
        for path, seconds in ((long, args.seconds), (short, 1.0)):
            samples, rate = speech(seconds)
            soundfile.write(path, samples, rate)
        for command in ("diarize", "animate"):
            start, _ = timed([command, str(short), "--out", folder], args.runs)
            wall, peak = timed([command, str(long), "--out", folder], args.runs)
            rows.append((command, start, wall, wall / args.seconds, (wall - start) / (args.seconds - 1), peak))
        motion = Path(folder, "long.npy")
        frames = len(np.load(motion, mmap_mode="r"))
        film, film_peak = timed(["render", str(motion), "--audio", str(long), "--out", folder], 1)
    print("command    start-up s  whole s  x real time  after start-up  peak MB")
    for name, start, wall, whole, rest, peak in rows:
        print(f"{name:10s} {start:10.2f} {wall:8.2f} {whole:12.3f} {rest:15.3f} {peak:8.0f}")
    print(f"render     {frames} frames of 512 x 512 in {film:.1f} s: {frames / film:.1f} frames/s, {film_peak:.0f} MB")
    print(json.dumps({"rows": rows, "render_fps": frames / film}))


if __name__ == "__main__":
    main()
