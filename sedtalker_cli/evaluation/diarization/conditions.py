"""What noise, rooms, channels and silence at the edges cost: some clips, once more in each condition."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedtalker_cli.data.conditions import CONDITIONS, in_condition
from sedtalker_cli.evaluation.diarization.listening import Heard, Listener
from sedtalker_cli.evaluation.diarization.stretches import is_labelled_speech
from sedtalker_cli.evaluation.metrics.confusion import confusion_by_group
from sedtalker_cli.progress import Progress

MOST = 60  # clips of a corpus
RECORDED = "as recorded"


@dataclass(frozen=True)
class ConditionScores:
    """Unweighted average recall of the same clips in every condition.

    Attributes:
        clips: corpus -> number of clips.
        plain, adapted: condition, `RECORDED` first -> corpus -> UAR; adapted: the speakers are known by all their
            recordings, as recorded.
    """

    clips: dict[str, int]
    plain: dict[str, dict[str, float]]
    adapted: dict[str, dict[str, float]]

    def to_dict(self) -> dict[str, Any]:
        """Numbers, ready for JSON."""
        return {"clips": self.clips, "uar": self.plain, "uar_adapted": self.adapted}


def score_conditions(listener: Listener, seed: int, progress: Progress) -> ConditionScores:
    """Score at most `MOST` clips of one emotion a corpus in all conditions; see `ConditionScores`.

    Args:
        listener: has heard them as recorded.
        seed: of the choice of clips, and of noises and rooms.
        progress: called as (stage, done, total).
    """
    chosen = choose(listener.heard, seed)
    classes = listener.diarizer.classes
    sounds = [listener.store(item.utterance) for item in chosen]
    speakers = [(item.utterance.corpus, item.utterance.speaker) for item in chosen]
    answers: dict[str, list[list[int]]] = {RECORDED: [answers_of(item, item.spoken) for item in chosen]}
    for kind, name in enumerate(CONDITIONS):
        answers[name] = []
        for number, item in enumerate(chosen):
            rng = np.random.default_rng([seed, kind, number])
            others = [w for w, speaker in zip(sounds, speakers, strict=True) if speaker != speakers[number]]
            waveform, speech = in_condition(name, sounds[number], rng, others or sounds)
            answers[name].append(answers_of(listener.hear(item.utterance, waveform), speech))
            progress("conditions", kind * len(chosen) + number + 1, len(CONDITIONS) * len(chosen))
    reference = np.array([classes.index(item.utterance.label) for item in chosen])
    corpora = [item.utterance.corpus for item in chosen]

    def recall(rows: list[list[int]], side: int) -> dict[str, float]:
        found = confusion_by_group(corpora, reference, np.array(rows)[:, side], classes)
        return {corpus: confusion.uar for corpus, confusion in found.items()}

    plain, adapted = ({name: recall(rows, side) for name, rows in answers.items()} for side in (0, 1))
    return ConditionScores({name: corpora.count(name) for name in sorted(set(corpora))}, plain, adapted)


def choose(heard: Sequence[Heard], seed: int) -> list[Heard]:
    """At most `MOST` recordings a corpus of speech of one emotion, drawn from the seed, those of a corpus together."""
    by_corpus = defaultdict(list)
    for item in heard:
        if is_labelled_speech(item.utterance) and not item.utterance.segments and item.spoken.any():
            by_corpus[item.utterance.corpus].append(item)
    chosen = []
    for corpus, items in sorted(by_corpus.items()):
        rng = np.random.default_rng([seed, *corpus.encode()])
        chosen += [items[k] for k in sorted(rng.permutation(len(items))[:MOST])]
    return chosen


def answers_of(heard: Heard, speech: np.ndarray) -> list[int]:
    """Likeliest class by the mean posterior of the frames of speech (T,) bool, plain and adapted."""
    return [int(heard.timeline(adapted).posteriors[speech].mean(0).argmax()) for adapted in (False, True)]
