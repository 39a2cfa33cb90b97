"""RTTM of who speaks, as speaker diarization leaves it (pyannote, NeMo): `SPEAKER uri 1 onset dur ... speaker`."""

import os
import re
from pathlib import Path

from sedtalker_cli.emotion.speakers import SpeakerTurn
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.edges import read_time
from sedtalker_cli.formats.rttm import safe_uri
from sedtalker_cli.formats.skipping import Skipped
from sedtalker_cli.formats.text import read_labels_text

NAME = 7  # the speaker's field; what follows it is optional
UNKNOWN = "<NA>"


def read_speaker_rttm(path: str | os.PathLike, strict: bool = False) -> dict[str, list[SpeakerTurn]]:
    """Read the turns of every recording.

    Turns may overlap and stand in any order. Comments (`;`) and lines of other types are passed over, turns without
    length or without a speaker too; fields that do not matter here may be `<NA>` or, at the end, missing.

    Args:
        path: RTTM file.
        strict: whether a line that cannot be used is an error; otherwise it is left out with a warning.

    Returns:
        Turns in order of time for every uri, in the file's order of uris; none where no line of it can be used.

    Raises:
        InputError: no turn at all, or with `strict`; names the first line that could not be used.
    """
    recordings: dict[str, list[SpeakerTurn]] = {}
    skipped = Skipped(path, strict)
    for number, line in enumerate(read_labels_text(Path(path)).split("\n"), start=1):
        fields = line.split()
        if not fields or fields[0].startswith((";", "#")):
            continue
        with skipped.item():
            if fields[0] != "SPEAKER":
                if not re.fullmatch(r"[A-Z][A-Z_-]+", fields[0]):
                    raise InputError(
                        f"{path}:{number}: not an RTTM line; expected SPEAKER uri channel onset duration ..."
                    )
                continue
            turns = recordings.setdefault(fields[1], []) if len(fields) > 2 else []  # of a name that is whole
            if len(fields) <= NAME:
                raise InputError(f"{path}:{number}: has {len(fields)} fields; the speaker is field {NAME + 1}")
            if UNKNOWN in (fields[3], fields[4], fields[NAME]):
                raise InputError(f"{path}:{number}: turn without time or speaker")
            onset = read_time(fields[3], "onset", path, number)
            duration = read_time(fields[4], "duration", path, number)
            if duration > 0:
                turns.append(SpeakerTurn(onset, duration, fields[NAME]))
    skipped.check(any(recordings.values()), "holds no turn of a speaker; is it an RTTM file of who speaks?")
    return {uri: sorted(turns, key=lambda turn: (turn.onset, turn.speaker)) for uri, turns in recordings.items()}


def turns_of(path: str | os.PathLike, recordings: dict[str, list[SpeakerTurn]], name: str) -> list[SpeakerTurn]:
    """The turns of one recording: by its name, or all if the file is about a single recording.

    Args:
        path: the file, for messages.
        recordings: as `read_speaker_rttm` gives them.
        name: of the recording, without suffix.

    Raises:
        InputError: the file is about several recordings, none of that name, or no turn of that name can be used.
    """
    found = recordings.get(name, recordings.get(safe_uri(name)))
    if found is None and len(recordings) == 1:
        found = next(iter(recordings.values()))
    if found:
        return found
    if found is not None:
        raise InputError(f"{path}: no turn of {name} can be used; mend one, or leave this recording out")
    known = ", ".join(list(recordings)[:5]) + (", ..." if len(recordings) > 5 else "")
    raise InputError(f"{path}: says nothing of {name}; it knows {known}")
