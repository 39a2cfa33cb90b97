"""A head in front of a camera under three soft lights, drawn frame by frame into arrays.

pyrender gives the context, the scene's description (camera, lights) and its matrices; drawing is done here, with
one set of buffers for a whole film. Antialiasing is by drawing twice as large in both directions and
averaging on the way out: software OpenGL does that three times as fast as 4x multisampling.
"""

from __future__ import annotations

import ctypes
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.errors import SedtalkerError
from sedtalker_cli.render import look, shaders
from sedtalker_cli.render.buffers import HairBuffers, HeadBuffers
from sedtalker_cli.render.geometry import FIELD_OF_VIEW, frame_head
from sedtalker_cli.render.gl import Framebuffer, compile_program, ensure_opengl, on_drawing_thread
from sedtalker_cli.render.hair import grow_hair
from sedtalker_cli.render.programs import compile_surfaces, light_direction, set_uniform
from sedtalker_cli.render.shadow import KeyShadow
from sedtalker_cli.render.textures import PartTextures
from sedtalker_cli.render.view import GRADIENT, TRANSPARENT, View

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

__all__ = ["HeadScene", "describe_scene", "ensure_opengl"]

SUPERSAMPLING = 2
DEFAULT_VIEW = View()


def describe_scene(head: Head, width: int, height: int, camera: str = "front") -> Any:
    """Describe camera and lights as a pyrender scene (without the mesh).

    Args:
        head: Its neutral shape decides where the camera stands.
        width, height: Of the picture [pixels].
        camera: see `view.CAMERAS`; the lights move with it.

    Returns:
        `pyrender.Scene` with nodes `camera`, `key`, `fill` and `rim`.
    """
    ensure_opengl()
    import pyrender

    framing = frame_head(head, width / height, camera)
    scene = pyrender.Scene(bg_color=(*np.sqrt(look.BACKDROP), 1.0), ambient_light=(0.15, 0.15, 0.15))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = framing.basis.T, framing.eye
    lens = pyrender.PerspectiveCamera(FIELD_OF_VIEW, znear=framing.near, zfar=framing.far, aspectRatio=width / height)
    scene.add(lens, pose=pose, name="camera")
    for name, (direction, colour) in look.LIGHTS.items():
        pose = np.eye(4)
        pose[:3, 2] = direction @ framing.basis / np.linalg.norm(direction)  # a light shines along its own -z
        pose[:3, 0] = np.cross([0.0, 1.0, 0.0], pose[:3, 2])
        pose[:3, 0] /= np.linalg.norm(pose[:3, 0])
        pose[:3, 1] = np.cross(pose[:3, 2], pose[:3, 0])
        strength = max(colour)
        light = pyrender.DirectionalLight(color=np.array(colour) / strength, intensity=strength)
        scene.add(light, pose=pose, name=name)
    return scene


