"""Make a talking-head data set in EmoVOCA's layout: sounds of syllables, and a head of dots that moves with them.

Nothing of EmoVOCA is in it; it shows that a training works, and lets one be tried without the data:

    python tools/make_talking.py --out emovoca-like

864 recordings of 0.8 s take 2.5 GB.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile as sf

from sedtalker_cli.data.talking_heads.layouts import EXPRESSIONS, SEDTALKER_EMOTIONS, VOCA_SUBJECTS
from sedtalker_cli.data.talking_heads.regions import write_region
from sedtalker_cli.formats.array_pickle import write_arrays

VERTICES, STORED, RATE = 5023, 60, 16_000
LIPS, UPPER = np.arange(400), np.arange(1000, 1800)


def syllables(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """(N,) loudness, 0 to 1, of four to six syllables a second."""
    time = np.arange(round(seconds * RATE)) / RATE
    rate, start = rng.uniform(4, 6), rng.uniform(0, 2 * np.pi)
    loud = np.interp(time, np.linspace(0, seconds, 6), rng.uniform(0.3, 1, 6))
    return loud * (0.5 - 0.5 * np.cos(2 * np.pi * rate * time + start))


def sound(rng: np.random.Generator, loudness: np.ndarray) -> np.ndarray:
    """(N,) harmonics of one voice at that loudness."""
    time, pitch = np.arange(len(loudness)) / RATE, rng.uniform(90, 220)
    voice = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 8))
    return (0.15 * loudness * voice + 1e-3 * rng.standard_normal(len(time))).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.8)
    parser.add_argument("--subjects", type=int, default=12)
    options = parser.parse_args()
    rng, out = np.random.default_rng(0), options.out
    for folder in ("sequences", "wav", "regions"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    mean = rng.normal(0, 1, (VERTICES, 3))
    mean *= 0.1 / np.linalg.norm(mean, axis=1, keepdims=True)
    expressions = {name: emotion for name, (emotion, _) in EXPRESSIONS.items() if emotion in SEDTALKER_EMOTIONS}
    poses = {name: 2e-3 * rng.normal(0, 1, (VERTICES, 3)) for name in expressions}
    for pose in poses.values():
        pose[np.setdiff1d(np.arange(VERTICES), np.r_[LIPS, UPPER])] *= 0.1
    opening = np.zeros((VERTICES, 3))
    opening[LIPS, 1] = -0.006 * np.cos(np.linspace(0, np.pi, len(LIPS)))
    frames, templates = round(options.seconds * STORED), {}
    by_split = [[n for n, own in VOCA_SUBJECTS.items() if own == split] for split in ("train", "val", "test")]
    names = [names[k] for k in range(8) for names in by_split if k < len(names)]
    for subject in names[: options.subjects]:
        templates[subject] = mean * rng.uniform(0.9, 1.1, 3)
        size = rng.uniform(0.85, 1.15)
        for sentence in range(21, 21 + options.sentences):
            loudness = syllables(rng, options.seconds)
            sf.write(out / "wav" / f"{subject}_sentence{sentence}.wav", sound(rng, loudness), RATE)
            jaw = loudness[np.minimum(np.arange(frames) * RATE // STORED, len(loudness) - 1), None, None]
            for expression, pose in poses.items():
                for level in (1, 2, 3):
                    vertices = templates[subject] + size * (jaw * opening + level / 3 * pose)
                    name = f"{subject}_sentence{sentence}_{expression}_{level}.npy"
                    np.save(out / "sequences" / name, vertices.astype(np.float32))
    write_arrays(out / "templates.pkl", templates)
    write_region(out / "regions" / "lve.txt", LIPS)
    write_region(out / "regions" / "fdd.txt", UPPER)
    print(
        json.dumps(
            {"out": str(out), "subjects": len(templates), "recordings": len(list((out / "sequences").iterdir()))}
        )
    )


if __name__ == "__main__":
    main()
