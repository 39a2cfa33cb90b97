"""A diarizer checkpoint on the recordings of a split: whole clips, and clips joined with known boundaries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sedtalker_cli.data.recordings import WaveformStore, read_corpora, thinned
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.diarization.clips import ClipScores, score_clips
from sedtalker_cli.evaluation.diarization.conditions import ConditionScores, score_conditions
from sedtalker_cli.evaluation.diarization.joined import JoinedScores, score_joined, score_marked
from sedtalker_cli.evaluation.diarization.listening import SCORED, Listener
from sedtalker_cli.evaluation.diarization.stretches import is_labelled_speech
from sedtalker_cli.model.diarizer import Diarizer
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.progress import Progress, silent

LONGEST = 3600.0  # s of a recording


@dataclass
class DiarizationReport:
    """Everything that `evaluate diarization` measures of a checkpoint.

    Attributes:
        split: part of the corpora.
        clips: recordings of one emotion, whole and as recorded.
        adapted: the same when the speakers are known by all their clips (`diarize --adapt`).
        joined: joined clips of the corpora that the checkpoint was trained on (of all, if on none).
        foreign: joined clips of the other corpora, if there are any.
        marked: recordings whose corpus marks spans, if there are any.
        conditions: clips in noise, rooms, channels and silence, if that was asked for.
        settings: how it was measured.
        scored: which frames of a recording are scored.
    """

    split: str
    clips: ClipScores
    adapted: ClipScores
    joined: JoinedScores
    foreign: JoinedScores | None
    marked: JoinedScores | None
    conditions: ConditionScores | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    scored: str = SCORED

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings and None, ready for JSON."""
        return {
            "split": self.split,
            "settings": self.settings,
            "scored": self.scored,
            **self.clips.to_dict(),
            "adapted": self.adapted.to_dict(),
            "joined": self.joined.to_dict(),
            "joined_of_other_corpora": self.foreign and self.foreign.to_dict(),
            "marked": self.marked and self.marked.to_dict(),
            "conditions": self.conditions and self.conditions.to_dict(),
        }


def evaluate_checkpoint(
    encoder: SpeechEncoder,
    diarizer: Diarizer,
    corpora: Sequence[tuple[str, Path]],
    splits: Path | None,
    split: str = "test",
    joined: int = 300,
    seed: int = 0,
    fold: int | None = None,
    leave_out: str | None = None,
    most: int | None = None,
    conditions: bool = False,
    log: Callable[[str], None] = lambda text: None,
    progress: Progress = silent,
) -> DiarizationReport:
    """Score a checkpoint on one split of corpora, on recordings as they lie.

    Args:
        encoder, diarizer: the models.
        corpora: (name, folder) pairs; read speech takes part in false emotion only.
        splits: table of splits, or None to draw them by speaker, as training does.
        split: which part.
        joined: number of joined recordings of 2 to 4 clips.
        seed: of the joined recordings.
        fold, leave_out: as in training (see `data.recordings.read_corpora`).
        most: clips of a speaker that are scored, of read speech two; None scores all.
        conditions: score some clips in noise, rooms, channels and silence too.
        log: called with one line at a time.
        progress: called as (stage, done, total).

    Raises:
        InputError: the split holds no labelled recording.
    """
    store = WaveformStore(trim=False, max_seconds=LONGEST)
    wanted = [u for u in read_corpora(corpora, splits, fold, leave_out, log) if u.split == split]
    utterances = store.usable(wanted if most is None else thinned(wanted, most), log)
    speech = [u for u in utterances if is_labelled_speech(u)]
    if not speech:
        raise InputError(f"the {split} split holds no labelled recording; give --corpus and --splits that fit")
    present = sorted({u.corpus for u in speech})
    pool = tuple(name for name in present if name in diarizer.trained_on) or tuple(present)
    settings = {"joined": joined, "seed": seed, "corpora": sorted({u.corpus for u in utterances})}
    optional = (("fold", fold), ("leave_out", leave_out), ("most", most))
    settings |= {name: value for name, value in optional if value is not None}
    listener = Listener(encoder, diarizer, utterances, store, progress)

    def join(names: Sequence[str]) -> JoinedScores | None:
        chosen = [u for u in speech if u.corpus in names]
        return score_joined(listener, chosen, joined, seed, progress) if chosen else None

    return DiarizationReport(
        split,
        score_clips(listener, pool, adapted=False),
        score_clips(listener, pool, adapted=True),
        join(pool),
        join([name for name in present if name not in pool]),
        score_marked(listener),
        score_conditions(listener, seed, progress) if conditions else None,
        settings,
    )
