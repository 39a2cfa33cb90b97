"""Predictions that lie on disk, joined with the sequences of a data set or with reference files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sedtalker_cli.data.talking_heads import TalkingDataset, read_regions
from sedtalker_cli.data.talking_heads.base import Misnamed, open_vertices
from sedtalker_cli.data.talking_heads.layouts import decode_emovoca
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.animation.pairs import Pair, masks_of, pair_of, sequences_of
from sedtalker_cli.evaluation.metrics.animation import Masks
from sedtalker_cli.evaluation.report.tables import listed
from sedtalker_cli.formats.array_pickle import read_arrays
from sedtalker_cli.formats.motion import read_sidecar, sidecar_path
from sedtalker_cli.motion.reading import head_of, is_vertices_name, recorded_audio

CONDITION = "_condition_"  # NAME_condition_SUBJECT.npy: in the speaking style of a subject, as FaceFormer writes it


def find_motions(folder: Path) -> dict[str, Path]:
    """Stem -> NPY file of vertices anywhere below a folder.

    Raises:
        InputError: no folder, no such file, or one name twice.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder of motions (NAME.npy)")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.npy")):
        if path.name.startswith(".") or not is_vertices_name(path):
            continue
        if path.stem in found:
            raise InputError(f"{path}: {path.stem} is in {found[path.stem].parent} too; remove one of them")
        found[path.stem] = path
    if not found:
        raise InputError(f"{folder}: holds no motions (NAME.npy)")
    return found


def dataset_pairs(dataset: TalkingDataset, split: str, folder: Path) -> tuple[list[Pair], list[str]]:
    """Predictions called as the sequences of a split, each style of `NAME_condition_SUBJECT.npy` for itself.

    Returns:
        Pairs, and notes on what has no prediction.

    Raises:
        InputError: nothing fits, or a prediction has another topology or frame rate.
    """
    files = find_motions(folder)
    by_name: dict[str, list[str]] = {}
    for stem in files:
        by_name.setdefault(stem.split(CONDITION)[0], []).append(stem)
    pairs, missing = [], []
    for sequence in sequences_of(dataset, split):
        stems = by_name.get(sequence.name, [])
        if not stems:
            missing.append(sequence.name)
        for stem in stems:
            _check_rate(files[stem], sequence.fps)
            pairs.append(pair_of(sequence, stem, _opener(files[stem], dataset.vertex_count)))
    if not pairs:
        raise InputError(
            f"{folder}: holds no prediction of the {split} split; expected names like {missing[0]}.npy "
            f"or {missing[0]}{CONDITION}SUBJECT.npy"
        )
    return pairs, [f"{listed(missing)}: without a prediction, left out"] if missing else []


def folder_pairs(
    references: Path, predictions: Path, fps: float | None, regions: Path | None, templates: Path | None
) -> tuple[list[Pair], Masks, list[str]]:
    """Files of two folders that have the same name.

    Args:
        references, predictions: folders of NPY files.
        fps: of files without a sidecar.
        regions: folder of region files; None takes those of the head that a sidecar names.
        templates: pickle of faces at rest, the longest name that begins a file's name counts; None as `regions`.

    Returns:
        Pairs, masks, and notes on what has no partner.

    Raises:
        InputError: nothing fits, or something that is needed is not there.
    """
    truth, found = find_motions(references), find_motions(predictions)
    common = [name for name in truth if name in found]
    if not common:
        raise InputError(f"{predictions}: no motion has the name of one in {references}, e.g. {next(iter(truth))}.npy")
    rests = read_arrays(templates) if templates else {}
    pairs, masks = [], None
    for name in common:
        path, head, audio = truth[name], None, None
        rate = fps
        if sidecar_path(path).is_file():
            metadata = read_sidecar(sidecar_path(path))
            rate, audio = metadata["fps"], recorded_audio(path, metadata)
            head = head_of(path, metadata) if metadata.get("head") else None
        if rate is None:
            raise InputError(f"{path}: has no sidecar {sidecar_path(path).name}; give its frame rate with --fps")
        count = open_vertices(path).shape[1]
        template = _template_of(name, rests, templates, count) if templates else getattr(head, "neutral", None)
        if template is None:
            raise InputError(f"{path}: its sidecar names no head; give the face at rest with --templates FILE.pkl")
        if masks is None:
            source = regions or (sidecar_path(path) if head else references)
            masks = masks_of(read_regions(regions, count) if regions else getattr(head, "regions", {}), str(source))
        _check_rate(found[name], rate)
        emotion, intensity = _label(name)
        sides = _opener(path, count), _opener(found[name], count)
        pairs.append(Pair(name, *sides, template, rate, audio, emotion, intensity))
    alone = [name for name in truth if name not in found]
    return pairs, masks, [f"{listed(alone)}: without a prediction, left out"] if alone else []


def _opener(path: Path, count: int):
    return lambda: open_vertices(path, count)


def _label(name: str) -> tuple[str | None, float | None]:
    """Emotion and intensity, where a name has them in EmoVOCA's form."""
    try:
        label = decode_emovoca(name.split(CONDITION)[0])
    except Misnamed:
        return None, None
    return label.emotion, label.intensity


def _template_of(name: str, rests: Mapping[str, np.ndarray], path: Path, count: int) -> np.ndarray:
    subject = max((subject for subject in rests if name.startswith(subject)), key=len, default=None)
    if subject is None:
        raise InputError(f"{path}: has no template for {name} (its name should begin with the subject's)")
    template = np.asarray(rests[subject], np.float32)
    if template.size != 3 * count:
        raise InputError(f"{path}: the template of {subject} has {template.size // 3} vertices, {name} has {count}")
    return template.reshape(-1, 3)


def _check_rate(path: Path, wanted: float) -> None:
    """A sidecar, where there is one, must say the reference's frame rate.

    Raises:
        InputError: it says another.
    """
    sidecar = sidecar_path(path)
    if sidecar.is_file() and abs(read_sidecar(sidecar)["fps"] - wanted) > 1e-6:
        own = read_sidecar(sidecar)["fps"]
        raise InputError(
            f"{path}: has {own:g} frames a second, the reference {wanted:g}; animate with --fps {wanted:g}"
        )
