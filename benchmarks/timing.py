"""Start-up, share of real time and memory of `diarize` and `animate`, whole processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.common import Row, ask, best, environment, run, sedtalker, write_speech

TORCH = "import torch"
# Runs the command line as it is, and says when the encoder is called for the first window.
FIRST_WINDOW = """
import os, sys, time
from sedtalker_cli.model.encoder import SpeechEncoder
def first(self, waveform):
    print(time.time(), flush=True)
    os._exit(0)
SpeechEncoder.__call__ = first
from sedtalker_cli.cli import main
sys.argv = ["sedtalker", *sys.argv[1:]]
main()
"""


def start_up(folder: Path, runs: int) -> list[Row]:
    """Seconds until help is shown and until the first window is heard."""
    sound = write_speech(folder / "start.wav", 5.0)

    def until_first_window() -> float:
        command = [sys.executable, "-c", FIRST_WINDOW, "diarize", str(sound), "--out", str(folder), "--overwrite"]
        begin = time.time()
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
        return float(done.stdout.splitlines()[-1]) - begin

    helped = best([sedtalker("--help", quiet=False) for _ in range(runs)]).wall
    bare = best([run(["-c", "pass"]) for _ in range(runs)]).wall
    torch = best([run(["-c", TORCH]) for _ in range(runs)]).wall - bare
    window = min(until_first_window() for _ in range(runs))
    return [
        Row("start-up", "`sedtalker --help`", helped, "s", 0.3, limit=f"{bare:.2f} s (Python alone)"),
        Row(
            *("start-up", "`diarize` until the first window", window, "s", 4.0),
            limit=f"{bare + torch:.2f} s (Python, import torch)",
            note=f"of which importing torch {torch:.2f} s",
        ),
    ]


def real_time(folder: Path, runs: int, seconds: float) -> list[Row]:
    """Share of real time after start-up, and of what the encoder's arithmetic would need."""
    sound, short = write_speech(folder / "long.wav", seconds), write_speech(folder / "short.wav", 1.0)
    found = ask("limit")
    peers = f"{found['peer']} {found['peer_share']:.4f}, encoder alone"
    rows, cores = [], None
    for command, target, wanted in (
        ("diarize", 0.03, 0.55),
        ("animate", 0.06, None),
        ("animate --no-vertices", 0.045, 0.4),
    ):
        begin, whole = (
            best([sedtalker(*command.split(), path, "--out", folder) for _ in range(runs)]) for path in (short, sound)
        )
        work = whole.wall - begin.wall
        share = work / (seconds - 1)
        cores = cores or (whole.cpu - begin.cpu) / work
        rows += [
            Row(
                *("speed", f"`{command}`, {seconds:.0f} s of speech", share, "of real time", target),
                limit=f"{found['limit_share']:.4f} (encoder's products alone)",
                peer=peers,
                note=f"after start-up, which is {begin.wall:.2f} s with 1 s of sound; whole {whole.wall:.1f} s",
            ),
            Row(
                *("speed", f"`{command}`, share of the limit", found["limit_share"] / share, "", wanted, True),
                note=f"{found['gigamacs']:.2f} G multiply-adds a second of sound at {found['rate']:.0f} G/s",
            ),
        ]
    rows.append(Row("speed", "cores that one `diarize` keeps busy", cores, "", limit=f"{os.cpu_count()} cores"))
    return rows


def memory(folder: Path, minutes: list[int]) -> list[Row]:
    """Peak memory by length of the recording."""
    rows = []
    for command in ("diarize", "animate"):
        peaks = {}
        for length in minutes:
            sound = write_speech(folder / "length.wav", 60.0 * length)
            peaks[length] = sedtalker(command, sound, "--out", folder).peak
            sound.unlink()
            for left in folder.glob("length.*"):
                left.unlink()
        first, last = peaks[minutes[0]], peaks[minutes[-1]]
        said = ", ".join(f"{length} min {peak:.0f} MB" for length, peak in peaks.items())
        name = f"`{command}`, {minutes[-1]} min against {minutes[0]} min"
        rows.append(Row("memory", name, last / first, "x", 1.3, note=said))
    return rows
