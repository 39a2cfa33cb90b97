"""What a diarizer hears of the recordings of a split."""

from collections.abc import Sequence

import numpy as np

from sedtalker_cli.data.composites import loud_frames
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.data.recordings import WaveformStore
from sedtalker_cli.model.diarizer import Diarizer, Voice
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.progress import Progress


class Listener:
    """Models and what they heard of every recording, so that each is listened to once.

    Args:
        encoder, diarizer: the models.
        utterances: recordings of the split.
        store: their waveforms.
        progress: called as (stage, done, total).

    Attributes:
        features: (T, L, D) of each recording.
        speech: (T,) bool of each, frames within 35 dB of its loudest: a definition that does not ask the model.
    """

    def __init__(
        self,
        encoder: SpeechEncoder,
        diarizer: Diarizer,
        utterances: Sequence[Utterance],
        store: WaveformStore,
        progress: Progress,
    ):
        self.encoder, self.diarizer, self.utterances, self.store = encoder, diarizer, utterances, store
        self.features, self.speech, self.voices = [], [], {}
        for number, utterance in enumerate(utterances, start=1):
            waveform = store(utterance)
            self.features.append(encoder.encode([waveform]))
            self.speech.append(loud_frames(waveform))
            key = (utterance.corpus, utterance.speaker)
            voice = diarizer.voice(self.features[-1])
            self.voices[key] = self.voices[key] + voice if key in self.voices else voice
            progress("clips", number, len(utterances))

    def voice(self, utterance: Utterance) -> Voice:
        """What is known of its speaker."""
        return self.voices[utterance.corpus, utterance.speaker]

    def predict(self, adapted: bool) -> list[tuple[np.ndarray, np.ndarray]]:
        """Posteriors (T, C) and intensity (T,) of every recording."""
        return [
            self.diarizer.predict(features, self.voice(utterance) if adapted else None)
            for features, utterance in zip(self.features, self.utterances, strict=True)
        ]
