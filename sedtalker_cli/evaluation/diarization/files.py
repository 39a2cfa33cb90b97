"""Hypothesis RTTMs against reference RTTMs: files or folders, with or without a UEM, and no model."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sedtalker_cli.emotion.timeline import EMOTIONS, Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.metrics.diarization import DiarizationScore, score_files
from sedtalker_cli.evaluation.report.tables import listed
from sedtalker_cli.formats.one_emotion import one_at_a_time
from sedtalker_cli.formats.rttm import read_rttm
from sedtalker_cli.formats.skipping import Skipped
from sedtalker_cli.formats.uem import read_uem


@dataclass
class RttmReport:
    """Scores of RTTM files.

    Attributes:
        score: of all recordings.
        references, hypotheses: recording -> segments.
        sources: what was compared, as given: reference, hypothesis, uem (None without).
        notes: what a reader should know, e.g. recordings without a hypothesis.
    """

    score: DiarizationScore
    references: dict[str, list[Segment]]
    hypotheses: dict[str, list[Segment]]
    sources: dict[str, str | None]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings and None, ready for JSON."""
        content = self.score.to_dict()
        for name, row in content["per_file"].items():
            error, boundary = self.score.errors[name], self.score.boundaries[name]
            row |= {
                "missed": error.missed,
                "false_alarm": error.false_alarm,
                "confusion": error.confusion,
                "boundaries_reference": boundary.reference,
                "boundaries_hypothesis": boundary.hypothesis,
                "boundaries_matched": boundary.matched,
            }
        return {"mode": "rttm", **self.sources, "notes": self.notes, "score": content}


def evaluate_rttm(reference: Path, hypothesis: Path, uem: Path | None = None, strict: bool = False) -> RttmReport:
    """Score hypotheses against references; recordings are matched by the uri in the files.

    Args:
        reference: RTTM file, or folder that is searched to the bottom.
        hypothesis: the same.
        uem: regions to evaluate; a recording that it does not name is evaluated whole.
        strict: whether a line that cannot be used is an error; otherwise it is left out with a warning.

    Returns:
        Scores; without a UEM a recording is evaluated from 0 to the end of its reference.

    Raises:
        InputError: files that cannot be used, or no recording on both sides.
    """
    references, hypotheses = read_recordings(reference, strict), read_recordings(hypothesis, strict)
    regions = read_uem(uem, strict) if uem else {}
    if not any(name in hypotheses for name in references):
        raise InputError(
            f"{hypothesis}: no recording of {reference} is in it ({next(iter(references))} against "
            f"{next(iter(hypotheses))}); the second field of both has to be the same"
        )
    notes = []
    for names, said in (
        ([n for n in references if n not in hypotheses], "without a hypothesis, counted as missed"),
        ([n for n in hypotheses if n not in references], "without a reference, left out"),
        ([n for n in references if uem and n not in regions], "not in the UEM, evaluated whole"),
        ([n for n in regions if n not in references], "in the UEM without a reference, left out"),
    ):
        if names:
            notes.append(f"{listed(sorted(names))}: {said}")
    hypotheses = {name: hypotheses[name] for name in references if name in hypotheses}
    found = [{s.emotion for part in side.values() for s in part} for side in (references, hypotheses)]
    strange = (found[0] ^ found[1]) - set(EMOTIONS)
    if strange:
        notes.append(f"{listed(sorted(strange))}: on one side only; is it spelled alike in both?")
    score = score_files(references, hypotheses, sorted(found[0] | found[1]), uems=regions)
    if not score.total.duration:
        raise InputError(f"{uem or reference}: leaves no time to evaluate")
    sources = {
        "reference": os.fspath(reference),
        "hypothesis": os.fspath(hypothesis),
        "uem": os.fspath(uem) if uem else None,
    }
    return RttmReport(score, references, hypotheses, sources, notes)


def read_recordings(path: Path, strict: bool = False) -> dict[str, list[Segment]]:
    """Recordings of an RTTM file, or of all `.rttm` files below a folder.

    Raises:
        InputError: missing or damaged files, a folder without any, or one recording in two files.
    """
    if not path.is_dir():
        return _usable(path, strict)
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() == ".rttm" and p.is_file())
    if not files:
        raise InputError(f"{path}: holds no .rttm file; name the folder of the RTTM files")
    recordings: dict[str, list[Segment]] = {}
    found_in: dict[str, Path] = {}
    for file in files:
        for uri, segments in _usable(file, strict).items():
            if uri in recordings:
                raise InputError(f"{file}: recording {uri} is in {found_in[uri]} too; remove one of them")
            recordings[uri], found_in[uri] = segments, file
    return recordings


def _usable(path: Path, strict: bool) -> dict[str, list[Segment]]:
    """Recordings of an RTTM file with one emotion at a time; those of which nothing can be used are left out."""
    skipped = Skipped(path, strict)
    found = {uri: one_at_a_time(segments, skipped) for uri, segments in read_rttm(path, strict).items() if segments}
    skipped.check(found, "")
    return found


def spread_by_error(score: DiarizationScore, count: int) -> list[str]:
    """Recordings evenly along the ranking by error rate, from the best to the worst."""
    ranked = sorted((n for n, e in score.errors.items() if e.duration), key=lambda n: (score.errors[n].eder, n))
    if len(ranked) <= count:
        return ranked
    return [ranked[round(k * (len(ranked) - 1) / (count - 1))] for k in range(count)]
