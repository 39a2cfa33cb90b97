"""Files for other programs, made from one motion: what each format consists of and who writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sedtalker_cli.errors import UsageError
from sedtalker_cli.motion.animation import Take


class Format(NamedTuple):
    """One format of `--export`."""

    suffixes: tuple[str, ...]
    write: Callable[[Path, Take], None]  # called with the stem


def _write_csv(stem: Path, take: Take) -> None:
    from sedtalker_cli.formats.live_link import write_live_link
    from sedtalker_cli.motion.head_motion import head_angles

    angles = None if take.head_motion is None else head_angles(take.head_motion)
    write_live_link(with_suffix(stem, ".arkit.csv"), take.shape_weights(), take.head.shape_names, take.fps, angles)


def _write_glb(stem: Path, take: Take) -> None:
    from sedtalker_cli.face.normals import shape_normals
    from sedtalker_cli.outputs.exports.glb import build_glb, write_glb

    extras = {"audio": take.audio} if take.audio else None
    weights = take.shape_weights()
    content = build_glb(take.head, weights, take.fps, shape_normals(take.head), extras, take.neck_tracks())
    write_glb(with_suffix(stem, ".glb"), content)


def _write_usd(stem: Path, take: Take) -> None:
    from sedtalker_cli.outputs.exports.usd import write_usd

    weights = take.shape_weights()
    write_usd(with_suffix(stem, ".usd"), take.head, weights, take.fps, take.audio, take.head_motion)


def _write_pc2(stem: Path, take: Take) -> None:
    from sedtalker_cli.formats.caches import write_pc2

    _write_mesh(stem, take)
    write_pc2(with_suffix(stem, ".pc2"), take.stream(), take.shape)


def _write_mdd(stem: Path, take: Take) -> None:
    from sedtalker_cli.formats.caches import write_mdd

    _write_mesh(stem, take)
    write_mdd(with_suffix(stem, ".mdd"), take.stream(), take.shape, take.fps)


def _write_mesh(stem: Path, take: Take) -> None:
    """The neutral mesh, on which a cache is played."""
    from sedtalker_cli.formats.obj import write_obj

    comment = "neutral shape, metres, y up, the face looks to +z"
    write_obj(with_suffix(stem, ".neutral.obj"), take.head.neutral, take.head.faces, comment)


def _write_obj(stem: Path, take: Take) -> None:
    from sedtalker_cli.formats.obj import write_obj_sequence

    comment = f"sedtalker {take.fps} fps, metres, y up, the face looks to +z"
    write_obj_sequence(with_suffix(stem, ".obj"), take.stream(), take.head.faces, comment)


def _write_npy(stem: Path, take: Take) -> None:
    from sedtalker_cli.formats.motion import write_vertices

    write_vertices(with_suffix(stem, ".npy"), take.stream(), take.shape)


FORMATS: dict[str, Format] = {
    "arkit-csv": Format((".arkit.csv",), _write_csv),
    "glb": Format((".glb",), _write_glb),
    "mdd": Format((".mdd", ".neutral.obj"), _write_mdd),
    "npy": Format((".npy",), _write_npy),
    "obj": Format((".obj",), _write_obj),
    "pc2": Format((".pc2", ".neutral.obj"), _write_pc2),
    "usd": Format((".usd",), _write_usd),
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
    if "usd" in names:
        from sedtalker_cli.outputs.exports.usd import require_usd

        require_usd()
    return tuple(sorted(set(names)))


def export_suffixes(formats: Sequence[str]) -> tuple[str, ...]:
    """Endings of the files that the formats lead to, each once."""
    return tuple(dict.fromkeys(suffix for name in formats for suffix in FORMATS[name].suffixes))


def write_exports(stem: Path, take: Take, formats: Sequence[str]) -> None:
    """Write a motion in every format.

    Args:
        stem: folder and name without suffix.
        take: the motion.
        formats: names as `parse_formats` gives them.

    Raises:
        InputError: the motion lacks what a format needs.
    """
    for name in formats:
        FORMATS[name].write(stem, take)


def with_suffix(stem: Path, suffix: str) -> Path:
    """Append: names may hold dots of their own."""
    return stem.with_name(stem.name + suffix)
