"""Ambient visibility of vertices: how much of the surrounding light reaches each, found once with depth maps."""

from __future__ import annotations

import numpy as np

from sedtalker_cli.render.geometry import depth_matrix
from sedtalker_cli.render.gl import Framebuffer, compile_program
from sedtalker_cli.render.shaders import DEPTH_FRAGMENT, DEPTH_VERTEX

_DIRECTIONS = 32
_SIZE = 160


def fibonacci_directions(count: int) -> np.ndarray:
    """Directions spread evenly over the sphere (golden-angle spiral): (count, 3) of length 1."""
    step = np.arange(count) + 0.5
    y = 1 - 2 * step / count
    angle = np.pi * (1 + np.sqrt(5)) * step
    ring = np.sqrt(1 - y * y)
    return np.stack([np.cos(angle) * ring, y, np.sin(angle) * ring], axis=1)


class Occlusion:
    """Measures visibility with the vertex and index buffers that the scene has bound.

    For each of many directions the head is drawn as seen from there, depth alone; a vertex that is not behind
    something gets light from that direction, weighted by the cosine to its normal.
    """

    def __init__(self) -> None:
        self._program = compile_program(DEPTH_VERTEX, DEPTH_FRAGMENT)
        self._target = Framebuffer(_SIZE, _SIZE)

    def measure(self, vertices: np.ndarray, normals: np.ndarray, index_count: int) -> np.ndarray:
        """Measure one pose, whose positions are in the bound vertex array.

        Args:
            vertices: (V, 3) [m].
            normals: (V, 3) of length 1.
            index_count: of the indices of the triangles that keep light off.

        Returns:
            (V,) float32 in 0..1.
        """
        from OpenGL import GL

        centre = (vertices.min(0) + vertices.max(0)) / 2
        radius = float(np.linalg.norm(vertices - centre, axis=1).max()) * 1.01
        GL.glUseProgram(self._program)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._target.name)
        GL.glViewport(0, 0, _SIZE, _SIZE)
        GL.glDisable(GL.GL_CULL_FACE)
        place = GL.glGetUniformLocation(self._program, "view_projection")
        depth = np.empty((_SIZE, _SIZE), np.float32)
        seen = np.zeros(len(vertices))
        total = np.zeros(len(vertices))
        for direction in fibonacci_directions(_DIRECTIONS):
            matrix = depth_matrix(centre, radius, direction)
            GL.glUniformMatrix4fv(place, 1, True, matrix)
            GL.glClear(GL.GL_DEPTH_BUFFER_BIT)
            GL.glDrawElements(GL.GL_TRIANGLES, index_count, GL.GL_UNSIGNED_INT, None)
            GL.glReadPixels(0, 0, _SIZE, _SIZE, GL.GL_DEPTH_COMPONENT, GL.GL_FLOAT, depth)
            # Asking from a little above the surface keeps it from shading itself.
            local = (vertices + normals * (0.02 * radius)) @ matrix[:3, :3].T + matrix[:3, 3]
            column, row = ((local[:, :2] * 0.5 + 0.5) * _SIZE).astype(int).clip(0, _SIZE - 1).T
            free = local[:, 2] * 0.5 + 0.5 <= depth[row, column] + 0.004
            cosine = np.maximum(normals @ direction, 0)
            seen += cosine * free
            total += cosine
        return (seen / np.maximum(total, 1e-9)).astype(np.float32)

    def close(self) -> None:
        """Give the memory back."""
        from OpenGL import GL

        self._target.close()
        GL.glDeleteProgram(self._program)
