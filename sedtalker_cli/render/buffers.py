"""A head's buffers in OpenGL: what stays for the film, and what changes with every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.face.drawn import drawn_vertices
from sedtalker_cli.face.normals import VertexNormals
from sedtalker_cli.render.folds import Folds
from sedtalker_cli.render.geometry import find_eyes, part_range, part_vertices
from sedtalker_cli.render.look import HAIR
from sedtalker_cli.render.occlusion import Occlusion

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.render.hair import Hair

# Shapes that lay bare what the neutral face hides; its light there is measured in this pose.
_REVEALING = {"jawOpen": 0.8, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}


class HeadBuffers:
    """Positions, normals, colours and triangles of one head in a vertex array, which is bound when it is made.

    Args:
        head: Topology, parts and neutral shape.

    Attributes:
        ranges: triangles (start, stop) of each part; those of parts that are cut out by a picture's alpha come last.
        solid: indices of the triangles before those, which keep light from others.
    """

    def __init__(self, head: Head) -> None:
        from OpenGL import GL

        self._gl, self._head = GL, head
        drawn = drawn_vertices(head)
        self._source = drawn.source if head.textures else None
        self._normals, self._folds = VertexNormals(head.faces, len(head.neutral)), Folds(head)
        gl = GL
        neutral = np.ascontiguousarray(head.neutral, np.float32)
        self._array = gl.glGenVertexArrays(1)
        gl.glBindVertexArray(self._array)
        self._buffers = gl.glGenBuffers(7)
        rest = neutral.copy()
        eyes = find_eyes(head)
        if eyes is not None:
            for centre, side in zip(eyes.centres, eyes.vertices, strict=True):
                rest[side] = (neutral[side] - centre) / eyes.radius
        paint = np.full((len(drawn.source), 4), 255, np.uint8)
        paint[:, :3] = drawn.colors
        nowhere = np.zeros((len(drawn.source), 3), np.float32)
        layout = (
            (nowhere, gl.GL_FLOAT, gl.GL_STREAM_DRAW),
            (nowhere, gl.GL_FLOAT, gl.GL_STREAM_DRAW),
            (paint, gl.GL_UNSIGNED_BYTE, gl.GL_STATIC_DRAW),
            (self._as_drawn(rest), gl.GL_FLOAT, gl.GL_STATIC_DRAW),
            (self._as_drawn(self._folds(neutral)), gl.GL_FLOAT, gl.GL_STREAM_DRAW),
            *([(drawn.uv, gl.GL_FLOAT, gl.GL_STATIC_DRAW)] if head.textures else []),
        )
        for location, (data, kind, usage) in enumerate(layout):
            gl.glBindBuffer(gl.GL_ARRAY_BUFFER, self._buffers[location])
            gl.glBufferData(gl.GL_ARRAY_BUFFER, data.nbytes, data, usage)
            gl.glEnableVertexAttribArray(location)
            gl.glVertexAttribPointer(location, data.shape[1], kind, kind != gl.GL_FLOAT, 0, None)
        indices = np.ascontiguousarray(self._order(drawn.faces), np.uint32)
        gl.glBindBuffer(gl.GL_ELEMENT_ARRAY_BUFFER, self._buffers[6])
        gl.glBufferData(gl.GL_ELEMENT_ARRAY_BUFFER, indices.nbytes, indices, gl.GL_STATIC_DRAW)
        gl.glEnable(gl.GL_DEPTH_TEST)
        paint[:, 3] = self._as_drawn(np.round(self._measure_visibility(neutral) * 255))
        self._paint = paint
        self._upload_paint()

    def bind(self) -> None:
        """Let what is drawn next be this head."""
        self._gl.glBindVertexArray(self._array)

    def _order(self, faces: np.ndarray) -> np.ndarray:
        """The faces of all parts, with `ranges` and `solid` noted."""
        parts = {part: faces[slice(*part_range(self._head, part))] for part in self._head.parts}
        cut = [part for part, texture in self._head.textures.items() if texture.cutoff]
        order = [part for part in parts if part not in cut] + cut
        stops = np.cumsum([len(parts[part]) for part in order]).tolist()
        self.ranges = {part: (stop - len(parts[part]), stop) for part, stop in zip(order, stops, strict=True)}
        self.solid = 3 * sum(len(parts[part]) for part in parts if part not in cut)
        return np.concatenate([parts[part] for part in order])

    def _as_drawn(self, values: np.ndarray) -> np.ndarray:
        """What belongs to the head's vertices (V, ...), for those that are drawn (D, ...)."""
        return values if self._source is None else values[self._source]

    def upload(self, vertices: np.ndarray) -> np.ndarray:
        """Overwrite positions (V, 3) float32 in place, creases, and normals (V, 3), which are returned."""
        normals = self._normals(vertices)
        gl = self._gl
        changing = (self._buffers[0], self._buffers[1], self._buffers[4])
        for buffer, values in zip(changing, (vertices, normals, self._folds(vertices)), strict=True):
            data = self._as_drawn(values)
            gl.glBindBuffer(gl.GL_ARRAY_BUFFER, buffer)
            gl.glBufferSubData(gl.GL_ARRAY_BUFFER, 0, data.nbytes, data)
        return normals

    def upload_paint(self, colors: np.ndarray) -> None:
        """Overwrite the colours of the vertices, (V, 3) uint8 sRGB, beside which stands how much light reaches them."""
        self._paint[:, :3] = self._as_drawn(colors)
        self._upload_paint()

    def _upload_paint(self) -> None:
        gl = self._gl
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, self._buffers[2])
        gl.glBufferSubData(gl.GL_ARRAY_BUFFER, 0, self._paint.nbytes, self._paint)

    def close(self) -> None:
        """Give the memory back."""
        gl = self._gl
        gl.glDeleteVertexArrays(1, [self._array])
        gl.glDeleteBuffers(len(self._buffers), self._buffers)

    def _measure_visibility(self, neutral: np.ndarray) -> np.ndarray:
        """Ambient visibility (V,): of the neutral face, and where that hides something, of the face that shows it."""
        head = self._head
        weights = np.array([[_REVEALING.get(name, 0.0) for name in head.shape_names]], np.float32)
        poses = [neutral]
        if weights.any():
            poses.append(np.ascontiguousarray(head.vertices(weights)[0], np.float32))
        occlusion = Occlusion()
        visible = np.zeros(len(neutral), np.float32)
        for pose in poses:
            normals = self.upload(pose)
            np.maximum(visible, occlusion.measure(pose, normals, self.solid), out=visible)
        occlusion.close()
        # Teeth and eyes sit in hollows; as dark as those are they would look dirty.
        for name in ("teeth_upper", "teeth_lower", "eye_left", "eye_right"):
            inside = part_vertices(head, name)
            visible[inside] = 0.45 + 0.55 * visible[inside]
        for name in ("lips", "mouth", "tongue"):  # flesh lets light through; pitch-black corners look like holes
            inside = part_vertices(head, name)
            visible[inside] = 0.60 + 0.40 * visible[inside]
        return visible


