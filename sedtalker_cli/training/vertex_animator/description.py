"""Configuration that a vertex animator's checkpoint carries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sedtalker_cli.data.talking_heads import TalkingDataset
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.backbones import BACKBONES
from sedtalker_cli.model.checkpoint import sizes_of
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.vertex_animator import ANYONE
from sedtalker_cli.model.weights import VERTEX_ANIMATOR
from sedtalker_cli.training.vertex_animator.settings import VertexTraining

NEUTRAL = "neutral"
# Emotions of the diarizer that a data set may lack -> the emotion used instead, the first that the data set has.
STAND_INS = {"surprise": ("pleased", "happy"), "angry": ("upset",), "disgust": ("ill",)}


def describe(settings: VertexTraining, datasets: Sequence[TalkingDataset], encoder: SpeechEncoder) -> dict[str, Any]:
    """Configuration of the checkpoint: everything that is needed to use it."""
    classes = tuple(sorted({NEUTRAL, *(name for d in datasets for name in d.emotions)}))
    subjects = sorted({s.subject for d in datasets for s in d.of("train")})
    topologies = {
        d.topology: {
            "vertices": d.vertex_count,
            "fps": d.fps,
            "extent": float(np.mean([np.ptp(rest, axis=0).max() for rest in d.templates.values()])),
        }
        for d in reversed(datasets)
    }
    for d in datasets:
        known = topologies[d.topology]
        for what, own, other in (
            ("vertices", d.vertex_count, known["vertices"]),
            ("frames a second", d.fps, known["fps"]),
        ):
            if own != other:
                raise InputError(
                    f"{d.root}: topology {d.topology} has {own:g} {what} here, but {other:g} in another data set; "
                    "convert one of them"
                )
    backbone = settings.network.get("backbone", "hybrid")
    if backbone not in BACKBONES:
        raise UsageError(f"network.backbone {backbone!r}: must be one of {', '.join(BACKBONES)}")
    known = sizes_of(BACKBONES[backbone])
    unknown = [name for name in settings.network if name not in ("backbone", *known)]
    if unknown:
        raise UsageError(f"network.{unknown[0]}: unknown size; the {backbone} backbone has {', '.join(known)}")
    sizes = {**known, "num_taps": encoder.num_taps, "dim": encoder.dim, **settings.network}
    return {
        "type": VERTEX_ANIMATOR,
        "classes": list(classes),
        "class_map": class_map(classes),
        "subjects": [ANYONE, *subjects],
        "topologies": topologies,
        "network": {"backbone": backbone, **sizes},
        "encoder": encoder_facts(settings.encoder, encoder),
        "training": settings.learned | {"network": sizes},
    }


def encoder_facts(name: str, encoder: SpeechEncoder) -> dict[str, str | None]:
    """Name of an encoder (its Hugging Face id, or its folder's name without the path) and its checksum."""
    shown = (Path(name).name if Path(name).is_dir() else name) if name else "bundled"
    return {"name": shown, "sha256": encoder.sha256}


def class_map(classes: Sequence[str]) -> dict[str, str]:
    """The diarizer's emotions that these classes lack -> a class that stands for them, neutral if there is none."""
    missing = [name for name in EMOTIONS if name not in classes]
    return {name: next((other for other in STAND_INS.get(name, ()) if other in classes), NEUTRAL) for name in missing}
