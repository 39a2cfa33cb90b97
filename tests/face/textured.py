"""A face of few vertices with a picture of many colours."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.face.gltf_files import GltfBuilder

RED, BLUE = (220, 40, 30), (30, 60, 210)
SQUARES = 6  # of the board a side


def board(alpha: bool = False) -> Image.Image:
    """Red and blue squares; with alpha, the blue ones are not there."""
    squares = np.indices((SQUARES, SQUARES)).sum(0) % 2
    pixels = np.where(squares[..., None], BLUE, RED).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    if not alpha:
        return Image.fromarray(pixels)
    seen = np.where(squares, 0, 255).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    return Image.fromarray(np.dstack([pixels, seen]))


def add_picture(build: GltfBuilder, picture: Image.Image, **sampler: int) -> int:
    """Put a picture into a file; returns the texture's index."""
    data = io.BytesIO()
    picture.save(data, "PNG")
    content = build.content
    for kind in ("images", "samplers", "textures"):
        content.setdefault(kind, [])
    content["images"].append({"bufferView": build.view(data.getvalue()), "mimeType": "image/png"})
    content["samplers"].append(sampler)
    content["textures"].append({"source": len(content["images"]) - 1, "sampler": len(content["samplers"]) - 1})
    return len(content["textures"]) - 1


def plate(path: Path, alpha: bool = False, name: str = "Head", **facts) -> Path:
    """A plate of 3 x 3 vertices, 20 cm wide and high, whose lower edge is the jaw, with a board once across it.

    Args:
        alpha: whether the blue squares are cut out.
        facts: of the material, beside its picture.
    """
    build = GltfBuilder()
    y, x = (values.ravel() for values in np.mgrid[0.1:-0.1:3j, -0.1:0.1:3j])
    vertices = np.stack([x, y, 0.02 - x * x], axis=1)
    corner = np.array([0, 1, 3, 4])
    faces = np.concatenate(
        [np.stack(t, 1) for t in ((corner, corner + 3, corner + 1), (corner + 1, corner + 3, corner + 4))]
    )
    jaw = np.where(vertices[:, 1:2] < -0.05, (0.0, -0.03, 0.0), 0.0)[None]
    mesh = build.mesh(name, vertices, faces, jaw, ["jawOpen"], material=name)
    attributes = build.content["meshes"][mesh]["primitives"][0]["attributes"]
    attributes["TEXCOORD_0"] = build.accessor(np.stack([x / 0.2 + 0.5, 0.5 - y / 0.2], 1).astype(np.float32))
    surface = {"baseColorTexture": {"index": add_picture(build, board(alpha))}}
    build.content["materials"][0] |= {"pbrMetallicRoughness": surface, **facts}
    build.node(mesh=mesh, name=name)
    return build.write(path)
