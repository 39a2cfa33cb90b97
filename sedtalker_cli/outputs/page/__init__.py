"""One self-contained HTML page: the animated head as glTF, its sound, and its emotions in step; no network needed."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sedtalker_cli.audio.writing import write_sound
from sedtalker_cli.clock import HOP
from sedtalker_cli.emotion.colors import class_colours, hex_colour
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.outputs.exports.glb import build_glb
from sedtalker_cli.render.geometry import FIELD_OF_VIEW, frame_head

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import EmotionTimeline
    from sedtalker_cli.motion.motion import Motion

HERE = Path(__file__).parent
SOUND_RATE = 32000  # Hz; speech holds no more


def write_page(path: Path, motion: Motion) -> None:
    """Write the page.

    Args:
        path: `.html` file.
        motion: with coefficients; its emotions and its sound, if it has any, are put into the page, too (the sound cut
            to the length of the motion).

    Raises:
        InputError: the motion has vertices only, or the sound cannot be read.
    """
    weights = motion.shape_weights()
    duration = motion.frames / motion.fps
    framing = frame_head(motion.head, 1.0)
    facts: dict[str, Any] = {
        "title": path.stem,
        "duration": duration,
        "camera": {
            "target": framing.target.tolist(),
            "distance": framing.distance,
            "fieldOfView": float(FIELD_OF_VIEW),
        },
        "emotions": None if motion.timeline is None else describe(motion.timeline),
    }
    # vertices that parts share, so that the page's own normals are smooth across their borders
    model = build_glb(motion.head, weights, motion.fps, neck=motion.neck_tracks(), split=False)
    content = gzip.compress(model, 6, mtime=0)
    parts = {
        "TITLE": html.escape(path.stem),
        "STYLE": (HERE / "viewer.css").read_text(encoding="utf-8"),
        "FACTS": json.dumps(facts, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "MODEL": base64.b64encode(content).decode(),
        "SOUND": ""
        if motion.audio is None
        else "data:audio/flac;base64," + base64.b64encode(to_flac(motion.audio, duration)).decode(),
        "SCRIPT": "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("gltf.js", "scene.js", "viewer.js")),
    }
    text = (HERE / "viewer.html").read_text(encoding="utf-8")
    for name, value in parts.items():
        text = text.replace(f"@{name}@", value, 1)
    with atomic_file(path) as part:
        part.write_bytes(text.encode("utf-8", "replace"))  # names need not be valid text


def describe(timeline: EmotionTimeline) -> dict[str, Any]:
    """Segments with their colours, and the intensity every `HOP` seconds."""
    colours = class_colours(timeline.classes)
    return {
        "step": HOP,
        "intensity": [round(float(value), 2) for value in timeline.intensity],
        "segments": [
            {
                "start": round(segment.onset, 3),
                "end": round(segment.end, 3),
                "emotion": segment.emotion,
                "colour": hex_colour(colours[segment.emotion]),
            }
            for segment in timeline.segments()
        ],
    }


def to_flac(audio: Path, duration: float) -> bytes:
    """A sound as mono FLAC, which every browser plays without delay, cut to `duration` seconds.

    Raises:
        InputError: it cannot be read.
    """
    content = io.BytesIO()
    write_sound(audio, content, duration, rate=SOUND_RATE, mono=True)
    return content.getvalue()
