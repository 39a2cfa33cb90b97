"""Readers of the field's talking-head data sets in their published layouts: `read_talking("emovoca", folder)`."""

from .base import Layout, TalkingDataset, TalkingSequence
from .layouts import SEDTALKER_EMOTIONS
from .regions import read_regions
from .registry import DatasetSpec, parse_dataset, read_talking

__all__ = [
    "SEDTALKER_EMOTIONS",
    "DatasetSpec",
    "Layout",
    "TalkingDataset",
    "TalkingSequence",
    "parse_dataset",
    "read_regions",
    "read_talking",
]
