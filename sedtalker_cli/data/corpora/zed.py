"""ZED, the Zaion Emotion Dataset (English): recordings with marked emotional spans, listed in `ZED.json`."""

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from .base import CorpusReader, Misnamed, Utterance
from .tables import read_text

_LABELS = {"happy": "happy", "sad": "sad", "angry": "angry", "neutral": "neutral"}


def _index(root: Path) -> dict[str, dict[str, Any]]:
    entries = json.loads(read_text(root / "ZED.json"))
    # Paths are written as "datafolder/...", where datafolder stands for the corpus's own folder.
    return {_key(entry["wav"]): entry for entry in entries.values()}


def _key(path: str) -> str:
    return str(PurePosixPath(path.replace("datafolder/", "", 1)).with_suffix(""))


def _decode(path: Path, root: Path, index: dict[str, dict[str, Any]]) -> Utterance:
    relative = path.relative_to(root)
    entry = index.get(_key(relative.as_posix()))
    if entry is None:
        raise Misnamed("not listed in ZED.json")
    try:
        spans = tuple(
            (float(span["start"]), float(span["end"]), READER.emotion_of(span["emo"])) for span in entry["emotion"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Misnamed(f"its entry in ZED.json is broken ({error})") from error
    emotions = {emotion for _, _, emotion in spans} - {"neutral"}
    if len(emotions) > 1:
        raise Misnamed("marked with several emotions")
    # The speaker stands before the running number: spk1_3.
    numbered = re.fullmatch(r"(.+)_\d+", path.stem)
    return Utterance(
        path=path,
        corpus=READER.name,
        speaker=numbered[1] if numbered else path.stem,
        emotion=emotions.pop() if emotions else "neutral",
        language="en",
        text=entry.get("transcription") or None,
        segments=spans,
    )


READER = CorpusReader("zed", "ZED.json", _LABELS, _decode, _index)
