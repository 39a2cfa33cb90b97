"""Same-speaker clips joined, so that emotion changes WITHIN a recording (cf. arXiv 2306.12991, section 3)."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from sedtalker_cli.audio.vad import frame_levels
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.data.augment import augment, change_speed
from sedtalker_cli.data.corpora.base import Utterance

PATTERNS = {"single": 0.3, "NE": 0.14, "EN": 0.14, "NEN": 0.12, "EE": 0.15, "chain": 0.15}
"""Kind of recording -> probability; N neutral, E another emotion, `chain` three to five clips of any emotion."""
SPEECH_DEPTH = 35.0  # dB
SILENCE = -85.0  # dB of full scale


@dataclass(frozen=True)
class Turn:
    """A stretch of one emotion inside a composite: a clip, or a part of one whose corpus marks spans; times in s.

    Attributes:
        onset, duration: Where it lies.
        utterance: What is said, narrowed to this stretch (see `Utterance.parts`).
    """

    onset: float
    duration: float
    utterance: Utterance


@dataclass(frozen=True)
class Composite:
    """A joined recording: waveform (N,) at 16 kHz, the turns that tile it, and where speech is heard.

    Attributes:
        waveform: (N,) float32.
        turns: in order.
        speech: (ceil(N / 320),) bool, found before noise and rooms are added; None is speech throughout.
    """

    waveform: np.ndarray
    turns: tuple[Turn, ...]
    speech: np.ndarray | None = None

    @property
    def duration(self) -> float:
        return len(self.waveform) / SAMPLE_RATE


class CompositeSampler:
    """Draws composites by (epoch, index) from a seed; the same numbers give the same samples.

    Args:
        utterances: what to draw from.
        load: gives an utterance's speech-trimmed waveform (N,) at 16 kHz.
        seed: of everything drawn.
        max_seconds: longest composite.
        temperature: corpora are drawn in proportion to size ** temperature.
        augmentation: strength as in `augment`; 0 leaves the sound clean and at its speed.
        patterns: probabilities as in `PATTERNS`.
        chain: fewest and most clips of a `chain`.
        silence: longest silence in s, at both ends and between clips; 0 joins them as closely as can be.
        shares: corpus -> factor on how often it is drawn.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        load: Callable[[Utterance], np.ndarray],
        seed: int = 0,
        max_seconds: float = 12.0,
        temperature: float = 0.5,
        augmentation: float = 1.0,
        patterns: dict[str, float] = PATTERNS,
        chain: tuple[int, int] = (3, 5),
        silence: float = 0.0,
        shares: Mapping[str, float] = MappingProxyType({}),
    ):
        self.load, self.seed, self.max_seconds, self.augmentation = load, seed, max_seconds, augmentation
        self.patterns, self.chain, self.silence = patterns, chain, silence
        # corpus -> speaker -> class (or classes any of which counts, or nothing) -> utterances
        self.tree: dict[str, dict[str, dict[str, list[Utterance]]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(list))
        )
        for utterance in utterances:
            self.tree[utterance.corpus][utterance.speaker]["/".join(utterance.accepted)].append(utterance)
        self.corpora = sorted(self.tree)
        sizes = np.array([sum(len(u) for s in self.tree[c].values() for u in s.values()) for c in self.corpora])
        weights = sizes**temperature * [shares.get(c, 1.0) for c in self.corpora]
        self.corpus_weights = weights / weights.sum()

    def _classes(self, by_class: dict[str, list[Utterance]], rng: np.random.Generator) -> list[str]:
        """Emotions of the clips of one composite, as far as the speaker has them."""
        emotional = sorted(set(by_class) - {"neutral"})
        kind = rng.choice(list(self.patterns), p=np.array(list(self.patterns.values())) / sum(self.patterns.values()))
        if not emotional:
            return ["neutral"] * (1 if kind == "single" else 2)
        first = str(rng.choice(emotional))
        others = sorted(set(by_class) - {first})
        second = str(rng.choice(others)) if others else first
        neutral = "neutral" if "neutral" in by_class else second
        if kind == "single":
            return [str(rng.choice(sorted(by_class)))]
        if kind == "chain":
            names, chain = sorted(by_class), []
            for _ in range(rng.integers(self.chain[0], self.chain[1] + 1)):
                chain.append(str(rng.choice([n for n in names if not chain or n != chain[-1]] or names)))
            return chain
        return {
            "NE": [neutral, first],
            "EN": [first, neutral],
            "NEN": [neutral, first, neutral],
            "EE": [first, second],
        }[str(kind)]

    def draw(self, epoch: int, index: int) -> Composite:
        """The composite number `index` of an epoch."""
        rng = np.random.default_rng([self.seed, epoch, index])
        corpus = self.tree[str(rng.choice(self.corpora, p=self.corpus_weights))]
        by_class = corpus[str(rng.choice(sorted(corpus)))]
        classes = self._classes(by_class, rng)
        chosen = [by_class[c][rng.integers(len(by_class[c]))] for c in classes]
        speed = float(rng.choice([1.0, rng.uniform(0.85, 1.18)])) if self.augmentation else 1.0
        speed = speed if abs(speed - 1) > 0.01 else 1.0
        clips = []
        for utterance in chosen:
            clip = self.load(utterance)
            clips.append(change_speed(clip, speed) if speed != 1 else clip)
        match = bool(rng.random() < 0.6)
        pauses = 0.7 if self.silence else 0.3
        composite = join(
            clips,
            chosen,
            rng,
            self.max_seconds,
            match_loudness=match,
            pauses=pauses,
            speed=speed,
            longest_pause=max(0.4, 0.8 * self.silence),
        )
        if self.silence:
            composite = with_silent_ends(composite, rng, self.silence)
        composite = replace(composite, speech=loud_frames(composite.waveform))
        if not self.augmentation:
            return composite
        return replace(composite, waveform=augment(composite.waveform, rng, self.augmentation))


