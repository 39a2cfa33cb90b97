"""What a diarizer hears of recordings as they lie, whole, the way that `diarize` hears them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sedtalker_cli.audio.levelling import levelled
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.data.composites import SPEECH_DEPTH, loud_frames
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.data.recordings import WaveformStore
from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.model.diarizer import Diarizer, Voice
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.features import Features
from sedtalker_cli.pipeline import LONG
from sedtalker_cli.progress import Progress

SCORED = f"frames of speech: 20 ms, at most {SPEECH_DEPTH:g} dB below the recording's loudest"


@dataclass(frozen=True)
class Heard:
    """A recording and what was heard in it.

    Attributes:
        utterance: it, or any of its speaker.
        spoken: (T,) bool, frames that are scored; told by level alone (see `SCORED`), not by any model.
        plain: its timeline by the measure of all.
        adapted: its timeline when the speaker is known by all their recordings.
    """

    utterance: Utterance
    spoken: np.ndarray
    plain: EmotionTimeline
    adapted: EmotionTimeline

    def timeline(self, adapted: bool) -> EmotionTimeline:
        """One of the two."""
        return self.adapted if adapted else self.plain


class Listener:
    """Models, and what they heard of every recording; each is encoded once, speaker by speaker.

    Args:
        encoder, diarizer: the models.
        utterances: recordings of the split.
        store: their waveforms as recorded.
        progress: called as (stage, done, total).

    Attributes:
        heard: one a recording, those of a speaker together.
        voices: (corpus, speaker) -> what is known of them.
    """

    def __init__(
        self,
        encoder: SpeechEncoder,
        diarizer: Diarizer,
        utterances: Sequence[Utterance],
        store: WaveformStore,
        progress: Progress,
    ):
        self.encoder, self.diarizer, self.store = encoder, diarizer, store
        self.heard: list[Heard] = []
        self.voices: dict[tuple[str, str], Voice] = {}
        by_speaker = defaultdict(list)
        for utterance in utterances:
            by_speaker[utterance.corpus, utterance.speaker].append(utterance)
        done = 0
        for speaker, spoken in by_speaker.items():
            features = []
            for utterance in spoken:
                features.append(encoder.encode([levelled(store(utterance))]))
                done += 1
                progress("recordings", done, len(utterances))
            first, *others = (diarizer.voice(sound) for sound in features)
            self.voices[speaker] = sum(others, first)
            self.heard += [self._heard(u, store(u), sound) for u, sound in zip(spoken, features, strict=True)]

    def hear(self, utterance: Utterance, waveform: np.ndarray) -> Heard:
        """Listen to another waveform (N,) of the speaker of an utterance."""
        return self._heard(utterance, waveform, self.encoder.encode([levelled(waveform)]))

    def _heard(self, utterance: Utterance, waveform: np.ndarray, features: Features) -> Heard:
        duration = len(waveform) / SAMPLE_RATE
        known = self.voices[utterance.corpus, utterance.speaker]
        # As in `Pipeline.diarize`: a long recording is judged by what it tells of its speaker itself.
        own = self.diarizer.voice(features) if duration >= LONG and self.diarizer.adapts else None
        plain, adapted = (self._timeline(features, duration, voice) for voice in (own, known))
        return Heard(utterance, loud_frames(waveform), plain, adapted)

    def _timeline(self, features: Features, duration: float, voice: Voice | None) -> EmotionTimeline:
        posteriors, intensity = self.diarizer.predict(features, voice)
        return EmotionTimeline.from_posteriors(
            self.diarizer.classes, posteriors, intensity, duration, **self.diarizer.decoding
        )
