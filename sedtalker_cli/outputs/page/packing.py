"""Series of numbers in few bytes: columns that are alike once, 8 or 16 bits a number, changes from frame to frame."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import numpy as np

from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.motion.layers import ActingLayers

FINE = 65535  # steps of probabilities and intensity, which are saved again
COARSE = 255


def pack_series(series: dict[str, np.ndarray], steps: int) -> tuple[list[dict[str, Any]], bytes]:
    """Arrays (T, N) as bytes, column after column, each number as its change since the one before.

    Args:
        series: by name, 0 or more.
        steps: `COARSE` for a byte a number, `FINE` for two.

    Returns:
        What is needed to unpack each: `name`, `frames`, `step` (the size of a step), `columns` (which stored column
        each of the N is, -1 for one of zeros); and the bytes.
    """
    kind = np.uint8 if steps == COARSE else np.dtype("<u2")
    described, parts = [], []
    for name, values in series.items():
        step = max(float(values.max(initial=0.0)), 1e-9) / steps
        whole = np.round(values / step).astype(np.int64)
        stored, place = np.unique(whole, axis=1, return_inverse=True)
        columns = np.where(stored.any(0), np.cumsum(stored.any(0)) - 1, -1)[place.ravel()]
        stored = stored[:, stored.any(0)]
        changes = np.diff(stored, axis=0, prepend=0).astype(kind)  # modulo 2**8 or 2**16
        described.append({"name": name, "frames": len(values), "step": step, "columns": columns.tolist()})
        parts.append(np.ascontiguousarray(changes.T).tobytes())
    return described, b"".join(parts)


def pack_layers(layers: ActingLayers, timeline: EmotionTimeline) -> tuple[dict[str, Any], str]:
    """What a page needs to act other emotions.

    Returns:
        Facts for its script, and the series as text (base64 of gzip).
    """
    heard = {
        "posteriors": np.asarray(timeline.posteriors, np.float64),
        "intensity": np.asarray(timeline.intensity, np.float64)[:, None],
        "voice": np.asarray(timeline.speech, np.float64)[:, None],
    }
    fine, heard_bytes = pack_series(heard, FINE)
    coarse, series_bytes = pack_series(layers.series(), COARSE)
    facts = {
        **layers.constants(timeline.classes),
        "fine": fine,
        "coarse": coarse,
    }
    content = gzip.compress(heard_bytes + series_bytes, 9, mtime=0)
    return facts, base64.b64encode(content).decode()
