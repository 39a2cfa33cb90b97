"""Drawing without OpenGL: the head's triangles from back to front, shaded at their corners, by Matplotlib's Agg.

It needs no library of the system and is about as fast as software OpenGL, but plainer: no shadows, no highlights, no
hair, no light that creases keep out; where triangles lie close together one may be drawn over the other wrongly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.face.normals import VertexNormals
from sedtalker_cli.render import look
from sedtalker_cli.render.geometry import frame_head
from sedtalker_cli.render.view import GRADIENT, TRANSPARENT, View

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

AMBIENT = 0.19


class PaintedScene:
    """Draws one head; stands in for `scene.HeadScene`.

    Args:
        head: Topology, parts and neutral shape.
        width, height: Of the picture [pixels].
        view: Camera and background; shadows and hair are not drawn.
    """

    def __init__(self, head: Head, width: int, height: int, view: View) -> None:
        from matplotlib.backends.backend_agg import RendererAgg
        from matplotlib.transforms import IdentityTransform

        self.width, self.height = width, height
        self._head = head
        self._framing = frame_head(head, width / height, view.camera)
        self._normals = VertexNormals(head.faces, len(head.neutral))
        self._agg = RendererAgg(width, height, 72)
        self._gc, self._identity = self._agg.new_gc(), IdentityTransform()
        self._backdrop = self._make_backdrop(view)
        self._opaque = view.background != TRANSPARENT
        directions = {name: np.array(place) @ self._framing.basis for name, (place, _) in look.LIGHTS.items()}
        self._lights = [
            (direction / np.linalg.norm(direction), np.array(look.LIGHTS[name][1]))
            for name, direction in directions.items()
            if name != "rim"
        ]
        self._wrap = np.zeros((len(head.neutral), 3))
        self._lift = np.zeros(len(head.faces), np.float32)
        self._two_sided = np.zeros(len(head.faces), bool)
        for part, (start, stop) in head.parts.items():
            material = look.MATERIALS[head.materials[part]]
            self._wrap[head.faces[start:stop]] = material.wrap
            self._two_sided[start:stop] = material.surface == "two_sided"
            # sorted by their middles, lids would sink into the eyeballs and lashes into the lids
            self._lift[start:stop] = {"lashes": 0.008, "eye": -0.004, "glossy": -0.004}.get(head.materials[part], 0.0)
        self._base = self._linear(head.colors)

    def __enter__(self) -> PaintedScene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held."""

    def draw(self, vertices: np.ndarray, out: np.ndarray | None = None, colors: np.ndarray | None = None) -> np.ndarray:
        """Draw one frame; see `HeadScene.draw`."""
        if out is None:
            out = np.empty((self.height, self.width, 4), np.uint8)
        if colors is not None:
            self._base = self._linear(colors)
        faces = self._head.faces
        points = self._framing.project(vertices, self.width, self.height)
        corners = points[faces]
        a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        front = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] < 0
        shown = np.flatnonzero(front | self._two_sided)
        depth = (vertices @ self._framing.basis[2].astype(np.float32))[faces[shown]].mean(1) + self._lift[shown]
        shown = shown[np.argsort(depth)]
        triangles = corners[shown]
        triangles[..., 1] = self.height - triangles[..., 1]
        shades = np.ones((len(vertices), 4))
        shades[:, :3] = self._shade(self._normals(vertices))
        self._agg.clear()
        self._agg.draw_gouraud_triangles(self._gc, triangles, shades[faces[shown]], self._identity)
        drawn = np.asarray(self._agg.buffer_rgba())  # its colours are not multiplied by alpha
        alpha = drawn[..., 3:].astype(np.uint16)
        mixed = (drawn[..., :3] * alpha + self._backdrop[..., :3] * (255 - alpha)) // 255
        out[..., :3] = mixed
        out[..., 3] = 255 if self._opaque else drawn[..., 3]
        return out

    def _shade(self, normals: np.ndarray) -> np.ndarray:
        """Colours (V, 3) in 0..1 of vertices with these normals."""
        light = AMBIENT + 0.05 * normals[:, 1:2]
        for direction, color in self._lights:
            light = light + color * np.clip(((normals @ direction)[:, None] + self._wrap) / (1 + self._wrap), 0, 1)
        return np.clip(np.sqrt(self._base * light), 0.0, 1.0)

    @staticmethod
    def _linear(colors: np.ndarray) -> np.ndarray:
        return (colors / 255.0) ** 2

    def _make_backdrop(self, view: View) -> np.ndarray:
        """(height, width, 4) uint8."""
        picture = np.zeros((self.height, self.width, 4), np.uint8)
        if view.background == GRADIENT:
            y, x = np.mgrid[0 : self.height, 0 : self.width]
            aspect = self.width / self.height
            distance = np.hypot((x / self.width - 0.5) * aspect, y / self.height - 0.45)[..., None]
            share = np.clip(distance / 1.1, 0, 1)
            light = 1.25 - 0.95 * share * share * (3 - 2 * share)
            picture[..., :3] = np.sqrt(np.array(look.BACKDROP) * light) * 255
        elif view.background != TRANSPARENT:
            picture[..., :3] = view.background
        picture[..., 3] = 0 if view.background == TRANSPARENT else 255
        return picture
