"""Heads that users bring: glTF with morph targets, a folder of OBJs, or a template without shapes."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import numpy as np

from sedtalker_cli.disguises import true_kind_of
from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.arkit_spelling import arkit_name
from sedtalker_cli.face.head import Head
from sedtalker_cli.face.landmarks import find_regions, metres, upright
from sedtalker_cli.face.materials import COLOURS, material_of
from sedtalker_cli.face.texture import PartTexture
from sedtalker_cli.face.visemes import arkit_shapes, has_visemes
from sedtalker_cli.formats.gltf import Primitive, read_gltf
from sedtalker_cli.formats.gltf_file import linked_content
from sedtalker_cli.formats.obj import FARTHEST, read_obj

LOGGER = logging.getLogger("sedtalker")
GLTF = (".glb", ".gltf", ".vrm")
NEUTRAL_NAMES = ("neutral", "base", "basis", "rest", "default", "generic_neutral_mesh")
TEMPLATES = {5023: "FLAME", 23370: "BIWI", 3895: "BIWI, reduced"}  # vertices of single meshes that are known
LOOKED_FOR = (
    "shapes with ARKit's names, as jawOpen, mouthSmileLeft or mouthSmile_L (52 in all), or visemes (viseme_aa ...)"
)
MOST_NAMED = 12
FAR = 1e9, 1e4  # units of the file, metres: beyond it no vertex is


def load_custom_head(source: Path) -> Head:
    """Read a user's head.

    A `.glb` or `.gltf` file has morph targets with ARKit's names in any usual spelling; a folder has `neutral.obj`
    and one OBJ a shape, all with the same vertex order. A `.ply` or `.obj` file with FLAME's or
    BIWI's vertex count is a template: it has no shapes, and shows vertices that a model for that topology made.

    The head is turned by right angles to look along +z with y up, and scaled by a power of ten to metres (see
    `landmarks.py`). It is not moved.

    Args:
        source: file or folder.

    Raises:
        InputError: it cannot be read, or holds none of the 52 shapes.
    """
    source = Path(source)
    suffix = source.suffix.lower()
    if os.path.isdir(source):  # bears names that no file can have
        return _from_primitives(source, _read_folder(source))
    if suffix in GLTF:
        return _from_primitives(source, read_gltf(source))
    if suffix in (".ply", ".obj"):
        return _template(source)
    if not os.path.exists(source):
        raise InputError(f"{source}: does not exist; check the path")
    raise InputError(
        f"{source}: is no head: name a .glb or .gltf file, a folder of .obj, or a FLAME or BIWI template (.ply)"
    )


def head_checksum(source: Path) -> str:
    """SHA-256 of a head's file with what it names beside it, or of all OBJs of its folder with their names.

    Raises:
        InputError: a file that it consists of cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for file in _objs(source) if source.is_dir() else [source]:
            if source.is_dir():
                digest.update(os.fsencode(file.name))
            digest.update(file.read_bytes())
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror})") from error
    if source.suffix.lower() in GLTF and not source.is_dir():
        for content in linked_content(source):
            digest.update(content)
    return digest.hexdigest()


