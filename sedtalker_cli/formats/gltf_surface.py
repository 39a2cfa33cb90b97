"""What the pieces of a glTF file look like: their base colour, at the vertices and as a texture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedtalker_cli.formats.gltf_file import GltfFile

MOST_PIXELS = 1 << 26  # of a picture as it is in the file
SIDE = 2048  # of a picture as it is kept; larger ones are shrunk
PICTURES = ("PNG", "JPEG", "WEBP")  # all that glTF knows; Pillow's others may start programs
REPEAT, MIRROR, CLAMP = 10497, 33648, 33071  # glTF's (and OpenGL's) numbers


@dataclass(frozen=True)
class Texture:
    """The picture on a piece.

    Attributes:
        image: (H, W, 3) or, where it is cut out by its alpha, (H, W, 4) uint8, sRGB; the first row is at v = 0.
        uv: (V, 2) float32, place of each vertex on it; 0 to 1 is the picture once.
        wrap: what lies beyond it, sideways and downwards: `REPEAT`, `MIRROR` or `CLAMP`.
        cutoff: where alpha is below, nothing is shown; 0 where alpha does not count.
    """

    image: np.ndarray
    uv: np.ndarray
    wrap: tuple[int, int] = (REPEAT, REPEAT)
    cutoff: float = 0.0


@dataclass(frozen=True)
class Surface:
    """Base colour of a piece.

    Attributes:
        colors: (V, 3) float in 0..1, sRGB, with the texture sampled at the vertices; None where the file gives none.
        tint: the same without the texture, by which it is multiplied.
        texture: None where there is none, or it cannot be read.
    """

    colors: np.ndarray | None
    tint: np.ndarray
    texture: Texture | None


class Surfaces:
    """Reads the base colours of an open file; damage shows as in `GltfFile`."""

    def __init__(self, file: GltfFile) -> None:
        self._file = file
        self._images: dict[tuple[int, bool], np.ndarray | None] = {}

    def of(self, material: dict[str, Any], attributes: dict[str, int]) -> Surface:
        """The surface of a piece with a material and attributes as the file has them."""
        surface = material.get("pbrMetallicRoughness", {})
        linear = np.ones((self._file.entry("accessors", attributes["POSITION"])["count"], 3))
        known = "COLOR_0" in attributes or "baseColorFactor" in surface
        if "COLOR_0" in attributes:
            linear = self._file.accessor(attributes["COLOR_0"])[:, :3].astype(np.float64)
        factor = np.array(surface.get("baseColorFactor", (1.0, 1.0, 1.0, 1.0)), float)
        linear = linear * factor[:3]
        tint = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
        tint = np.clip(tint, 0.0, 1.0)
        cutoff = _cutoff(material, float(factor[-1]))
        texture = self._texture(surface.get("baseColorTexture", {}), cutoff, attributes)
        if texture is not None:
            return Surface(tint * _sampled(texture), tint, texture)
        if cutoff > 1:  # a cornea of glass: nothing of it is shown
            texture = Texture(np.full((1, 1, 4), 255, np.uint8), np.zeros((len(tint), 2), np.float32), cutoff=cutoff)
        return Surface(tint if known else None, tint, texture)

    def _texture(self, reference: dict[str, Any], cutoff: float, attributes: dict[str, int]) -> Texture | None:
        moved = reference.get("extensions", {}).get("KHR_texture_transform", {})
        place = f"TEXCOORD_{moved.get('texCoord', reference.get('texCoord', 0))}"
        if "index" not in reference or place not in attributes:
            return None
        entry = self._file.entry("textures", reference["index"])
        image = self._image(entry, cutoff > 0)
        if image is None:
            return None
        uv = self._file.accessor(attributes[place])
        if uv.shape != (self._file.entry("accessors", attributes["POSITION"])["count"], 2):
            raise ValueError(f"{place} has {uv.shape} numbers")
        uv = uv * moved.get("scale", (1.0, 1.0))
        sine, cosine = np.sin(moved.get("rotation", 0.0)), np.cos(moved.get("rotation", 0.0))
        uv = uv @ np.array([[cosine, -sine], [sine, cosine]]) + moved.get("offset", (0.0, 0.0))
        sampler = self._file.entry("samplers", entry["sampler"]) if "sampler" in entry else {}
        across, down = sampler.get("wrapS", REPEAT), sampler.get("wrapT", REPEAT)
        if {across, down} - {REPEAT, MIRROR, CLAMP}:
            raise ValueError(f"a texture is wrapped by {across}, {down}")
        return Texture(image, np.nan_to_num(uv).astype(np.float32), (across, down), cutoff)

    def _image(self, texture: dict[str, Any], alpha: bool) -> np.ndarray | None:
        """A texture's picture (H, W, 3 or 4) uint8; None where it cannot be read, e.g. in a format of its own."""
        from PIL import Image

        webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
        source = webp.get("source", texture.get("source"))
        if source is None:
            return None
        if (source, alpha) not in self._images:
            entry = self._file.entry("images", source)
            data = self._file.view(entry["bufferView"])[0] if "bufferView" in entry else self._file.uri(entry["uri"])
            found = None
            try:
                with Image.open(io.BytesIO(data), formats=PICTURES) as picture:
                    if picture.width * picture.height <= MOST_PIXELS:
                        picture.draft("RGB", (SIDE, SIDE))
                        whole = picture.convert("RGBA" if alpha else "RGB")
                        whole.thumbnail((SIDE, SIDE))
                        found = np.asarray(whole)
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
                pass
            self._images[source, alpha] = found
        return self._images[source, alpha]


def _cutoff(material: dict[str, Any], factor: float) -> float:
    """Alpha of the texture below which nothing is shown; what is half seen through is shown or not."""
    mode = material.get("alphaMode", "OPAQUE")
    if mode == "OPAQUE":
        return 0.0
    least = float(material.get("alphaCutoff", 0.5)) if mode == "MASK" else 0.5
    if not 0 <= least < np.inf:
        raise ValueError(f"alphaCutoff is {least}")
    return least / max(factor, 1e-6)


def _sampled(texture: Texture) -> np.ndarray:
    """Colours (V, 3) in 0..1 of a texture at the vertices."""
    height, width = texture.image.shape[:2]
    column, row = ((texture.uv % 1.0) * (width, height)).astype(int).clip(0, (width - 1, height - 1)).T
    return texture.image[row, column, :3] / 255.0
