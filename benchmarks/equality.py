"""Whether the fast encoder changes an answer: `python -m benchmarks.equality FOLDER [--count N] [--lips N]`.

Recordings of a folder (spread evenly over it) go through PyTorch's encoder and through the fastest one; printed are the
share of 20 ms frames with the same label, and how far lips move apart on the first recordings [mm].
"""

import argparse
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.files import is_sound_name
from sedtalker_cli.batch.threads import sum_in_one_thread
from sedtalker_cli.face.heads import cached_head
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.pipeline import Pipeline


def spread(folder: Path, count: int) -> list[Path]:
    """At most `count` sound files of a folder and its subfolders, evenly spread over their names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and is_sound_name(path))
    return [paths[k] for k in np.unique(np.linspace(0, len(paths) - 1, count).astype(int))] if paths else []


def lip_distance(one: Motion, other: Motion) -> float:
    """Largest distance of a lip vertex in any frame [m]."""
    head = cached_head(None, None)
    lips = head.regions["lips"]
    pairs = zip(one.stream(), other.stream(), strict=True)
    return float(max(np.linalg.norm((a - b)[:, lips], axis=-1).max() for a, b in pairs))


def compare(paths: list[Path], lips: int = 0) -> dict[str, float]:
    """Share of frames with equal labels, largest difference of a probability, and of lips on the first few [m]."""
    sum_in_one_thread()
    slow, fast = (Pipeline.load(precision=precision, device="cpu") for precision in ("fp32", "auto"))
    frames = equal = 0
    posterior = farthest = 0.0
    for number, path in enumerate(paths):
        a, b = (pipeline.diarize(path).timeline for pipeline in (slow, fast))
        frames, equal = frames + len(a.labels), equal + int((a.labels == b.labels).sum())
        posterior = max(posterior, float(np.abs(a.posteriors - b.posteriors).max(initial=0)))
        if number < lips:
            farthest = max(farthest, lip_distance(slow.animate(path), fast.animate(path)))
    return {"frames": frames, "equal": equal / max(frames, 1), "posterior": posterior, "lips": farthest}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--lips", type=int, default=20)
    options = parser.parse_args()
    paths = spread(options.folder, options.count)
    found = compare(paths, options.lips)
    print(
        f"{len(paths)} recordings, {found['frames']} frames: {100 * found['equal']:.4f} % have the same label, "
        f"probabilities differ by {found['posterior']:.1e} at most, lips by {1000 * found['lips']:.4f} mm"
    )


if __name__ == "__main__":
    main()
