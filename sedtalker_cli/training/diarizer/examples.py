"""What the diarizer learns from: every recording encoded once, and who belongs to which part."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sedtalker_cli.data.composites import CompositeSampler
from sedtalker_cli.data.corpora import FOLDS, Utterance, corpus_reader
from sedtalker_cli.data.recordings import WaveformStore, read_corpora, thinned
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.checkpoint import fingerprint
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.progress import Progress
from sedtalker_cli.training.data_marks import mark_recording
from sedtalker_cli.training.diarizer.clips import ClipSet, encode_clips
from sedtalker_cli.training.diarizer.joined import JoinedSet, encode_joined, stretches_of
from sedtalker_cli.training.diarizer.settings import DiarizerTraining
from sedtalker_cli.training.loop import Log

SILENCE = 1.5  # s, the longest at the ends of joined recordings
READ_SHARE = 0.25  # of joined recordings of plain read speech, against what its size would give


@dataclass(frozen=True)
class Examples:
    """Encoded sound of all parts.

    Attributes:
        clips: stretches of one emotion, in single and in joined recordings.
        joined: joined recordings.
        parts: corpus and speaker -> `train`, `val` or `test`.
        folds: of each fold, the speakers that are tested in it; empty where there is no cross-validation.
    """

    clips: ClipSet
    joined: JoinedSet
    parts: dict[str, str]
    folds: tuple[frozenset[str], ...] = ()

    def of(self, speakers: frozenset[str]) -> tuple[ClipSet, JoinedSet]:
        """What some speakers say."""
        rows = [i for i, name in enumerate(self.joined.names) if str(name) in speakers]
        return self.clips.of(sorted(speakers)), self.joined.chosen(rows)

    def speakers(self, *parts: str) -> frozenset[str]:
        """Speakers of some parts."""
        return frozenset(name for name, part in self.parts.items() if part in parts)


def name_of(utterance: Utterance) -> str:
    """Corpus and speaker."""
    return f"{utterance.corpus}/{utterance.speaker}"


def encode_examples(settings: DiarizerTraining, encoder: SpeechEncoder, log: Log, progress: Progress) -> Examples:
    """Read the corpora and encode them, as far as the cache does not have them yet.

    Raises:
        InputError: no usable recordings.
    """

    def read(fold: int | None) -> list[Utterance]:
        return read_corpora(settings.corpora, settings.splits, fold, settings.leave_out, log if fold is None else quiet)

    utterances = read(settings.fold)
    recorded = WaveformStore(trim=False)
    usable = recorded.usable(thinned(utterances, settings.clips), log)
    labelled = [u for u in usable if corpus_reader(u.corpus).annotated and (u.accepted or u.intensity is not None)]
    if not labelled:
        raise InputError("no usable recordings with emotions; give more corpora or another --splits")
    cache = settings.cache or settings.out / "cache"
    clips = encode_clips(cache / "clips", usable, recorded, encoder, settings.copies, settings.seed, progress)
    # Every corpus has joined recordings, also one that is left out: the same cache serves all parts.
    heard = set(zip(clips.speaker.tolist(), clips.path.tolist(), strict=True))
    spoken = [u for u in usable if u.speech and u.accepted and (name_of(u), u.path.name) in heard]
    if not spoken:
        raise InputError("no recordings of speech with emotions; give more corpora or another --splits")
    sampler = CompositeSampler(
        [replace(u, split=None) for u in spoken],
        WaveformStore(),
        settings.seed,
        temperature=settings.temperature,
        augmentation=settings.augmentation,
        silence=SILENCE,
        shares={u.corpus: READ_SHARE for u in spoken if not corpus_reader(u.corpus).annotated},
    )
    folder = cache / f"joined-{joined_key(settings, encoder, spoken):08x}"
    joined = encode_joined(folder, sampler, settings.composites, encoder, progress)
    clips += stretches_of(joined, settings.seed)
    folds = ()
    if settings.cross_validate:
        drawn = (frozenset(name_of(u) for u in read(k) if u.split == "test") for k in range(FOLDS))
        folds = tuple(fold for fold in drawn if fold)  # few speakers do not fill all
        if len(folds) < 2:
            raise InputError("--cross-validate needs speakers in two folds or more; give more corpora")
    return Examples(clips, joined, {name_of(u): u.split for u in utterances}, folds)


def joined_key(settings: DiarizerTraining, encoder: SpeechEncoder, utterances: Sequence[Utterance]) -> int:
    """A number for all that joined recordings depend on: another drawing must not be taken from a shared cache."""
    drawn = (settings.composites, settings.seed, settings.temperature, settings.augmentation, fingerprint(encoder))
    said = (f"{u.path.name} {mark_recording(u)}" for u in utterances)
    return zlib.crc32("\n".join([*map(str, drawn), *said]).encode())


def quiet(text: str) -> None:
    """A log that keeps nothing."""
