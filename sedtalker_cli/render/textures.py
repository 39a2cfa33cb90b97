"""Pictures on the parts of a head, in OpenGL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sedtalker_cli.render.programs import set_uniform

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

UNIT = 1  # 0 is the shadow's


class PartTextures:
    """The pictures of a head, each loaded once.

    Args:
        head: its `textures`, if it has any.
    """

    def __init__(self, head: Head) -> None:
        from OpenGL import GL

        self._gl, self._textures = GL, head.textures
        self._names: dict[tuple[int, tuple[int, int]], int] = {}
        for texture in head.textures.values():
            key = id(texture.image), texture.wrap
            if key not in self._names:
                self._names[key] = self._load(texture.image, texture.wrap)

    def __contains__(self, part: str) -> bool:
        return part in self._textures

    def bind(self, program: int, part: str) -> None:
        """Let a program, which is in use, paint with a part's picture."""
        gl, texture = self._gl, self._textures[part]
        gl.glActiveTexture(gl.GL_TEXTURE0 + UNIT)
        gl.glBindTexture(gl.GL_TEXTURE_2D, self._names[id(texture.image), texture.wrap])
        gl.glActiveTexture(gl.GL_TEXTURE0)
        gl.glUniform1i(gl.glGetUniformLocation(program, "picture"), UNIT)
        set_uniform(program, "cutoff", texture.cutoff)

    def close(self) -> None:
        """Give the memory back."""
        if self._names:
            self._gl.glDeleteTextures([*self._names.values()])

    def _load(self, image, wrap: tuple[int, int]) -> int:
        gl = self._gl
        name = gl.glGenTextures(1)
        gl.glActiveTexture(gl.GL_TEXTURE0 + UNIT)
        gl.glBindTexture(gl.GL_TEXTURE_2D, name)
        height, width, channels = image.shape
        kind, storage = ((gl.GL_RGB, gl.GL_RGB8), (gl.GL_RGBA, gl.GL_RGBA8))[channels - 3]
        gl.glPixelStorei(gl.GL_UNPACK_ALIGNMENT, 1)
        gl.glTexImage2D(
            *(gl.GL_TEXTURE_2D, 0, storage, width, height, 0),
            *(kind, gl.GL_UNSIGNED_BYTE, image.tobytes()),
        )
        gl.glPixelStorei(gl.GL_UNPACK_ALIGNMENT, 4)
        gl.glGenerateMipmap(gl.GL_TEXTURE_2D)
        for what, value in (
            (gl.GL_TEXTURE_MIN_FILTER, gl.GL_LINEAR_MIPMAP_LINEAR),
            (gl.GL_TEXTURE_MAG_FILTER, gl.GL_LINEAR),
            (gl.GL_TEXTURE_WRAP_S, wrap[0]),
            (gl.GL_TEXTURE_WRAP_T, wrap[1]),
        ):
            gl.glTexParameteri(gl.GL_TEXTURE_2D, what, value)
        gl.glActiveTexture(gl.GL_TEXTURE0)
        return int(name)
