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
from sedtalker_cli.face.normals import VertexNormals
from sedtalker_cli.render import look, shaders
from sedtalker_cli.render.geometry import FIELD_OF_VIEW, find_eyes, frame_head, part_range, part_vertices
from sedtalker_cli.render.gl import Framebuffer, compile_program, ensure_opengl
from sedtalker_cli.render.occlusion import Occlusion
from sedtalker_cli.render.shadow import KeyShadow
from sedtalker_cli.render.view import GRADIENT, TRANSPARENT, View

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

__all__ = ["HeadScene", "describe_scene", "ensure_opengl"]

SUPERSAMPLING = 2
DEFAULT_VIEW = View()
# Shapes that lay bare what the neutral face hides; its light there is measured in this pose.
_REVEALING = {"jawOpen": 0.8, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}


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
    """Draws one head; use as a context manager.

    Args:
        head: Topology, parts and neutral shape.
        width, height: Of the picture [pixels].
        view: Camera, background, shadow.

    Raises:
        SedtalkerError: There is no OpenGL, or the picture is too large for it.
    """

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
        self._scene = describe_scene(head, width, height, view.camera)
        self._normals = VertexNormals(head.faces, len(head.neutral))
        self._roi = (width, height, 0, 0)  # left, top, right, bottom of what the head has covered so far
        self._draw_target = Framebuffer(width * SUPERSAMPLING, height * SUPERSAMPLING)
        self._backdrop_target = Framebuffer(width * SUPERSAMPLING, height * SUPERSAMPLING, depth=False)
        self._output_target = Framebuffer(width, height, depth=False)
        self._programs: dict[str, int] = {}
        self._make_buffers()
        self._shadow = KeyShadow(head.neutral, self._light_direction("key")) if view.shadow else None
        self._make_programs()
        self._draw_backdrop()

    def __enter__(self) -> HeadScene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back; the context stays for the next film."""
        gl = self._gl
        if self._shadow is not None:
            self._shadow.close()
        for target in (self._draw_target, self._backdrop_target, self._output_target):
            target.close()
        gl.glDeleteVertexArrays(1, [self._array])
        gl.glDeleteBuffers(len(self._buffers), self._buffers)
        for program in self._programs.values():
            gl.glDeleteProgram(program)

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
        self._upload(vertices, self._normals(vertices))
        if colors is not None:
            self._upload_paint(colors)
        if self._shadow is not None:
            gl.glBindVertexArray(self._array)
            self._shadow.draw(self._head.faces.size)
        self._grow_roi(vertices)
        left, top, right, bottom = self._roi
        s = SUPERSAMPLING
        big = (left * s, top * s, right * s, bottom * s)
        # The picture stands on its head in the buffers (see `_view_projection`), so rows come from the top.
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

    def _grow_roi(self, vertices: np.ndarray) -> None:
        """Widen the rectangle that is drawn so that it holds this frame's head; it never shrinks."""
        # Column by column: NumPy reduces a strided column twenty times as fast as three short ones side by side.
        ends = [(vertices[:, axis].min(), vertices[:, axis].max()) for axis in range(3)]
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

    def _make_buffers(self) -> None:
        """Fill the buffers that stay, and make those that change every frame."""
        gl, head = self._gl, self._head
        neutral = np.ascontiguousarray(head.neutral, np.float32)
        self._array = gl.glGenVertexArrays(1)
        gl.glBindVertexArray(self._array)
        self._buffers = gl.glGenBuffers(5)
        rest = neutral.copy()
        eyes = find_eyes(head)
        if eyes is not None:
            for centre, side in zip(eyes.centres, eyes.vertices, strict=True):
                rest[side] = (neutral[side] - centre) / eyes.radius
        paint = np.full((len(neutral), 4), 255, np.uint8)
        paint[:, :3] = head.colors
        layout = (
            (np.zeros_like(neutral), gl.GL_FLOAT, gl.GL_STREAM_DRAW),
            (np.zeros_like(neutral), gl.GL_FLOAT, gl.GL_STREAM_DRAW),
            (paint, gl.GL_UNSIGNED_BYTE, gl.GL_STATIC_DRAW),
            (rest, gl.GL_FLOAT, gl.GL_STATIC_DRAW),
        )
        for location, (data, kind, usage) in enumerate(layout):
            gl.glBindBuffer(gl.GL_ARRAY_BUFFER, self._buffers[location])
            gl.glBufferData(gl.GL_ARRAY_BUFFER, data.nbytes, data, usage)
            gl.glEnableVertexAttribArray(location)
            gl.glVertexAttribPointer(location, data.shape[1], kind, kind != gl.GL_FLOAT, 0, None)
        indices = np.ascontiguousarray(head.faces, np.uint32)
        gl.glBindBuffer(gl.GL_ELEMENT_ARRAY_BUFFER, self._buffers[4])
        gl.glBufferData(gl.GL_ELEMENT_ARRAY_BUFFER, indices.nbytes, indices, gl.GL_STATIC_DRAW)
        gl.glEnable(gl.GL_DEPTH_TEST)
        paint[:, 3] = np.round(self._measure_visibility(neutral) * 255)
        self._paint = paint
        self._upload_paint(head.colors)

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
            normals = self._normals(pose)
            self._upload(pose, normals)
            np.maximum(visible, occlusion.measure(pose, normals, head.faces.size), out=visible)
        occlusion.close()
        # Teeth and eyes sit in hollows; as dark as those are they would look dirty.
        for name in ("teeth_upper", "teeth_lower", "eye_left", "eye_right"):
            inside = part_vertices(head, name)
            visible[inside] = 0.45 + 0.55 * visible[inside]
        return visible

    def _make_programs(self) -> None:
        """Compile a program for each kind of surface and set what stays for the film."""
        gl = self._gl
        nodes = {node.name: node for node in self._scene.nodes}
        directions = {name: self._light_direction(name) for name in look.LIGHTS}
        colours = {name: nodes[name].light.color * nodes[name].light.intensity for name in look.LIGHTS}
        self._rim_colour = colours["rim"]
        to_eye = self._framing.basis[2]
        half_way = directions["key"] + to_eye
        matrix = self._view_projection(nodes["camera"])
        fragments = {
            "plain": shaders.PLAIN_FRAGMENT,
            "two_sided": shaders.TWO_SIDED_FRAGMENT,
            "eye": shaders.EYE_FRAGMENT,
        }
        for surface, fragment in fragments.items():
            program = compile_program(shaders.SHADED_VERTEX if self._shadow else shaders.VERTEX, fragment)
            self._programs[surface] = program
            gl.glUseProgram(program)
            gl.glUniformMatrix4fv(gl.glGetUniformLocation(program, "view_projection"), 1, True, matrix)
            if self._shadow is not None:
                self._shadow.bind(program)
            self._set(program, "to_eye", *to_eye)
            self._set(program, "half_way", *(half_way / np.linalg.norm(half_way)))
            for name in look.LIGHTS:
                self._set(program, f"{name}_direction", *directions[name])
                self._set(program, f"{name}_colour", *colours[name])
            self._set(program, "iris_colour", *np.square(look.IRIS))
            self._set(program, "iris_size", *look.IRIS_SIZE)

    def _set(self, program: int, name: str, *values: float) -> None:
        """Set a float or vector uniform of the program in use; one that it does not use (-1) is passed over."""
        setter = getattr(self._gl, f"glUniform{len(values)}f")
        setter(self._gl.glGetUniformLocation(program, name), *(float(value) for value in values))

    def _view_projection(self, camera_node: Any) -> np.ndarray:
        """Matrix from the world to the buffers, y turned over: OpenGL's first row is the lowest, a film's the top."""
        projection = camera_node.camera.get_projection_matrix(self.width, self.height)
        matrix = np.diag([1.0, -1.0, 1.0, 1.0]) @ projection @ np.linalg.inv(camera_node.matrix)
        return np.ascontiguousarray(matrix, np.float32)

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
        self._set(program, "backdrop", *look.BACKDROP)
        self._set(program, "aspect", self.width / self.height)
        gl.glDisable(gl.GL_DEPTH_TEST)
        gl.glDisable(gl.GL_CULL_FACE)
        gl.glDrawArrays(gl.GL_TRIANGLES, 0, 3)
        gl.glEnable(gl.GL_DEPTH_TEST)
        gl.glDeleteProgram(program)

    def _upload(self, vertices: np.ndarray, normals: np.ndarray) -> None:
        """Overwrite positions and normals in place."""
        gl = self._gl
        for buffer, data in zip(self._buffers[:2], (vertices, normals), strict=True):
            gl.glBindBuffer(gl.GL_ARRAY_BUFFER, buffer)
            gl.glBufferSubData(gl.GL_ARRAY_BUFFER, 0, data.nbytes, data)

    def _upload_paint(self, colors: np.ndarray) -> None:
        """Overwrite the colours of the vertices, beside which stands how much light reaches them."""
        gl = self._gl
        self._paint[:, :3] = colors
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, self._buffers[2])
        gl.glBufferSubData(gl.GL_ARRAY_BUFFER, 0, self._paint.nbytes, self._paint)

    def _light_direction(self, name: str) -> np.ndarray:
        """(3,) from the head to a light."""
        return next(node for node in self._scene.nodes if node.name == name).matrix[:3, 2]

    def _draw_parts(self) -> None:
        """Draw every part with its material; skin first, because it hides most of the others."""
        gl = self._gl
        gl.glBindVertexArray(self._array)
        gl.glFrontFace(gl.GL_CW)  # turned over with y
        for name in sorted(self._head.parts, key=lambda part: part != "skin"):
            material = look.MATERIALS[self._head.materials[name]]
            program = self._programs[material.surface]
            gl.glUseProgram(program)
            (gl.glDisable if material.surface == "two_sided" else gl.glEnable)(gl.GL_CULL_FACE)
            self._set(program, "gloss", material.gloss)
            self._set(program, "wrap", *material.wrap)
            self._set(program, "unwrap", *(1 / (1 + np.array(material.wrap))))
            self._set(program, "rim_colour", *(material.rim * self._rim_colour))
            start, stop = part_range(self._head, name)
            offset = ctypes.c_void_p(12 * start)
            gl.glDrawElements(gl.GL_TRIANGLES, 3 * (stop - start), gl.GL_UNSIGNED_INT, offset)
