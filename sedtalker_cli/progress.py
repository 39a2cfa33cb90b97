"""How work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[str, float], None]  # name of the stage, share of it that is done (0..1)