def _objs(folder: Path) -> list[Path]:
    """Its OBJ files, however their suffix is written, sorted."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() == ".obj" and file.is_file())


def _read_folder(folder: Path) -> list[Primitive]:
    """A folder of OBJs as one piece."""
    files = {file.stem: file for file in _objs(folder)}
    by_name = {stem.lower(): file for stem, file in files.items()}
    neutral = next((by_name[name] for name in NEUTRAL_NAMES if name in by_name), None)
    if neutral is None:
        raise InputError(f"{folder}: holds no neutral.obj; a head's folder needs it and one OBJ a shape (jawOpen.obj)")
    vertices, faces = read_obj(neutral)
    targets = {}
    for stem, file in files.items():
        if file == neutral or arkit_name(stem) is None:
            continue
        moved, _ = read_obj(file)
        if len(moved) != len(vertices):
            raise InputError(f"{file}: has {len(moved)} vertices, {neutral.name} has {len(vertices)}")
        targets[stem] = moved - vertices
    return [Primitive((), vertices, faces.astype(np.int64), targets, None)]


def _template(source: Path) -> Head:
    """A head without shapes."""
    if (kind := true_kind_of(source)) is not None:
        raise InputError(f"{source}: {kind}")
    if source.suffix.lower() == ".obj":
        vertices, faces = read_obj(source)
    else:
        import trimesh

        try:
            # a texture would be looked for wherever the file says
            mesh = trimesh.load(source, process=False, force="mesh", skip_materials=True)
            vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
        except Exception as error:  # trimesh raises whatever its readers meet
            raise InputError(f"{source}: cannot be read as PLY ({type(error).__name__}: {error})") from error
        if not (np.abs(vertices) <= FARTHEST).all():
            raise InputError(f"{source}: holds vertices that are not finite, or absurdly far away")
        if len(faces) and not (faces.min() >= 0 and faces.max() < len(vertices)):
            raise InputError(f"{source}: a face names a vertex that does not exist (there are {len(vertices)})")
        vertices, faces = vertices.astype(np.float32), faces.astype(np.int32)
    if len(vertices) not in TEMPLATES:
        known = ", ".join(f"{count} ({name})" for count, name in TEMPLATES.items())
        raise InputError(
            f"{source}: has {len(vertices)} vertices; a single mesh must be a template of {known}. "
            f"Other heads need {LOOKED_FOR}: a .glb file or a folder of OBJs"
        )
    vertices = vertices * np.float32(metres(vertices, np.zeros((len(ARKIT_NAMES), *vertices.shape), np.float32)))
    return Head(
        name=source.name,
        identity=source.stem,
        neutral=vertices,
        faces=faces,
        shape_names=(),
        deltas=np.zeros((0, *vertices.shape), np.float32),
        regions={},
        parts={"skin": (0, len(faces))},
        colors=np.tile(np.array(COLOURS["skin"], np.uint8), (len(vertices), 1)),
        source=source,
    )


def _from_primitives(source: Path, primitives: list[Primitive]) -> Head:
    """One head of all pieces, vertices that are the same joined."""
    primitives = [piece for piece in primitives if len(piece.faces)]
    if not primitives:
        raise InputError(f"{source}: holds no triangles; a head needs {LOOKED_FOR}")
    vertices = np.concatenate([piece.vertices for piece in primitives])
    deltas = np.zeros((len(ARKIT_NAMES), *vertices.shape), np.float32)
    seen = {name for piece in primitives for name in piece.targets}
    speaks = has_visemes(seen)
    found, start = set(), 0
    for piece in primitives:
        own = set()
        stands_in = arkit_shapes(piece.targets, ARKIT_NAMES) if speaks else {}
        for name, offsets in [*piece.targets.items(), *stands_in.items()]:
            meant = arkit_name(name)
            if meant is not None and meant not in own:
                deltas[ARKIT_INDEX[meant], start : start + len(offsets)] = offsets
                own.add(meant)
        found |= {name for name in own if deltas[ARKIT_INDEX[name], start : start + len(piece.vertices)].any()}
        start += len(piece.vertices)
    if speaks:
        LOGGER.warning("%s: has visemes instead of ARKit's mouth shapes; its vowels follow the mouth", source)
    if not found:
        has = f"it has {', '.join(sorted(seen)[:MOST_NAMED])}" if seen else "it has no shapes at all"
        remedy = "; give the avatar 'perfect sync' expressions" if source.suffix.lower() == ".vrm" else ""
        raise InputError(f"{source}: has no shape to move it: looked for {LOOKED_FOR}; {has}{remedy}")
    missing = [name for name in ARKIT_NAMES if name not in found]
    if missing:
        LOGGER.warning("%s: lacks %d of 52 shapes, which are skipped: %s", source, len(missing), ", ".join(missing))
    _check_near(source, vertices, deltas, FAR[0])
    rotation = upright(vertices, deltas)
    scale = metres(vertices, deltas)
    turn = (scale * rotation.T).astype(np.float32)
    vertices, deltas = vertices @ turn, deltas @ turn
    _check_near(source, vertices, deltas, FAR[1])
    faces, parts, materials, colors, textures = _assemble(primitives, vertices)
    # OBJs keep their vertex order; glTF splits vertices along the seams of textures
    kept, place = (np.arange(len(vertices)),) * 2 if source.is_dir() else _weld(vertices, deltas)
    vertices, deltas = vertices[kept], np.ascontiguousarray(deltas[:, kept])
    faces = place[faces].astype(np.int32)
    return Head(
        name=source.name,
        identity=source.stem,
        neutral=vertices,
        faces=faces,
        shape_names=ARKIT_NAMES,
        deltas=deltas,
        regions=find_regions(vertices, deltas, faces, parts, materials),
        parts=parts,
        colors=np.round(np.nan_to_num(colors[kept]).clip(0, 1) * 255).astype(np.uint8),
        materials=materials,
        source=source,
        placement=scale * rotation,
        textures=textures,
    )


def _check_near(source: Path, vertices: np.ndarray, deltas: np.ndarray, limit: float) -> None:
    if not ((np.abs(vertices) < limit).all() and (np.abs(deltas) < limit).all()):
        raise InputError(f"{source}: is damaged (a vertex is moved out of sight, or nowhere); export the head again")


def _assemble(primitives: list[Primitive], vertices: np.ndarray) -> tuple[np.ndarray, dict, dict, np.ndarray, dict]:
    """Faces of all pieces, face range and material by part, colours (V, 3) in 0..1, and textures by part."""
    faces, parts, materials, textures = [], {}, {}, {}
    colors = np.empty((len(vertices), 3))
    start = first = 0
    for piece in primitives:
        stop = start + len(piece.vertices)
        material = material_of(*piece.names) if piece.names else "skin"
        if material == "other" and len(primitives) == 1:
            material = "skin"
        name = _part_name(piece.names[0] if piece.names else material, parts)
        if material == "glossy" and piece.colors is None and piece.texture is None:
            name, material = _plain_eye(name, vertices[start:stop], parts)
        colors[start:stop] = np.array(COLOURS[material]) / 255 if piece.colors is None else piece.colors
        parts[name], materials[name] = (first, first + len(piece.faces)), material
        if piece.texture is not None:
            textures[name] = PartTexture.of(piece.texture, piece.tint, piece.faces)
        faces.append(piece.faces + start)
        start, first = stop, first + len(piece.faces)
    return np.concatenate(faces), parts, materials, colors, textures


def _plain_eye(name: str, vertices: np.ndarray, parts: dict) -> tuple[str, str]:
    """An eyeball without colours gets an iris painted, if it is one ball on one side."""
    x = vertices[:, 0]
    side = "left" if x.min() > 0 else "right" if x.max() < 0 else None
    if side is None or f"eye_{side}" in parts:
        return name, "glossy"
    return f"eye_{side}", "eye"


def _part_name(wanted: str, taken: dict) -> str:
    number = 2
    name = wanted
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _weld(vertices: np.ndarray, deltas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join vertices that lie and move alike.

    Returns:
        Indices (N,) of the vertices that stay, in order, and each vertex's place among them (V,).
    """
    generator = np.random.default_rng(0)
    moves = np.tensordot(generator.standard_normal((2, len(deltas))), deltas, 1)  # (2, V, 3) tells motions apart
    key = np.concatenate([vertices, moves[0], moves[1]], axis=1)
    rounded = np.round(key * 1e6).astype(np.int64)  # a micrometre
    _, first, inverse = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse.reshape(-1)]
