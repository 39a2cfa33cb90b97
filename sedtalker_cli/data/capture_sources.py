"""Where captured mouth motion comes from: a reader for each published layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sedtalker_cli.data.captures import UNSEEN, Capture
from sedtalker_cli.data.tracked_faces import TrackedFolder, TrackedMouth
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.arkit import ARKIT_INDEX as _INDEX
from sedtalker_cli.face.arkit import ARKIT_NAMES, IS_MOUTH

GRID_FPS = 25.0
VIDEO = "video"  # source of a user's own video
# Tracked jaw opening to that of the bundled head: enough that mouthClose can take back the rest.
JAW_SCALE = 1.3
# This tracker hardly sees funnelled lips (deviation .004 of 1); its curve is good, its size is not.
FUNNEL_SCALE = 8.0
FACEGOOD_SCALE = 0.75  # solved coefficients of that rig open wider than the bundled head should
REST = 5  # percentile of a coefficient that a mouth has at rest, where silence is not known


def read_grid(folder: Path) -> list[Capture]:
    """Tracked clips of the GRID corpus: `manifest.csv`, `NAME.ogg`, `NAME.npz`, `channels.txt`, `landmarks.txt`.

    Raises:
        InputError: the folder does not hold them.
    """
    tracked = TrackedFolder(folder, "tracked GRID clips", described=True)
    captures = []
    for row in tracked.rows:
        words = tuple(_word(text) for text in row["words"].split())
        clip = tracked.read(row["name"])
        silent = _in_silence(words, len(clip.mouth), GRID_FPS)
        rest = clip.mouth[silent].mean(0), float(clip.width[silent].mean())
        captures.append(_tracked_capture(row["name"], "grid", row["split"], folder, clip, GRID_FPS, rest, words=words))
    return captures


def read_voices(folder: Path) -> list[Capture]:
    """Tracked clips of many speakers for choosing, never for training: `manifest.csv`, `NAME.ogg`, `NAME.npz`.

    The source is the folder's name.

    Raises:
        InputError: the folder does not hold them, or a clip does not tell its frame rate.
    """
    return _read_tracked(folder, "tracked voices", folder.name, UNSEEN, ".ogg")


def read_video(folder: Path) -> list[Capture]:
    """Clips that `data.video_faces` has tracked: `manifest.csv`, `NAME.flac`, `NAME.npz`; for training.

    Raises:
        InputError: the folder does not hold them.
    """
    return _read_tracked(folder, "tracked video", VIDEO, None, ".flac")


def _read_tracked(folder: Path, what: str, source: str, split: str | None, sound: str) -> list[Capture]:
    """Clips without words, of the manifest's split if none is given: the resting mouth is what is least open."""
    tracked = TrackedFolder(folder, what)
    captures = []
    for row in tracked.rows:
        clip = tracked.read(row["name"])
        if not clip.fps:
            raise InputError(f"{folder / row['name']}.npz: does not tell its fps")
        rest = np.percentile(clip.mouth[clip.seen], REST, axis=0), float(np.median(clip.width[clip.seen]))
        told = {"speaker": row.get("speaker", ""), "kind": row.get("kind", "")}
        part = split or row.get("split", "")
        captures.append(_tracked_capture(row["name"], source, part, folder, clip, clip.fps, rest, sound, **told))
    if not captures:
        raise InputError(f"{folder}: its manifest.csv lists no clip")
    return captures


def _tracked_capture(name, source, split, folder: Path, clip: TrackedMouth, fps, rest, sound=".ogg", **told) -> Capture:
    """A capture of a tracked clip, the resting mouth's coefficients (M,) and its width taken off."""
    mouth, rest_width = rest
    weights = np.zeros((len(clip.mouth), len(ARKIT_NAMES)), np.float32)
    weights[:, IS_MOUTH] = np.clip(clip.mouth - mouth, 0, 1)
    weights[:, _INDEX["jawOpen"]] *= JAW_SCALE
    weights[:, _INDEX["mouthFunnel"]] = np.clip(FUNNEL_SCALE * weights[:, _INDEX["mouthFunnel"]], 0, 1)
    for side in ("Left", "Right"):  # a smile is not measured by this tracker while speaking
        weights[:, _INDEX["mouthSmile" + side]] = 0
    audio, channels = folder / f"{name}{sound}", IS_MOUTH.copy()
    lips = {"gap": clip.gap, "width": clip.width, "rest_width": rest_width, "seen": clip.seen}
    return Capture(name, source, split, audio, fps, weights, channels, **lips, **told)


