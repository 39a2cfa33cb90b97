"""OpenGL programs of the kinds of surface, with the camera and the lights set for a whole film."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sedtalker_cli.render import look, shaders
from sedtalker_cli.render.gl import compile_program
from sedtalker_cli.render.shadow import KeyShadow

if TYPE_CHECKING:
    from sedtalker_cli.render.geometry import Framing


def set_uniform(program: int, name: str, *values: float) -> None:
    """Set a float or vector uniform of the program in use; one that it does not use (-1) is passed over."""
    from OpenGL import GL

    setter = {1: GL.glUniform1f, 2: GL.glUniform2f, 3: GL.glUniform3f}[len(values)]
    setter(GL.glGetUniformLocation(program, name), *(float(value) for value in values))


def light_direction(scene: Any, name: str) -> np.ndarray:
    """(3,) from the head to a light of a `pyrender.Scene`."""
    return next(node for node in scene.nodes if node.name == name).matrix[:3, 2]


def compile_surfaces(
    scene: Any, framing: Framing, width: int, height: int, shadow: KeyShadow | None, pictures: bool = False
) -> tuple[dict[str, int], np.ndarray]:
    """Compile a program for each kind of surface and set what stays for the film.

    Args:
        scene: `pyrender.Scene` as of `scene.describe_scene`.
        framing: Where the camera stands.
        width, height: Of the picture [pixels].
        shadow: The key light's; None draws without.
        pictures: Whether there are pictures on surfaces.

    Returns:
        Programs by the name of the surface (with `textured ` before it where it has a picture), and the colour (3,) of
        the light from behind.
    """
    from OpenGL import GL

    nodes = {node.name: node for node in scene.nodes}
    directions = {name: light_direction(scene, name) for name in look.LIGHTS}
    colours = {name: nodes[name].light.color * nodes[name].light.intensity for name in look.LIGHTS}
    to_eye = framing.basis[2]
    half_way = directions["key"] + to_eye
    matrix = _view_projection(nodes["camera"], width, height)
    fragments = {
        "plain": shaders.PLAIN_FRAGMENT,
        "two_sided": shaders.TWO_SIDED_FRAGMENT,
        "eye": shaders.EYE_FRAGMENT,
        "hair": shaders.HAIR_FRAGMENT,
    }
    if pictures:
        fragments |= {f"textured {name}": shaders.textured(fragments[name]) for name in ("plain", "two_sided")}
    programs = {}
    for surface, fragment in fragments.items():
        program = programs[surface] = compile_program(shaders.SHADED_VERTEX if shadow else shaders.VERTEX, fragment)
        GL.glUseProgram(program)
        GL.glUniformMatrix4fv(GL.glGetUniformLocation(program, "view_projection"), 1, True, matrix)
        if shadow is not None:
            shadow.bind(program)
        set_uniform(program, "to_eye", *to_eye)
        set_uniform(program, "half_way", *(half_way / np.linalg.norm(half_way)))
        for name in look.LIGHTS:
            set_uniform(program, f"{name}_direction", *directions[name])
            set_uniform(program, f"{name}_colour", *colours[name])
        set_uniform(program, "iris_colour", *np.square(look.IRIS))
        set_uniform(program, "iris_size", *look.IRIS_SIZE)
    return programs, colours["rim"]


def _view_projection(camera_node: Any, width: int, height: int) -> np.ndarray:
    """Matrix from the world to the buffers, y turned over: OpenGL's first row is the lowest, a film's the top."""
    projection = camera_node.camera.get_projection_matrix(width, height)
    matrix = np.diag([1.0, -1.0, 1.0, 1.0]) @ projection @ np.linalg.inv(camera_node.matrix)
    return np.ascontiguousarray(matrix, np.float32)
