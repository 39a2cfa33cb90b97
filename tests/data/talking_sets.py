"""Small talking-head data sets in the published layouts: real names, full vertex counts, few frames."""

import pickle
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile as sf

FLAME, BIWI = 5023, 23370
TRAIN, VAL, TEST = "FaceTalk_170728_03272_TA", "FaceTalk_170811_03275_TA", "FaceTalk_170809_00138_TA"
LABELS = {"Smile2": 4, "Sad1": 3, "Irritated1": 2, "Upset": 10, "Disgust": 1, "Afraid": 0, "Drunk2": 5}


def wave(path: Path, seconds: float, rate: int = 16000) -> None:
    """A sound whose loudness rises and falls four times a second, as syllables do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    sf.write(path, 0.2 * np.sin(2 * np.pi * 200 * time) * np.sin(2 * np.pi * 2 * time) ** 2, rate)


def template(seed: int, vertices: int) -> np.ndarray:
    """A cloud of points (V, 3) float64 the size of a head [m]."""
    return np.random.default_rng(seed).normal(0, 0.08, (vertices, 3))


def motion(rest: np.ndarray, frames: int, seed: int = 0) -> np.ndarray:
    """(T, 3 V) float32: the first 300 vertices swing, the rest trembles a little."""
    rng = np.random.default_rng([seed, 7])
    vertices = rest[None] + rng.normal(0, 2e-4, (frames, 1, 3))
    vertices[:, :300, 1] += 0.004 * np.sin(np.arange(frames) / 3 + seed)[:, None]
    return vertices.reshape(frames, -1).astype(np.float32)


def write_templates(root: Path, templates: dict[str, np.ndarray], protocol: int = 2) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "templates.pkl").write_bytes(pickle.dumps(templates, protocol))


def write_masks(path: Path) -> None:
    masks = {"lips": np.arange(100, 354), "forehead": np.arange(1000, 1200), "eye_region": np.arange(1200, 1500)}
    path.write_bytes(pickle.dumps(masks, 2))


def vocaset(root: Path, names: Iterable[str] = (), frames: int = 60, fps: float = 60) -> Path:
    """VOCASET: `vertices_npy/`, `wav/`, `templates.pkl`, `FLAME_masks.pkl`."""
    names = list(names) or [f"{TRAIN}_sentence01", f"{VAL}_sentence21", f"{TEST}_sentence22", f"{TEST}_sentence01"]
    subjects = sorted({name.rsplit("_", 1)[0] for name in names})
    rests = {subject: template(number, FLAME) for number, subject in enumerate(subjects)}
    write_templates(root, rests)
    write_masks(root / "FLAME_masks.pkl")
    (root / "vertices_npy").mkdir()
    for number, name in enumerate(names):
        np.save(root / "vertices_npy" / f"{name}.npy", motion(rests[name.rsplit("_", 1)[0]], frames, number))
        wave(root / "wav" / f"{name}.wav", frames / fps)
    return root


def emovoca(root: Path, expressions=("Smile2", "Sad1"), subjects=(TRAIN, VAL, TEST), frames: int = 60) -> Path:
    """EmoVOCA: (T, 5023, 3) float64 in `sequences/`, `label/`, `intensity/`, one sound a sentence."""
    rests = {subject: template(number, FLAME) for number, subject in enumerate(subjects)}
    write_templates(root, rests)
    write_masks(root / "FLAME_masks.pkl")
    for folder in ("sequences", "label", "intensity"):
        (root / folder).mkdir()
    for number, subject in enumerate(subjects):
        wave(root / "wav" / f"{subject}_sentence21.wav", frames / 60)
        for expression in expressions:
            for level in (1, 2, 3):
                name = f"{subject}_sentence21_{expression}_{level}.npy"
                vertices = motion(rests[subject], frames, number).reshape(frames, FLAME, 3).astype(np.float64)
                np.save(root / "sequences" / name, vertices)
                np.save(root / "label" / name, LABELS[expression])
                np.save(root / "intensity" / name, level)
    return root


def biwi(root: Path, names=("F2_e01", "M5_e34", "F3_e38"), vertices: int = BIWI, frames: int = 25) -> Path:
    """BIWI with its region files."""
    rests = {
        subject: template(number, vertices) for number, subject in enumerate({name.split("_")[0]: 0 for name in names})
    }
    write_templates(root, rests, 4)
    (root / "vertices_npy").mkdir()
    (root / "regions").mkdir()
    for number, name in enumerate(names):
        np.save(root / "vertices_npy" / f"{name}.npy", motion(rests[name.split("_")[0]], frames, number))
        wave(root / "wav" / f"{name}.wav", frames / 25)
    step = max(1, vertices // BIWI)
    (root / "regions" / "lve.txt").write_text(", ".join(map(str, range(0, min(4996, vertices // 4) * step, step))))
    (root / "regions" / "fdd.txt").write_text(
        ", ".join(map(str, range(vertices // 2, vertices // 2 + min(7784, vertices // 3))))
    )
    return root
