"""Whether identities are kept: the neutral pose through every file, and motion against the size of the face.

    python benchmarks/identity.py [--seeds 40] [--out identity.png]

Prints the largest error of the neutral pose [mm], and for some shapes how the size of their motion follows the part of
the face that they move; the figure shows the latter, one dot a face.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# shape, region that moves, axis, regions whose common extent along that axis it should follow
MEASURES = (
    ("mouthPucker", "mouth_corner_points", 0, ("mouth_corner_points",)),
    ("mouthStretchLeft", "mouth_corner_points", 0, ("mouth_corner_points",)),
    ("jawOpen", "inner_lips_lower", 1, ("nose", "jaw")),
    ("browInnerUp", "brows", 1, ("upper_face",)),
)


def neutral_error(identity: str, folder: Path) -> float:
    """Largest distance [mm] between an identity's neutral pose and what its files say of a face at rest."""
    import trimesh

    from sedtalker_cli.face.head import load_head
    from sedtalker_cli.motion.motion import Motion
    from sedtalker_cli.outputs.exports.registry import write_exports

    head = load_head(identity)
    rest = np.zeros((1, len(head.shape_names)), np.float32)
    write_exports(folder / "a", Motion(head, 30, 1, lambda: head.stream(rest), rest), ("glb", "npy", "obj"))
    found = [
        np.load(folder / "a.npy")[0][head.faces.ravel()],
        np.asarray(trimesh.load(folder / "a.obj/000000.obj", process=False).vertices)[head.faces.ravel()],
        np.concatenate([m.vertices[m.faces.ravel()] for m in trimesh.load(folder / "a.glb").geometry.values()]),
    ]
    return 1000 * max(np.linalg.norm(v - head.neutral[head.faces.ravel()], axis=1).max() for v in found)


def measure(identity: str) -> list[tuple[float, float]]:
    """(size of the part [mm], size of its motion [mm]) for every measure."""
    from sedtalker_cli.face.arkit import ARKIT_INDEX
    from sedtalker_cli.face.head import load_head

    head = load_head(identity)
    found = []
    for name, moved, axis, parts in MEASURES:
        part = np.concatenate([head.regions[name] for name in parts])
        motion = np.abs(head.deltas[ARKIT_INDEX[name]][head.regions[moved], axis]).max()
        found.append((1000 * float(np.ptp(head.neutral[part, axis])), 1000 * float(motion)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40, help="random faces besides the named ones")
    parser.add_argument("--out", type=Path, default=Path("identity.png"))
    options = parser.parse_args()
    from matplotlib.figure import Figure

    from sedtalker_cli.face.identity import list_identities

    people = [*list_identities(), *map(str, range(options.seeds))]
    with tempfile.TemporaryDirectory() as folder:
        worst = max(neutral_error(person, Path(folder)) for person in people[: len(list_identities())])
    print(f"neutral pose of {len(list_identities())} identities through NPY, OBJ and glTF: at most {worst:.5f} mm off")
    values = np.array([measure(person) for person in people])  # (people, measures, 2)
    figure = Figure((12, 3.4), layout="constrained")
    for place, ((name, *_, parts), axes) in enumerate(zip(MEASURES, figure.subplots(1, len(MEASURES)), strict=True)):
        size, motion = values[:, place].T
        ratio = motion / size
        part = " to ".join(parts)
        correlation = np.corrcoef(size, motion)[0, 1]
        print(
            f"{name}: {motion.min():.1f} to {motion.max():.1f} mm where {part} measures {size.min():.0f} to "
            f"{size.max():.0f} mm; r {correlation:.2f}, share {ratio.mean():.2f} +- {ratio.std():.3f}"
        )
        axes.scatter(size, motion, s=12)
        axes.plot([0, size.max()], [0, ratio.mean() * size.max()], color="grey", linewidth=1)
        axes.set(xlabel=f"{part} [mm]", ylabel=f"{name} [mm]", xlim=(0.7 * size.min(), None), ylim=(0, None))
    figure.savefig(options.out, dpi=110)
    print(options.out)


if __name__ == "__main__":
    main()