def _word(text: str) -> tuple[str, float, float]:
    word, times = text.split("@")
    start, end = times.split("-")
    return word, float(start), float(end)


def _in_silence(words, frames: int, fps: float) -> np.ndarray:
    """Frames inside the words `sil`, 0.1 s away from speech; all frames if there are none."""
    times = np.arange(frames) / fps
    silent = np.zeros(frames, bool)
    for word, start, end in words:
        if word == "sil":
            silent |= (times >= start + (0.1 if start > 0 else 0)) & (times < end - 0.1)
    return silent if silent.sum() > 3 else np.ones(frames, bool)


def _largest(weights: np.ndarray, names: list[str], *starts: str) -> np.ndarray:
    columns = [i for i, name in enumerate(names) if name.startswith(starts)]
    return weights[:, columns].max(1) if columns else np.zeros(len(weights), np.float32)


def read_facegood(folder: Path, held_out: str = "1114_3_15") -> list[Capture]:
    """Solved takes: `NAME.flac` and `NAME.npz` with `weights`, `names`, `fps`.

    Args:
        folder: with the takes.
        held_out: take of the test split.

    Raises:
        InputError: no take in the folder.
    """
    captures = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            solved, names, fps = data["weights"].astype(np.float32), [str(n) for n in data["names"]], float(data["fps"])

        def top(*starts: str, solved=solved, names=names) -> np.ndarray:
            return _largest(solved, names, *starts)

        oh, oo = top("mouth_oh"), top("mouth_oo")
        columns = {
            # `oh` and `oo` round the lips; `oh` falls where the mouth opens, so the jaw has no part in it.
            "jawOpen": top("mouth_stretch_c"),
            "mouthFunnel": top("mouth_funnel") + 0.6 * oh + 0.3 * oo,
            "mouthPucker": top("mouth_pucker") + 0.8 * oo,
            "mouthSmileLeft": top("mouth_lipCornerPull_l"),
            "mouthSmileRight": top("mouth_lipCornerPull_r"),
            "mouthStretchLeft": top("mouth_lipStretch_l"),
            "mouthStretchRight": top("mouth_lipStretch_r"),
            "mouthRollLower": top("mouth_suck_d"),
            "mouthRollUpper": top("mouth_suck_u"),
            "mouthPressLeft": top("mouth_press_l"),
            "mouthPressRight": top("mouth_press_r"),
            "mouthLowerDownLeft": top("mouth_lowerLipDepress_l"),
            "mouthLowerDownRight": top("mouth_lowerLipDepress_r"),
            "mouthUpperUpLeft": top("mouth_upperLipRaise_l"),
            "mouthUpperUpRight": top("mouth_upperLipRaise_r"),
            "mouthShrugUpper": top("mouth_chinRaise_u"),
        }
        weights = np.zeros((len(solved), len(ARKIT_NAMES)), np.float32)
        channels = np.zeros(len(ARKIT_NAMES), bool)
        for name, column in columns.items():
            weights[:, _INDEX[name]] = np.clip(FACEGOOD_SCALE * column, 0, 1)
            channels[_INDEX[name]] = True
        split = "test" if path.stem == held_out else "train"
        captures.append(Capture(path.stem, "facegood", split, path.with_suffix(".flac"), fps, weights, channels))
    if not captures:
        raise InputError(f"{folder}: no takes (NAME.npz beside NAME.flac)")
    return captures


READERS: dict[str, Callable[[Path], list[Capture]]] = {
    "grid": read_grid,
    "facegood": read_facegood,
    "voices": read_voices,
    VIDEO: read_video,
}


def parse_capture(spec: str) -> tuple[str, Path]:
    """Split a command line's `SOURCE=PATH`.

    Raises:
        UsageError: there is no `=`, no path, or no source of that name.
    """
    name, equals, path = spec.partition("=")
    if not equals or not path or name not in READERS:
        raise UsageError(f"capture {spec!r} should be SOURCE=PATH with SOURCE one of {', '.join(READERS)}")
    return name, Path(path).expanduser()
