"""Any animator by the kind that its configuration names."""

import os

from sedtalker_cli.model.animator import Animator
from sedtalker_cli.model.vertex_animator import VertexAnimator
from sedtalker_cli.model.weights import ANIMATOR, checkpoint_type

AnyAnimator = Animator | VertexAnimator
ANIMATORS: dict[str, type[Animator] | type[VertexAnimator]] = {m.kind: m for m in (Animator, VertexAnimator)}


def load_animator(folder: str | os.PathLike[str], device: str = "cpu") -> AnyAnimator:
    """Load an animator of whatever kind.

    Raises:
        InputError: no, damaged or foreign checkpoint.
    """
    return ANIMATORS.get(checkpoint_type(folder) or ANIMATOR, Animator).load(folder, device)
