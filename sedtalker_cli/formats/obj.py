"""OBJ sequence: `000000.obj`, `000001.obj`... in one folder, in metres, with constant vertex order."""

import os
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from sedtalker_cli.disguises import true_kind_of
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file, atomic_folder
from sedtalker_cli.formats.text import read_text

DECIMALS = 6  # a micrometre
FARTHEST = 1e9  # of a coordinate, in whatever unit
MOST_VERTICES = 1 << 31


def write_obj_sequence(
    folder: str | os.PathLike, blocks: Iterable[np.ndarray], faces: np.ndarray, comment: str = ""
) -> int:
    """Write one file a frame.

    Args:
        folder: made new, or replaced when complete.
        blocks: consecutive (t, V, 3) pieces in metres.
        faces: (F, 3) 0-based vertex indices.
        comment: one line for every file's head, e.g. units and frame rate.

    Returns:
        Number of files.
    """
    # Faces and the layout of the vertex lines are the same in every file: format them once.
    tail = "".join(f"f {a} {b} {c}\n" for a, b, c in (faces + 1).tolist()).encode()
    head = f"# {comment}\n".encode() if comment else b""
    layout, count = b"", 0
    with atomic_folder(folder) as part:
        for block in blocks:
            layout = layout or b"v %.6f %.6f %.6f\n" * block.shape[1]
            for vertices in block:
                text = layout % tuple(vertices.ravel().tolist())
                (part / f"{count:06d}.obj").write_bytes(head + text + tail)
                count += 1
    return count


def write_obj(path: str | os.PathLike, vertices: np.ndarray, faces: np.ndarray, comment: str = "") -> None:
    """Write one mesh.

    Args:
        path: `.obj` file.
        vertices: (V, 3) in metres.
        faces: (F, 3) 0-based vertex indices.
        comment: one line for the file's head.
    """
    lines = [f"# {comment}"] if comment else []
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    with atomic_file(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_obj(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read vertices and faces of one file; polygons become fans of triangles; normals, textures, materials are skipped.

    Returns:
        vertices (V, 3) float32, faces (F, 3) int32, 0-based.

    Raises:
        InputError: names the line that cannot be read.
    """
    vertices, faces = [], []
    for number, line in enumerate(read_text(Path(path)).split("\n"), start=1):
        kind, *fields = line.split() or [""]
        try:
            if kind == "v":
                x, y, z = map(float, fields[:3])
                if not all(abs(c) <= FARTHEST for c in (x, y, z)):  # NaN compares as False
                    raise ValueError
                vertices.append((x, y, z))
            elif kind == "f":
                # below zero counts back from the last vertex so far
                corners = [int(field.split("/")[0]) for field in fields]
                first, *rest = [corner - 1 if corner > 0 else len(vertices) + corner for corner in corners]
                faces += [(first, second, third) for second, third in pairwise(rest)]
                if len(corners) < 3 or 0 in corners or max(map(abs, corners)) > MOST_VERTICES:
                    raise ValueError
        except ValueError:
            what = "vertex (v x y z)" if kind == "v" else "face (f a b c...) of vertices that exist"
            raise InputError(f"{path}:{number}: is not a {what}") from None
    points, triangles = np.array(vertices, np.float32), np.array(faces, np.int64).reshape(-1, 3)
    if not len(points):
        raise InputError(f"{path}: {true_kind_of(Path(path)) or 'holds no vertices; is it a mesh?'}")
    if len(triangles) and not (triangles.min() >= 0 and triangles.max() < len(points)):
        raise InputError(f"{path}: a face names a vertex that does not exist (there are {len(points)})")
    return points, triangles.astype(np.int32)


def read_obj_sequence(folder: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read a folder as `write_obj_sequence` writes it.

    Returns:
        vertices (T, V, 3) float32, faces (F, 3) int32.

    Raises:
        InputError: no files, a gap in their numbers, or files that do not share vertex count and faces.
    """
    folder = Path(folder)
    names = sorted(p.name for p in folder.iterdir() if re.fullmatch(r"\d{6,}\.obj", p.name)) if folder.is_dir() else []
    if not names:
        raise InputError(f"{folder}: holds no 000000.obj, 000001.obj...; name the folder of a sequence")
    frames, first = [], None
    for number, name in enumerate(names):
        if int(name[:-4]) != number:
            raise InputError(f"{folder / name}: frame {number} is missing before it")
        vertices, faces = read_obj(folder / name)
        if first is None:
            first = faces
        if len(vertices) != len(frames[0] if frames else vertices) or not np.array_equal(faces, first):
            raise InputError(f"{folder / name}: has other vertices or faces than the first frame")
        frames.append(vertices)
    return np.stack(frames), first
