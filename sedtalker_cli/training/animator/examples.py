"""What the animator learns from: mouths captured and generated, speech without motion, sounds over which it rests."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.data.augment import band_limit, coloured_noise
from sedtalker_cli.data.captures import Capture, on_head
from sedtalker_cli.data.coarticulation.generated import read_generated
from sedtalker_cli.data.examples import Example
from sedtalker_cli.data.recordings import WaveformStore, read_corpora
from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.face.head import Head
from sedtalker_cli.training.animator.motion import vary
from sedtalker_cli.training.animator.settings import AnimatorTraining


class Speech:
    """Training recordings of corpora without motion, decoded when first asked for."""

    def __init__(self, settings: AnimatorTraining, log: Callable[[str], None]):
        self.settings, self.log = settings, log
        self.store = WaveformStore(max_seconds=8.0)
        self.utterances = None

    def draw(self, number: int) -> Iterator[np.ndarray]:
        """Waveforms of `settings.speech` recordings, corpora equally often."""
        if not self.settings.corpora or not self.settings.speech:
            return
        if self.utterances is None:
            found = read_corpora(self.settings.corpora, self.settings.splits, log=self.log)
            self.utterances = [u for u in found if u.split == "train"]
        rng = np.random.default_rng([self.settings.seed, number, 1])
        by_corpus: dict[str, list] = {}
        for utterance in self.utterances:
            by_corpus.setdefault(utterance.corpus, []).append(utterance)
        for _ in range(self.settings.speech):
            group = by_corpus[str(rng.choice(sorted(by_corpus)))]
            yield self.store(group[rng.integers(len(group))])


def examples(
    captures: list[Capture], speech: Speech, head: Head, number: int, settings: AnimatorTraining
) -> Iterator[Example]:
    """Examples of one draw: captured motion, speech without, and stillness."""
    rng, styles = np.random.default_rng([settings.seed, number]), settings.styles

    def varied(example: Example) -> Example:
        return vary(example, rng) if number else example

    training = [c for c in captures if c.split == "train" and settings.learn_captures]
    lengths: dict[str, float] = {}
    for capture in training:
        lengths[capture.source] = lengths.get(capture.source, 0) + len(capture.weights) / capture.fps
    # Sources are balanced halfway: each is heard in proportion to the square root of its length.
    repeats = {source: round(math.sqrt(max(lengths.values()) / length)) for source, length in lengths.items()}
    for capture in [c for c in training for _ in range(repeats[c.source])]:
        waveform = load_audio(capture.audio)
        mouth = on_head(capture, head)
        piece = round(8 * capture.fps)
        for start in range(0, len(mouth), piece):
            begin, end = start / capture.fps, (start + piece) / capture.fps
            sound = waveform[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
            if len(sound) > SAMPLE_RATE // 2:
                part = mouth[start : start + piece + 1]
                yield varied(Example(sound, part, capture.fps, capture.channels, capture.source))
    for folder in settings.phones:
        yield from map(varied, read_generated(folder, head, seed=number))
    nothing, everything = np.zeros((2, len(ARKIT_NAMES)), np.float32), np.ones(len(ARKIT_NAMES), bool)
    for index, waveform in enumerate(speech.draw(number)):
        yield varied(Example(waveform, nothing, 1.0, ~everything, styles[index % len(styles)]))
    for index in range(settings.still):
        yield Example(still_sound(rng), nothing, 1.0, everything, styles[index % len(styles)])


def still_sound(rng: np.random.Generator) -> np.ndarray:
    """Three seconds of what is not speech: silence, noise, noise with slow swells, breath, chords of steady tones."""
    samples = 3 * SAMPLE_RATE
    time_axis = np.arange(samples) / SAMPLE_RATE
    kind, level = rng.integers(5), 10 ** rng.uniform(-3.5, -0.8)
    if kind == 0:
        return np.zeros(samples, np.float32)
    noise = coloured_noise(samples, rng)
    noise /= noise.std() + 1e-9
    if kind == 1:
        sound = noise
    elif kind == 2:
        sound = noise * (0.2 + np.interp(time_axis, np.linspace(0, 3, 7), rng.uniform(0, 1, 7)))
    elif kind == 3:  # breath: noise of the vocal tract's band, one to three times in and out
        breaths = np.sin(np.pi * rng.integers(1, 4) * time_axis / 3 + rng.uniform(0, np.pi)) ** 2
        sound = band_limit(noise, rng.uniform(200, 600), rng.uniform(3000, 6000)) * breaths
    else:
        roots = 110 * 2 ** (rng.integers(0, 36, 4) / 12)
        onsets = rng.uniform(0, 2, 4)
        tones = [
            np.where(time_axis > s, np.exp(-(time_axis - s)), 0) * np.sin(2 * np.pi * f * h * time_axis) / h
            for f, s in zip(roots, onsets, strict=True)
            for h in range(1, 6)
        ]
        sound = np.sum(tones, 0) + 0.02 * noise
    return np.clip(sound / (np.abs(sound).max() + 1e-9) * level * 3, -1, 1).astype(np.float32)
