"""Kill `sedtalker animate --resume` at random moments, again and again; the end must be as if it had never been killed.

Settings change at random, so that outputs are replaced, too.

    python benchmarks/soak.py [--kills 50] [--jobs 2] [--seed 0]

Exit status 0 if every byte is the same and no staging is left.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        inputs, whole, out = (Path(folder) / name for name in ("in", "whole", "out"))
        inputs.mkdir()
        for k in range(12):
            write_tone(inputs / f"{k:02d}.wav", 0.5 + 0.7 * k, 110 * (1 + k / 7))
        process = start_animate(inputs, whole)
        while process.poll() is None and not list(whole.glob(".sedtalker/.part-*")):
            time.sleep(0.01)
        start = time.monotonic()
        process.wait()
        longest = time.monotonic() - start  # of work, models loaded
        for kill in range(options.kills):
            gain = draw.choice(["1", "1.5"])  # other settings: what is there has to be replaced, and only that
            process = start_animate(inputs, out, "--resume", "--jobs", str(options.jobs), "--emotion-gain", gain)
            while process.poll() is None and not list(out.glob(".sedtalker/.part-*")):
                time.sleep(0.01)  # models are being loaded
            time.sleep(draw.uniform(0.0, 1.0) * longest)
            ended = process.poll()
            process.send_signal(signal.SIGKILL)
            process.wait()
            if ended not in (None, 0):
                print(f"kill {kill + 1}: the run ended by itself, with status {ended}")
                return 1
            records = [json.loads(path.read_text()) for path in out.glob(".sedtalker/*.json")]
            done = sum((record["made_from"] or {}).get("emotion_gain") == float(gain) for record in records)
            pending = sum(record["made_from"] is None for record in records)
            print(f"kill {kill + 1}: gain {gain}, {done} of 12 done, {pending} in the middle of it", flush=True)
        status = start_animate(inputs, out, "--resume", "--jobs", str(options.jobs)).wait()
        expected, found = contents(whole), contents(out)
        wrong = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        print(f"exit status {status}, {len(expected)} files, different: {wrong or 'none'}")
        return int(bool(status or wrong))


def write_tone(path: Path, seconds: float, frequency: float) -> None:
    time_axis = np.arange(round(seconds * 16000)) / 16000
    sf.write(path, 0.3 * np.sin(2 * np.pi * frequency * time_axis) * np.sin(9 * time_axis), 16000)


def start_animate(inputs: Path, out: Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "sedtalker_cli", "animate", str(inputs), "--out", str(out), "--quiet", *options]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})


def contents(folder: Path) -> dict[str, bytes]:
    """All files, records included; marks hold numbers of the disk."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".complete."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


if __name__ == "__main__":
    sys.exit(main())
