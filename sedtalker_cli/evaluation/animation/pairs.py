"""What is compared: predictions and references in pairs, and the vertices that each measure looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sedtalker_cli.data.talking_heads import TalkingDataset, TalkingSequence
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.metrics.animation import Masks


@dataclass(frozen=True)
class Pair:
    """What is compared.

    Attributes:
        name: of the prediction.
        reference, prediction: give vertices (T, V, 3) when they are called, both at `fps`.
        template: the face at rest (V, 3).
        fps: frames a second.
        audio: the sound, None where it is not known.
        emotion, intensity: None where they are not known.
    """

    name: str
    reference: Callable[[], np.ndarray] = field(repr=False)
    prediction: Callable[[], np.ndarray] = field(repr=False)
    template: np.ndarray = field(repr=False)
    fps: float
    audio: Path | None = None
    emotion: str | None = None
    intensity: float | None = None


def sequences_of(dataset: TalkingDataset, split: str) -> list[TalkingSequence]:
    """Sequences of a split.

    Raises:
        InputError: there are none.
    """
    chosen = dataset.of(split)
    if not chosen:
        raise InputError(f"{dataset.root}: has no sequences in the {split} split; it has {dataset.summary()}")
    return chosen


def pair_of(sequence: TalkingSequence, name: str, prediction: Callable[[], np.ndarray]) -> Pair:
    """A sequence with a prediction of it."""
    return Pair(
        *(name, lambda: sequence.vertices, prediction, sequence.template, sequence.fps, sequence.audio),
        *(sequence.emotion, sequence.intensity),
    )


def masks_of(regions: Mapping[str, np.ndarray], source: str) -> Masks:
    """Masks of the measures from regions as they are published, or of one of the project's heads.

    Lips are `lve.txt`, else FLAME's lips; the upper face is `fdd.txt`, else FLAME's forehead and eye_region; eyes and
    forehead are `eve.txt`, else FLAME's forehead and eye_region, else the upper face.

    Args:
        regions: name -> indices.
        source: where they come from, for the report and errors.

    Raises:
        InputError: there is nothing of lips or of the upper face.
    """

    def union(*names: str) -> np.ndarray | None:
        return np.unique(np.concatenate([regions[n] for n in names])) if set(names) <= set(regions) else None

    choices = {
        "lips": (("lve",), ("lips",)),
        "upper_face": (("fdd",), ("forehead", "eye_region"), ("upper_face",)),
        "eyes": (("eve",), ("forehead", "eye_region"), ("upper_face", "eyes"), ("fdd",), ("upper_face",)),
    }
    found, origin = {}, {}
    for mask, ways in choices.items():
        way = next((way for way in ways if union(*way) is not None), None)
        if way is None:
            raise InputError(
                f"{source}: no region of {mask.replace('_', ' ')}; put regions/lve.txt and fdd.txt or FLAME_masks.pkl "
                "there, or name their folder with --regions"
            )
        found[mask] = union(*way)
        origin[mask] = f"{' + '.join(way)} ({len(found[mask])} vertices, {source})"
    return Masks(**found, origin=origin)