class HeadScene:
    """Draws one head, from any thread; use as a context manager.

    Args:
        head: Topology, parts and neutral shape.
        width, height: Of the picture [pixels].
        view: Camera, background, shadow.

    Raises:
        SedtalkerError: There is no OpenGL, or the picture is too large for it.
    """

    @on_drawing_thread
    def __init__(self, head: Head, width: int, height: int, view: View = DEFAULT_VIEW) -> None:
        self.platform = ensure_opengl()
        from OpenGL import GL  # only now: its first import binds it to the platform

        self._gl = GL
        self.width, self.height = width, height
        limit = int(GL.glGetIntegerv(GL.GL_MAX_RENDERBUFFER_SIZE))
        if SUPERSAMPLING * max(width, height) > limit:
            raise SedtalkerError(f"OpenGL draws at most {limit // SUPERSAMPLING} pixels a side, not {width}x{height}")
        self._head, self._view = head, view
        self._framing = frame_head(head, width / height, view.camera)
        scene = describe_scene(head, width, height, view.camera)
        self._roi = (width, height, 0, 0)  # left, top, right, bottom of what the head has covered so far
        self._draw_target = Framebuffer(width * SUPERSAMPLING, height * SUPERSAMPLING)
        self._backdrop_target = Framebuffer(width * SUPERSAMPLING, height * SUPERSAMPLING, depth=False)
        self._output_target = Framebuffer(width, height, depth=False)
        self._buffers, self._textures = HeadBuffers(head), PartTextures(head)
        self._hair = grow_hair(head) if view.hair else None
        self._hair_buffers = None if self._hair is None else HairBuffers(self._hair)
        self._shadow = KeyShadow(head.neutral, light_direction(scene, "key")) if view.shadow else None
        self._programs, self._rim_colour = compile_surfaces(
            scene, self._framing, width, height, self._shadow, bool(head.textures)
        )
        self._draw_backdrop()

    def __enter__(self) -> HeadScene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @on_drawing_thread
    def close(self) -> None:
        """Give the memory back; the context stays for the next film."""
        gl = self._gl
        if self._shadow is not None:
            self._shadow.close()
        for target in (self._draw_target, self._backdrop_target, self._output_target):
            target.close()
        self._buffers.close()
        self._textures.close()
        if self._hair_buffers is not None:
            self._hair_buffers.close()
        for program in self._programs.values():
            gl.glDeleteProgram(program)

    @on_drawing_thread
    def draw(self, vertices: np.ndarray, out: np.ndarray | None = None, colors: np.ndarray | None = None) -> np.ndarray:
        """Draw one frame.

        Args:
            vertices: (V, 3) [m].
            out: (height, width, 4) uint8 to draw into, its pixels without gaps within a row. Made if None.
            colors: (V, 3) uint8, sRGB, from this frame on; None changes nothing.

        Returns:
            `out`: rows from the top; red, green, blue, and 255; on a transparent background alpha, by which the
            colours are multiplied already.
        """
        gl = self._gl
        vertices = np.ascontiguousarray(vertices, np.float32)
        if out is None:
            out = np.empty((self.height, self.width, 4), np.uint8)
        self._buffers.upload(vertices)
        if colors is not None:
            self._buffers.upload_paint(colors)
        if self._shadow is not None:
            self._buffers.bind()
            self._shadow.draw(self._buffers.solid)
        covered = [vertices]
        if self._hair_buffers is not None:
            covered.append(self._hair_buffers.upload(vertices))
        self._grow_roi(covered)
        left, top, right, bottom = self._roi
        s = SUPERSAMPLING
        big = (left * s, top * s, right * s, bottom * s)
        # The picture stands on its head in the buffers (see `programs.py`), so rows come from the top.
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self._backdrop_target.name)
        gl.glBindFramebuffer(gl.GL_DRAW_FRAMEBUFFER, self._draw_target.name)
        gl.glBlitFramebuffer(*big, *big, gl.GL_COLOR_BUFFER_BIT, gl.GL_NEAREST)
        gl.glViewport(0, 0, self.width * s, self.height * s)
        gl.glClear(gl.GL_DEPTH_BUFFER_BIT)
        self._draw_parts()
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self._draw_target.name)
        gl.glBindFramebuffer(gl.GL_DRAW_FRAMEBUFFER, self._output_target.name)
        gl.glBlitFramebuffer(*big, *self._roi, gl.GL_COLOR_BUFFER_BIT, gl.GL_LINEAR)
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self._output_target.name)
        out[:top], out[bottom:] = self._backdrop[:top], self._backdrop[bottom:]
        out[top:bottom, :left], out[top:bottom, right:] = (
            self._backdrop[top:bottom, :left],
            self._backdrop[top:bottom, right:],
        )
        self._read(left, top, right, bottom, out)
        return out

    def _read(self, left: int, top: int, right: int, bottom: int, out: np.ndarray) -> None:
        """Copy a rectangle of the bound read buffer to the same place of `out`."""
        from OpenGL.raw.GL.VERSION.GL_1_0 import glReadPixels

        gl = self._gl
        row, *pixel = out.strides
        if out.shape != (self.height, self.width, 4) or out.dtype != np.uint8 or pixel != [4, 1] or row % 4:
            raise ValueError("out must be (height, width, 4) uint8 with pixels side by side")
        gl.glPixelStorei(gl.GL_PACK_ROW_LENGTH, row // 4)
        address = ctypes.c_void_p(out.ctypes.data + top * row + 4 * left)
        glReadPixels(left, top, right - left, bottom - top, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, address)
        gl.glPixelStorei(gl.GL_PACK_ROW_LENGTH, 0)

    def _grow_roi(self, covered: list[np.ndarray]) -> None:
        """Widen the rectangle that is drawn so that it holds this frame's head and hair; it never shrinks."""
        # Column by column: NumPy reduces a strided column twenty times as fast as three short ones side by side.
        ends = [(min(v[:, axis].min() for v in covered), max(v[:, axis].max() for v in covered)) for axis in range(3)]
        corners = np.array(list(product(*ends)))
        pixels = self._framing.project(corners, self.width, self.height)
        left, top = np.floor(pixels.min(0)).astype(int) - 2
        right, bottom = np.ceil(pixels.max(0)).astype(int) + 2
        old = self._roi
        limit = (self.width, self.height)
        self._roi = (
            min(old[0], int(np.clip(left, 0, limit[0]))),
            min(old[1], int(np.clip(top, 0, limit[1]))),
            max(old[2], int(np.clip(right, 0, limit[0]))),
            max(old[3], int(np.clip(bottom, 0, limit[1]))),
        )

    def _draw_backdrop(self) -> None:
        """Draw the background once, and keep it as pixels, too."""
        gl = self._gl
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self._backdrop_target.name)
        gl.glViewport(0, 0, self._backdrop_target.width, self._backdrop_target.height)
        if self._view.background == GRADIENT:
            self._draw_gradient()
        else:
            plain = self._view.background != TRANSPARENT
            color = (*(np.array(self._view.background) / 255), 1.0) if plain else (0.0,) * 4
            gl.glClearColor(*color)
            gl.glClear(gl.GL_COLOR_BUFFER_BIT)
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self._backdrop_target.name)
        gl.glBindFramebuffer(gl.GL_DRAW_FRAMEBUFFER, self._output_target.name)
        size = (0, 0, self.width, self.height)
        gl.glBlitFramebuffer(*(SUPERSAMPLING * n for n in size), *size, gl.GL_COLOR_BUFFER_BIT, gl.GL_LINEAR)
        gl.glBindFramebuffer(gl.GL_READ_FRAMEBUFFER, self._output_target.name)
        self._backdrop = np.empty((self.height, self.width, 4), np.uint8)
        self._read(*size, self._backdrop)

    def _draw_gradient(self) -> None:
        """Fill the bound framebuffer with a soft light that fades to the corners."""
        gl = self._gl
        program = compile_program(shaders.BACKDROP_VERTEX, shaders.BACKDROP_FRAGMENT)
        gl.glUseProgram(program)
        set_uniform(program, "backdrop", *look.BACKDROP)
        set_uniform(program, "aspect", self.width / self.height)
        gl.glDisable(gl.GL_DEPTH_TEST)
        gl.glDisable(gl.GL_CULL_FACE)
        gl.glDrawArrays(gl.GL_TRIANGLES, 0, 3)
        gl.glEnable(gl.GL_DEPTH_TEST)
        gl.glDeleteProgram(program)

    def _draw_parts(self) -> None:
        """Draw every part with its material; skin first, because it hides most of the others."""
        gl = self._gl
        self._buffers.bind()
        gl.glFrontFace(gl.GL_CW)  # turned over with y
        for name in sorted(self._head.parts, key=lambda part: part != "skin"):
            self._use(look.MATERIALS[self._head.materials[name]], name)
            start, stop = self._buffers.ranges[name]
            offset = ctypes.c_void_p(12 * start)
            gl.glDrawElements(gl.GL_TRIANGLES, 3 * (stop - start), gl.GL_UNSIGNED_INT, offset)
        if self._hair is not None and self._hair_buffers is not None:
            self._hair_buffers.bind()
            self._use(look.STRANDS)
            gl.glDrawElements(gl.GL_TRIANGLES, self._hair.faces.size, gl.GL_UNSIGNED_INT, None)

    def _use(self, material: look.Material, part: str | None = None) -> None:
        """Let what is drawn next be of a material, with the part's picture if it has one."""
        gl = self._gl
        pictured = part is not None and part in self._textures
        program = self._programs[f"textured {material.surface}" if pictured else material.surface]
        gl.glUseProgram(program)
        if part is not None and pictured:
            self._textures.bind(program, part)
        (gl.glDisable if material.surface == "two_sided" else gl.glEnable)(gl.GL_CULL_FACE)
        set_uniform(program, "gloss", material.gloss)
        set_uniform(program, "wrap", *material.wrap)
        set_uniform(program, "unwrap", *(1 / (1 + np.array(material.wrap))))
        set_uniform(program, "rim_colour", *(material.rim * self._rim_colour))
