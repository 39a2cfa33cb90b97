"""SEDTalker: speech emotion diarization and emotional 3D face animation.

What `__all__` names is loaded when it is first used: importing the package brings no PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sedtalker_cli.version import __version__

if TYPE_CHECKING:  # the same names, for type checkers and editors
    from sedtalker_cli.audio.reading import load_audio
    from sedtalker_cli.emotion.timeline import EmotionTimeline, Segment
    from sedtalker_cli.errors import InputError, SedtalkerError, UsageError
    from sedtalker_cli.face.head import Head, load_head
    from sedtalker_cli.formats.overrides import parse_override
    from sedtalker_cli.model.diarization import Diarization
    from sedtalker_cli.model.options import ModelOptions
    from sedtalker_cli.motion.motion import Motion
    from sedtalker_cli.motion.options import AnimateOptions
    from sedtalker_cli.motion.reading import read_motion
    from sedtalker_cli.pipeline import Pipeline
    from sedtalker_cli.render.film import render_film

__all__ = [
    "AnimateOptions",
    "Diarization",
    "EmotionTimeline",
    "Head",
    "InputError",
    "ModelOptions",
    "Motion",
    "Pipeline",
    "SedtalkerError",
    "Segment",
    "UsageError",
    "__version__",
    "load_audio",
    "load_head",
    "parse_override",
    "read_motion",
    "render_film",
]
_HOMES = {
    "AnimateOptions": "motion.options",
    "Diarization": "model.diarization",
    "EmotionTimeline": "emotion.timeline",
    "Head": "face.head",
    "InputError": "errors",
    "ModelOptions": "model.options",
    "Motion": "motion.motion",
    "Pipeline": "pipeline",
    "SedtalkerError": "errors",
    "Segment": "emotion.timeline",
    "UsageError": "errors",
    "load_audio": "audio.reading",
    "load_head": "face.head",
    "parse_override": "formats.overrides",
    "read_motion": "motion.reading",
    "render_film": "render.film",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
