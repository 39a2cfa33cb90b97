"""The key light's shadow: a depth map as seen from the light, drawn anew for every frame."""

from __future__ import annotations

import numpy as np

from sedtalker_cli.render.geometry import depth_matrix
from sedtalker_cli.render.gl import compile_program
from sedtalker_cli.render.shaders import DEPTH_FRAGMENT, DEPTH_VERTEX

SIZE = 384  # pixels of the map
SPREAD = 0.0022  # metres between the 5 x 5 places that are asked: how soft the edge is
ALONG_NORMAL, IN_DEPTH = 0.004, 0.003  # metres that keep a surface from shading itself


class KeyShadow:
    """Draws the map with the vertex and index buffers that the scene has bound.

    Args:
        neutral: (V, 3) of the head at rest; with some room around, it decides what the map covers [m].
        direction: (3,) from the head to the light, of length 1.
    """

    def __init__(self, neutral: np.ndarray, direction: np.ndarray) -> None:
        from OpenGL import GL

        self._gl = GL
        centre = (neutral.min(0) + neutral.max(0)) / 2
        self._radius = float(np.linalg.norm(neutral - centre, axis=1).max()) * 1.1
        self._matrix = depth_matrix(centre, self._radius, direction)
        self._program = compile_program(DEPTH_VERTEX, DEPTH_FRAGMENT)
        self._texture = GL.glGenTextures(1)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
        GL.glTexImage2D(
            *(GL.GL_TEXTURE_2D, 0, GL.GL_DEPTH_COMPONENT24, SIZE, SIZE, 0),
            *(GL.GL_DEPTH_COMPONENT, GL.GL_FLOAT, None),
        )
        for name, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_COMPARE_MODE, GL.GL_COMPARE_REF_TO_TEXTURE),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, value)
        self._target = GL.glGenFramebuffers(1)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._target)
        GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, GL.GL_TEXTURE_2D, self._texture, 0)
        GL.glDrawBuffer(GL.GL_NONE)

    def bind(self, program: int) -> None:
        """Let a program, which is in use, look the map up."""
        gl = self._gl
        to_map = np.diag([0.5, 0.5, 0.5, 1.0]).astype(np.float32)
        to_map[:3, 3] = 0.5
        gl.glUniformMatrix4fv(gl.glGetUniformLocation(program, "shadow_matrix"), 1, True, to_map @ self._matrix)
        gl.glUniform1i(gl.glGetUniformLocation(program, "shadow_map"), 0)
        step = (SPREAD / self._radius / 2, ALONG_NORMAL, IN_DEPTH / self._radius / 2)
        gl.glUniform3f(gl.glGetUniformLocation(program, "shadow_step"), *step)

    def draw(self, index_count: int) -> None:
        """Draw the map of the pose in the bound vertex array, and leave it bound as the texture."""
        gl = self._gl
        gl.glUseProgram(self._program)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self._target)
        gl.glViewport(0, 0, SIZE, SIZE)
        gl.glDisable(gl.GL_CULL_FACE)
        gl.glUniformMatrix4fv(gl.glGetUniformLocation(self._program, "view_projection"), 1, True, self._matrix)
        gl.glClear(gl.GL_DEPTH_BUFFER_BIT)
        gl.glDrawElements(gl.GL_TRIANGLES, index_count, gl.GL_UNSIGNED_INT, None)
        gl.glActiveTexture(gl.GL_TEXTURE0)
        gl.glBindTexture(gl.GL_TEXTURE_2D, self._texture)

    def close(self) -> None:
        """Give the memory back."""
        gl = self._gl
        gl.glDeleteFramebuffers(1, [self._target])
        gl.glDeleteTextures([self._texture])
        gl.glDeleteProgram(self._program)
