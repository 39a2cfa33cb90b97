"""Films and pictures of faces; `choose_renderer` finds out beforehand how this machine can draw."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sedtalker_cli.render.view import View

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.render.painter import PaintedScene
    from sedtalker_cli.render.scene import HeadScene

LOGGER = logging.getLogger("sedtalker")
OPENGL, PAINTER = "opengl", "painter"
_told = False


def choose_renderer() -> str:
    """`opengl` where there is one, else `painter`, which is plainer; says once what to install.

    Raises:
        SedtalkerError: the process cannot draw, see `gl.ensure_opengl`.
    """
    global _told
    from sedtalker_cli.render.gl import NoOpenGL, ensure_opengl

    try:
        ensure_opengl()
    except NoOpenGL as error:
        if not _told:
            LOGGER.warning("%s; until then pictures are drawn without shadows and highlights", error)
            _told = True
        return PAINTER
    return OPENGL


def make_scene(head: Head, width: int, height: int, view: View) -> HeadScene | PaintedScene:
    """What draws a head into pictures of this size [pixels]; use as a context manager."""
    if choose_renderer() == OPENGL:
        from sedtalker_cli.render.scene import HeadScene

        return HeadScene(head, width, height, view)
    from sedtalker_cli.render.painter import PaintedScene

    return PaintedScene(head, width, height, view)
