"""Films of faces: `render_film` draws vertices into MP4, `ensure_opengl` says beforehand whether that is possible."""

from sedtalker_cli.render.film import render_film

__all__ = ["ensure_opengl", "render_film"]


def ensure_opengl() -> str:
    """Make sure that this process can draw; see `gl.ensure_opengl`."""
    from sedtalker_cli.render.gl import ensure_opengl as ensure

    return ensure()
