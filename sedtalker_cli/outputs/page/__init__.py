"""One HTML page that needs no network: the animated head as glTF, its sound, and its emotions to edit."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sedtalker_cli.audio.writing import write_sound
from sedtalker_cli.emotion.colors import class_colours, hex_colour
from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.outputs.exports.glb import build_glb
from sedtalker_cli.outputs.page.packing import pack_layers
from sedtalker_cli.render.geometry import FIELD_OF_VIEW, frame_head

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import EmotionTimeline
    from sedtalker_cli.motion.motion import Motion

HERE = Path(__file__).parent
SCRIPTS = ("gltf.js", "scene.js", "layers.js", "emotions.js", "timeline.js", "viewer.js")
SOUND_RATE = 32000  # Hz; speech holds no more


def write_page(path: Path, motion: Motion) -> None:
    """Write the page.

    Args:
        path: `.html` file.
        motion: with coefficients; its emotions and its sound, if it has any, are put into the page, too (the sound cut
            to the length of the motion). Emotions can be edited if it has the layers for that.

    Raises:
        InputError: the motion has vertices only, or the sound cannot be read.
    """
    weights = motion.shape_weights()
    duration = motion.frames / motion.fps
    framing = frame_head(motion.head, 1.0)
    facts: dict[str, Any] = {
        "title": path.stem,
        "duration": duration,
        "fps": motion.fps,
        "camera": {
            "target": framing.target.tolist(),
            "distance": framing.distance,
            "fieldOfView": float(FIELD_OF_VIEW),
        },
        "emotions": None if motion.timeline is None else describe(motion.timeline),
    }
    layers = ""
    if motion.layers is not None and motion.timeline is not None:
        facts["layers"], layers = pack_layers(motion.layers(), motion.timeline)
    # vertices that parts share, so that the page's own normals are smooth across their borders
    model = build_glb(motion.head, weights, motion.fps, neck=motion.neck_tracks(), split=False)
    content = gzip.compress(model, 6, mtime=0)
    parts = {
        "TITLE": html.escape(path.stem),
        "STYLE": (HERE / "viewer.css").read_text(encoding="utf-8"),
        "FACTS": json.dumps(facts, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "FILE": html.escape(path.stem),
        "MODEL": base64.b64encode(content).decode(),
        "LAYERS": layers,
        "SOUND": ""
        if motion.audio is None
        else "data:audio/flac;base64," + base64.b64encode(to_flac(motion.audio, duration)).decode(),
        "SCRIPT": "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
    }
    text = (HERE / "viewer.html").read_text(encoding="utf-8")
    # all at once: a file may be called @FACTS@, and what is put in is not looked through
    text = re.sub(f"@({'|'.join(parts)})@", lambda found: parts[found[1]], text)
    with atomic_file(path) as part:
        part.write_bytes(text.encode("utf-8", "replace"))  # names need not be valid text


def describe(timeline: EmotionTimeline) -> dict[str, Any]:
    """Classes with their colours, segments, and the intensity every `HOP` seconds."""
    return {
        "duration": timeline.duration,
        "classes": list(timeline.classes),
        "colours": {name: hex_colour(colour) for name, colour in class_colours(timeline.classes).items()},
        "intensity": [round(float(value), 2) for value in timeline.intensity],
        "segments": [
            {"emotion": timeline.classes[label], "frames": stop - start}
            for start, stop, label in runs_of(timeline.labels)
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
