"""Which models are loaded, and how they compute."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelOptions:
    """Models, None for those that come with the package.

    Attributes:
        device: `auto`, `cpu` or `cuda`.
        encoder: Hugging Face id or folder.
        diarizer: checkpoint folder.
        animator: checkpoint folder, also of a vertex animator.
        animator_encoder: Hugging Face id or folder of a vertex animator's own encoder.
        scan_backend: what runs Mamba layers, see `kernels.choose_scan`.
        precision: of the encoder, see `SpeechEncoder.compute_in`.
    """

    device: str = "auto"
    encoder: str | os.PathLike[str] | None = None
    diarizer: str | os.PathLike[str] | None = None
    animator: str | os.PathLike[str] | None = None
    animator_encoder: str | os.PathLike[str] | None = None
    scan_backend: str = "auto"
    precision: str = "auto"
