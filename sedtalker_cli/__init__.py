"""SEDTalker: speech emotion diarization and emotional 3D face animation.

What `__all__` names is loaded when it is first used: importing the package brings no PyTorch.
"""

from importlib import import_module

from sedtalker_cli.version import __version__

_HOMES = {
    "Diarization": "pipeline",
    "EmotionTimeline": "emotion.timeline",
    "InputError": "errors",
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
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
