"""Files for other programs, made from one motion: what each format consists of and who writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sedtalker_cli.errors import UsageError
from sedtalker_cli.motion.motion import Motion


class Format(NamedTuple):
    """One format of `--export`."""

    suffixes: tuple[str, ...]
    write: Callable[[Path, Motion, str | None], None]  # called with the stem, the motion, and where its sound lies


def _write_csv(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.formats.live_link import write_live_link
    from sedtalker_cli.motion.head_motion import head_angles

    angles = None if motion.head_motion is None else head_angles(motion.head_motion)
    write_live_link(
        with_suffix(stem, ".arkit.csv"), motion.shape_weights(), motion.head.shape_names, motion.fps, angles
    )


def _write_glb(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.face.normals import shape_normals
    from sedtalker_cli.formats.gltf_writing import write_glb
    from sedtalker_cli.outputs.exports.avatar import SUFFIXES, build_avatar
    from sedtalker_cli.outputs.exports.glb import build_glb

    source = motion.head.source
    if source is not None and source.suffix.lower() in SUFFIXES:
        write_glb(with_suffix(stem, ".glb"), build_avatar(motion, audio))
        return
    extras = {"audio": audio} if audio else None
    weights = motion.shape_weights()
    content = build_glb(motion.head, weights, motion.fps, shape_normals(motion.head), extras, motion.neck_tracks())
    write_glb(with_suffix(stem, ".glb"), content)


def _write_vrma(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.formats.gltf_writing import write_glb
    from sedtalker_cli.outputs.exports.vrma import build_vrma

    write_glb(with_suffix(stem, ".vrma"), build_vrma(motion))


def _write_vrma_arkit(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.formats.gltf_writing import write_glb
    from sedtalker_cli.outputs.exports.vrma import build_vrma

    write_glb(with_suffix(stem, ".arkit.vrma"), build_vrma(motion, arkit=True))


def _write_usd(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.outputs.exports.usd import write_usd

    weights = motion.shape_weights()
    write_usd(with_suffix(stem, ".usd"), motion.head, weights, motion.fps, audio, motion.head_motion)


def _write_usdz(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.outputs.exports.usd import write_usdz

    weights = motion.shape_weights()
    write_usdz(with_suffix(stem, ".usdz"), motion.head, weights, motion.fps, motion.audio, motion.head_motion)


def _write_pc2(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.formats.caches import write_pc2

    _write_mesh(stem, motion)
    write_pc2(with_suffix(stem, ".pc2"), motion.stream(), motion.shape)


def _write_mdd(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.formats.caches import write_mdd

    _write_mesh(stem, motion)
    write_mdd(with_suffix(stem, ".mdd"), motion.stream(), motion.shape, motion.fps)


def _write_mesh(stem: Path, motion: Motion) -> None:
    """The neutral mesh, on which a cache is played."""
    from sedtalker_cli.formats.obj import write_obj

    comment = "neutral shape, metres, y up, the face looks to +z"
    write_obj(with_suffix(stem, ".neutral.obj"), motion.head.neutral, motion.head.faces, comment)


def _write_obj(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.formats.obj import write_obj_sequence

    comment = f"sedtalker {motion.fps} fps, metres, y up, the face looks to +z"
    write_obj_sequence(with_suffix(stem, ".obj"), motion.stream(), motion.head.faces, comment)


def _write_npy(stem: Path, motion: Motion, audio: str | None) -> None:
    from sedtalker_cli.formats.motion import write_vertices

    write_vertices(with_suffix(stem, ".npy"), motion.stream(), motion.shape)


def _write_arkit_npy(stem: Path, motion: Motion, audio: str | None) -> None:
    """The coefficients in alphabetical order, as EmoTalk's `render.py` takes them (`result/STEM.npy`)."""
    from sedtalker_cli.formats.motion import write_array

    names = motion.head.shape_names
    order = [names.index(name) for name in sorted(names)]
    write_array(with_suffix(stem, ".arkit.npy"), np.ascontiguousarray(motion.shape_weights()[:, order]))


FORMATS: dict[str, Format] = {
    "arkit-csv": Format((".arkit.csv",), _write_csv),
    "arkit-npy": Format((".arkit.npy",), _write_arkit_npy),
    "glb": Format((".glb",), _write_glb),
    "mdd": Format((".mdd", ".neutral.obj"), _write_mdd),
    "npy": Format((".npy",), _write_npy),
    "obj": Format((".obj",), _write_obj),
    "pc2": Format((".pc2", ".neutral.obj"), _write_pc2),
    "usd": Format((".usd",), _write_usd),
    "usdz": Format((".usdz",), _write_usdz),
    "vrma": Format((".vrma",), _write_vrma),
    "vrma-arkit": Format((".arkit.vrma",), _write_vrma_arkit),
}


def parse_formats(values: Iterable[str]) -> tuple[str, ...]:
    """Names of formats, from options that may each hold several separated by commas.

    Raises:
        UsageError: a name is unknown, or what writes it is not installed.
    """
    names = [name.strip().lower() for value in values for name in value.split(",")]
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"--export {name!r} is unknown: give one or more of {', '.join(FORMATS)}")
    if {"usd", "usdz"} & set(names):
        from sedtalker_cli.outputs.exports.usd import require_usd

        require_usd()
    return tuple(sorted(set(names)))


def export_suffixes(formats: Sequence[str]) -> tuple[str, ...]:
    """Endings of the files that the formats lead to, each once."""
    return tuple(dict.fromkeys(suffix for name in formats for suffix in FORMATS[name].suffixes))


def write_exports(stem: Path, motion: Motion, formats: Sequence[str], audio: str | None = None) -> None:
    """Write a motion in every format.

    Args:
        stem: folder and name without suffix.
        motion: to write.
        formats: names as `parse_formats` gives them.
        audio: its sound, as seen from where the files will finally lie.

    Raises:
        InputError: the motion lacks what a format needs.
    """
    for name in formats:
        FORMATS[name].write(stem, motion, audio)


def with_suffix(stem: Path, suffix: str) -> Path:
    """Append: names may hold dots of their own."""
    return stem.with_name(stem.name + suffix)
