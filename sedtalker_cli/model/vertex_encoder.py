"""The encoder that a vertex animator was trained with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sedtalker_cli.errors import UsageError
from sedtalker_cli.model.weights import weights_dir

if TYPE_CHECKING:
    from sedtalker_cli.model.encoder import SpeechEncoder
    from sedtalker_cli.model.vertex_animator import VertexAnimator


def encoder_for(model: VertexAnimator, name: str | os.PathLike | None = None) -> SpeechEncoder:
    """The encoder that a vertex animator was trained with.

    Args:
        model: loaded.
        name: folder or Hugging Face id, None for what the checkpoint says.

    Raises:
        UsageError: the checkpoint names a folder, which only the user can find, or another encoder was given.
        InputError: it cannot be loaded.
    """
    from sedtalker_cli.model.encoder import SpeechEncoder

    wanted, sha256 = model.encoder["name"], model.encoder["sha256"]
    if name is None and wanted != "bundled" and "/" not in str(wanted):
        raise UsageError(f"this animator was trained with the encoder in a folder {wanted!r}; name it with --encoder")
    encoder = SpeechEncoder.load(name or (weights_dir("encoder") if wanted == "bundled" else wanted), model.device)
    dims = model.network.num_taps, model.network.dim
    if (sha256 and encoder.sha256 != sha256) or (encoder.num_taps, encoder.dim) != dims:
        raise UsageError(f"encoder {encoder.source}: this animator was trained with another one ({wanted})")
    return encoder