class HairBuffers:
    """Hair in a vertex array; laid out as `HeadBuffers`, with strands for the rest shape and growth for the creases.

    Args:
        hair: as of `hair.grow_hair`.
    """

    def __init__(self, hair: Hair) -> None:
        from OpenGL import GL

        self._gl, self._hair = GL, hair
        gl = GL
        self._array = gl.glGenVertexArrays(1)
        gl.glBindVertexArray(self._array)
        self._buffers = gl.glGenBuffers(6)
        height = hair.growth[:, 1:]
        paint = np.empty((len(hair.vertices), 4), np.uint8)
        paint[:, :3] = HAIR
        paint[:, 3:] = np.round(255 * (0.45 + 0.55 * height))  # less light reaches the roots
        layout = (
            (hair.vertices, gl.GL_FLOAT, gl.GL_STREAM_DRAW),
            (hair.normals, gl.GL_FLOAT, gl.GL_STREAM_DRAW),
            (paint, gl.GL_UNSIGNED_BYTE, gl.GL_STATIC_DRAW),
            (hair.strand, gl.GL_FLOAT, gl.GL_STATIC_DRAW),
            (hair.growth, gl.GL_FLOAT, gl.GL_STATIC_DRAW),
        )
        for location, (data, kind, usage) in enumerate(layout):
            gl.glBindBuffer(gl.GL_ARRAY_BUFFER, self._buffers[location])
            gl.glBufferData(gl.GL_ARRAY_BUFFER, data.nbytes, data, usage)
            gl.glEnableVertexAttribArray(location)
            gl.glVertexAttribPointer(location, data.shape[1], kind, kind != gl.GL_FLOAT, 0, None)
        gl.glBindBuffer(gl.GL_ELEMENT_ARRAY_BUFFER, self._buffers[5])
        gl.glBufferData(gl.GL_ELEMENT_ARRAY_BUFFER, hair.faces.nbytes, hair.faces, gl.GL_STATIC_DRAW)

    def bind(self) -> None:
        """Let what is drawn next be this hair."""
        self._gl.glBindVertexArray(self._array)

    def upload(self, vertices: np.ndarray) -> np.ndarray:
        """Move the hair to a pose (V, 3) of its head; returns its vertices (H, 3)."""
        rotation, shift = self._hair.place(vertices)
        moved = (self._hair.vertices @ rotation.T + shift).astype(np.float32)
        turned = (self._hair.normals @ rotation.T).astype(np.float32)
        gl = self._gl
        for buffer, data in zip(self._buffers[:2], (moved, turned), strict=True):
            gl.glBindBuffer(gl.GL_ARRAY_BUFFER, buffer)
            gl.glBufferSubData(gl.GL_ARRAY_BUFFER, 0, data.nbytes, data)
        return moved

    def close(self) -> None:
        """Give the memory back."""
        gl = self._gl
        gl.glDeleteVertexArrays(1, [self._array])
        gl.glDeleteBuffers(len(self._buffers), self._buffers)
