"""Motions that were written before (by `animate`, or in its format) against captures; no model takes part."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from sedtalker_cli.data.captures import Capture
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.lipsync.animator import CAPTURED, LipsyncReport, by_source, score_each
from sedtalker_cli.evaluation.lipsync.tracks import captured_track, motion_track
from sedtalker_cli.evaluation.metrics.lipsync import Track, score_tracks
from sedtalker_cli.evaluation.report.tables import listed
from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.face.head import Head
from sedtalker_cli.formats.motion import read_array, read_sidecar, sidecar_path
from sedtalker_cli.motion.reading import coefficients, head_of

SUFFIX = ".weights.npy"
PREDICTIONS = "predictions"
SHORT = 0.1  # s by which a motion may be shorter than its capture before a note says so


def evaluate_folder(captures: Sequence[Capture], split: str, folder: Path) -> LipsyncReport:
    """Score a folder of motions: `NAME.weights.npy` beside `NAME.json`, NAME as the captures are called.

    Args:
        captures: of any sources.
        split: part to score; captures of it without a motion are left out.
        folder: searched to the bottom.

    Raises:
        InputError: files that cannot be used, one name twice, or no motion for any capture of the split.
    """
    files, missing = find_motions(folder), []
    report = LipsyncReport(split, {}, {})
    for source, chosen in by_source(captures, split).items():
        missing += [c.name for c in chosen if c.name not in files]
        pairs = [predicted(files[c.name], c) for c in chosen if c.name in files]
        if not pairs:
            continue
        parts, tracks = zip(*pairs, strict=True)
        truth = [captured_track(part) for part in parts]
        report.scores[source] = {PREDICTIONS: score_tracks(truth, tracks), CAPTURED: score_tracks(truth, truth)}
        report.recordings[source] = score_each(parts, tracks)
        whole = {c.name: len(c.weights) for c in chosen}
        short = [part.name for part in parts if whole[part.name] - len(part.weights) > SHORT * part.fps]
        if short:
            report.notes.append(f"{listed(short)}: shorter than the capture, scored as far as the motion reaches")
    if not report.scores:
        raise InputError(
            f"{folder}: holds no motion of a recording in the {split} split (e.g. {missing[0]}{SUFFIX}); "
            "animate the captures' sounds first"
        )
    if missing:
        report.notes.append(f"{listed(missing)}: without a prediction, left out")
    return report


def predicted(path: Path, capture: Capture) -> tuple[Capture, Track]:
    """A motion at the frames of its capture, and the capture as far as the motion reaches."""
    weights, fps, head = read_weights(path)
    weights = resample(weights, fps, capture.fps)[: len(capture.weights)]
    cut = {name: getattr(capture, name) for name in ("weights", "gap", "width")}
    part = replace(capture, **{k: v if v is None else v[: len(weights)] for k, v in cut.items()})
    return part, motion_track(weights, part, head)


def find_motions(folder: Path) -> dict[str, Path]:
    """Name -> `NAME.weights.npy` anywhere below a folder.

    Raises:
        InputError: no folder, or one name twice.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder of predictions")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        name = path.name.removesuffix(SUFFIX)
        if name in found:
            raise InputError(f"{path}: {name} is in {found[name].parent} too; remove one of them")
        found[name] = path
    return found


def read_weights(path: Path) -> tuple[np.ndarray, float, Head]:
    """Coefficients (T, 52) of a motion, its frame rate, and the head that it was made for.

    Raises:
        InputError: damaged, not ARKit's 52 coefficients, or of a head that is not known.
    """
    weights = read_array(path, "coefficients (T, 52)")
    if weights.ndim != 2 or weights.shape[1] != len(ARKIT_NAMES) or not len(weights):
        raise InputError(f"{path}: holds {weights.dtype} of shape {weights.shape}, not coefficients (T, 52)")
    weights = coefficients(path, weights)
    motion = path.with_name(path.name.removesuffix(SUFFIX) + ".npy")
    sidecar = sidecar_path(motion)
    metadata = read_sidecar(sidecar)
    if metadata.get("shape_names", list(ARKIT_NAMES)) != list(ARKIT_NAMES):
        raise InputError(f"{sidecar}: shape_names are not ARKit's 52 in their order; bring the columns into it")
    return weights, float(metadata["fps"]), head_of(motion, metadata)


def resample(weights: np.ndarray, fps: float, wanted: float) -> np.ndarray:
    """Coefficients (T, 52) at k / fps s read at k / wanted s by a cubic spline, as far as they reach."""
    if fps == wanted or len(weights) < 2:
        return weights
    last = (len(weights) - 1) / fps
    times = np.arange(int(last * wanted + 1e-6) + 1) / wanted
    return np.clip(CubicSpline(np.arange(len(weights)) / fps, weights)(times), 0, 1).astype(np.float32)