def join(
    clips: Sequence[np.ndarray],
    utterances: Sequence[Utterance],
    rng: np.random.Generator,
    max_seconds: float,
    match_loudness: bool = True,
    pauses: float = 0.3,
    speed: float = 1.0,
    longest_pause: float = 0.4,
) -> Composite:
    """Join clips with short cross-fades or pauses.

    Args:
        clips: waveforms (N,), speech-trimmed where their corpus marks no spans in them.
        utterances: what they are.
        rng: source of chance (pauses, loudness of a pause).
        max_seconds: the joined waveform is cut there.
        match_loudness: bring all clips to the first one's root mean square.
        pauses: probability of a pause at a join; a boundary lies in its middle.
        speed: how many times as fast as recorded the clips are; marked spans move with it.
        longest_pause: in s; the shortest is 0.05 s.

    Returns:
        The composite; its turns tile it.
    """
    fade = round(0.02 * SAMPLE_RATE)
    level = rms(clips[0])
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    waveform, bounds, starts = np.zeros(0, np.float32), [0], [0]
    for number, clip in enumerate(clips):
        clip = np.array(clip, np.float32)
        if match_loudness:
            clip *= np.clip(level / rms(clip), 0.1, 10)
        fade_in = min(fade, len(clip) // 2)
        if number == 0:
            waveform = clip
            continue
        clip[:fade_in] *= ramp[:fade_in]
        waveform[len(waveform) - fade_in :] *= ramp[:fade_in][::-1]
        if rng.random() < pauses:
            pause = round(rng.uniform(0.05, longest_pause) * SAMPLE_RATE)
            bounds.append(len(waveform) + pause // 2)
            hiss = rng.standard_normal(pause).astype(np.float32) * level * 10 ** rng.uniform(-3.5, -2.0)
            starts.append(len(waveform) + pause)
            waveform = np.concatenate([waveform, hiss, clip])
        else:
            starts.append(len(waveform) - fade_in)
            bounds.append(len(waveform) - fade_in // 2)
            overlap = waveform[len(waveform) - fade_in :] + clip[:fade_in]
            waveform = np.concatenate([waveform[: len(waveform) - fade_in], overlap, clip[fade_in:]])
    waveform = waveform[: round(max_seconds * SAMPLE_RATE)]
    bounds = [b for b in bounds if b < len(waveform) - SAMPLE_RATE // 5 or b == 0]
    edges = [b / SAMPLE_RATE for b in [*bounds, len(waveform)]]
    turns: list[Turn] = []
    for a, b, start, utterance in zip(edges[:-1], edges[1:], starts, utterances, strict=False):
        turns += _turns(a, b, start / SAMPLE_RATE, speed, utterance)
    return Composite(waveform, tuple(turns))


def with_silent_ends(composite: Composite, rng: np.random.Generator, longest: float) -> Composite:
    """Put silence before and behind a composite, of a room or digital; the first and the last turn take it in.

    Args:
        composite: not changed.
        rng: source of chance.
        longest: of either end in s.
    """
    before, behind = (round(rng.uniform(0, longest) * SAMPLE_RATE) if rng.random() < 0.7 else 0 for _ in range(2))
    level = 0.0 if rng.random() < 0.3 else rms(composite.waveform) * 10 ** rng.uniform(-3.0, -1.75)
    ends = [(rng.standard_normal(n) * level).astype(np.float32) for n in (before, behind)]
    shift, tail = before / SAMPLE_RATE, behind / SAMPLE_RATE
    turns = [replace(turn, onset=turn.onset + shift) for turn in composite.turns]
    turns[0] = replace(turns[0], onset=0.0, duration=turns[0].duration + shift)
    turns[-1] = replace(turns[-1], duration=turns[-1].duration + tail)
    return Composite(np.concatenate([ends[0], composite.waveform, ends[1]]), tuple(turns))


def loud_frames(waveform: np.ndarray) -> np.ndarray:
    """Frames (ceil(N / 320),) bool at most `SPEECH_DEPTH` dB below the loudest: speech, in a clean recording."""
    levels = frame_levels(waveform)
    return levels > max(levels.max(initial=-np.inf) - SPEECH_DEPTH, SILENCE)


def _turns(onset: float, end: float, start: float, speed: float, utterance: Utterance) -> list[Turn]:
    """Turns of a clip whose own time begins at `start` and that is heard from `onset` to `end`; all in s."""
    parts = utterance.parts((end - start) * speed)
    edges = [onset, *(max(onset, start + first / speed) for first, _, _ in parts[1:]), end]
    return [Turn(a, b - a, part) for a, b, (_, _, part) in zip(edges[:-1], edges[1:], parts, strict=True) if b > a]


def rms(waveform: np.ndarray) -> float:
    """Root mean square, never 0."""
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)) + 1e-12))
