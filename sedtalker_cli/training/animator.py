"""Training of the animator."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sedtalker_cli.audio import SAMPLE_RATE, load_audio
from sedtalker_cli.data.augment import band_limit, coloured_noise
from sedtalker_cli.data.captures import MOUTH, READERS, Capture, on_head
from sedtalker_cli.data.examples import Example
from sedtalker_cli.data.generated import STYLE as RULES
from sedtalker_cli.data.generated import read_generated
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.evaluation.lipsync import score_animator
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.expression import expression_curves
from sedtalker_cli.face.head import Head, load_head
from sedtalker_cli.face.regions import lip_opening
from sedtalker_cli.metrics.expression import UPPER_FACE
from sedtalker_cli.model.animator import RATE, Animator, AnimatorNetwork, resample_frames
from sedtalker_cli.model.checkpoint import save_checkpoint, sizes_of
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.timeline import EMOTIONS
from sedtalker_cli.training.loop import (
    MovingAverage,
    append_row,
    cosine_with_warmup,
    load_state,
    run_settings,
    save_state,
    shown_settings,
)
from sedtalker_cli.training.motion import MotionSet, draw_emotions, vary
from sedtalker_cli.training.recordings import WaveformStore, read_corpora

LEAST_LIVELY = 0.05  # third differences below this share of a channel's deviation are noise
WEIGHTED = ("velocity", "vertex", "closure", "liveliness")
LOSSES = ("coefficients", "velocity", "vertices", "closure", "liveliness")
# Validation scores whose sum chooses the epoch.
JUDGED = ("jawOpen_r", "lip_gap_r", "lip_width_r", "mouthFunnel_r", "mouthPucker_r", "closure_rate")
# EmoVOCA's expressions, as its animators name them, onto the classes known here.
CLASS_MAP = {"upset": "angry", "surprised": "surprise", "calm": "neutral", "bored": "neutral", "fearful": "fear"}


@dataclass(frozen=True)
class AnimatorTraining:
    """Settings of a run; every value can be given on the command line.

    Attributes:
        captures: (source, folder) pairs of captured motion; sources as in `data.captures.READERS`. Each is a
            speaking style of the model, the first its default.
        learn_captures: False keeps them for validation, so that the mouth learns from `phones` alone.
        phones: folders of speech with phone times (see `data.generated`), whose mouths are generated.
        corpora: (name, folder) pairs of speech without motion; their voices train expression and stillness.
        splits: table of splits of the corpora, or None.
        out: folder of the run; the checkpoint is written to `out/checkpoint`.
        encoder: folder or Hugging Face id.
        cache: where encoded draws are kept; None keeps them in `out/cache`.
        draws: sets of examples; draw 0 is the sound as recorded, the others are varied.
        speech: recordings of the corpora per draw.
        still: recordings of noise per draw, over which the mouth rests.
        epochs, batch, learning_rate, weight_decay, seed: as usual.
        velocity_weight, vertex_weight, closure_weight, liveliness_weight: of the losses beside that on coefficients.
        network: overrides of the network's sizes.
    """

    captures: tuple[tuple[str, Path], ...]
    corpora: tuple[tuple[str, Path], ...]
    splits: Path | None
    out: Path
    encoder: str
    cache: Path | None = None
    draws: int = 6
    speech: int = 200
    still: int = 40
    epochs: int = 36
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    velocity_weight: float = 2.0
    vertex_weight: float = 1.0
    closure_weight: float = 0.5
    liveliness_weight: float = 0.3
    seed: int = 0
    phones: tuple[Path, ...] = ()
    learn_captures: bool = True
    network: dict[str, Any] = field(default_factory=dict)

    @property
    def styles(self) -> tuple[str, ...]:
        """Ways of speaking that the mouth learns."""
        captured = [source for source, _ in self.captures] if self.learn_captures else []
        return tuple(dict.fromkeys([*captured, *([RULES] if self.phones else [])]))


class MotionLoss(torch.nn.Module):
    """Losses on coefficients, their velocity, lip vertices through the head, and closed lips.

    Args:
        head: whose lips are moved.
        spread: (52,) usual deviation of each coefficient; errors are measured in it.
        settings: weights of the parts.
    """

    def __init__(self, head: Head, spread: np.ndarray, settings: AnimatorTraining):
        super().__init__()
        rest, change = lip_opening(head)
        self.settings = settings
        self.register_buffer("spread", torch.from_numpy(spread).float())
        self.rest = float(rest)
        self.register_buffer("change", torch.from_numpy(change).float())
        lips = head.deltas[:, head.regions["lips"][::4]]
        self.register_buffer("lips", torch.from_numpy(lips.reshape(len(lips), -1)).float())
        mouth = torch.tensor([name in MOUTH for name in ARKIT_NAMES])
        self.register_buffer("mouth", mouth)

    def forward(
        self, found: torch.Tensor, target: torch.Tensor, known: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """
        Args:
            found, target: (B, T, 52).
            known: (B, 52) with 1 for mouth channels that have a target; other channels always have one.
            mask: (B, T) with 1 for frames that exist.

        Returns:
            (5,) coefficients, velocity, lip vertices (mm^2), closure, liveliness: a squared error alone makes motion
            too smooth, so the size of each mouth channel's third differences is compared, too.
        """
        channels = torch.where(self.mouth, known, torch.ones_like(known))
        frames = mask.unsqueeze(-1) * channels.unsqueeze(1)
        error = (found - target) / self.spread
        coefficients = (error**2 * frames).sum() / frames.sum()
        both = frames[:, 1:] * frames[:, :-1]
        velocity = (error.diff(dim=1) ** 2 * both).sum() / both.sum().clamp(min=1)
        # Lips can only be compared where every channel that moves them has a target.
        lips_known = (known[:, self.mouth].mean(1, keepdim=True) > 0.3) * mask
        error = (found - target) * frames
        vertices = ((error @ self.lips * 1e3) ** 2).mean(-1)
        vertices = (vertices * lips_known).sum() / lips_known.sum().clamp(min=1)
        gap_found, gap_target = self.gap(found), self.gap(target)
        closed = (gap_target < 0.02) * lips_known
        closure = (((gap_found - gap_target) / 0.02).clamp(-3, 3) ** 2 * closed).sum() / closed.sum().clamp(min=1)
        lively = self.lively(found * frames) / self.lively(target * frames)
        lively = (lively.log() ** 2 * (known * self.mouth)).sum() / (known * self.mouth).sum().clamp(min=1)
        return torch.stack([coefficients, velocity, vertices, closure, lively])

    def gap(self, weights: torch.Tensor) -> torch.Tensor:
        """Inner lip gap (..., 52) -> (...,) over the outer eye-corner distance."""
        return (self.rest + weights @ self.change).clamp(min=0)

    def lively(self, weights: torch.Tensor) -> torch.Tensor:
        """Mean size (B, 52) of the third differences of (B, T, 52) over steps of 40 ms, in usual deviations."""
        steps = weights[:, 6:] - 3 * weights[:, 4:-2] + 3 * weights[:, 2:-4] - weights[:, :-6]
        return (steps / self.spread).abs().sum(1) / max(1, steps.shape[1]) + LEAST_LIVELY


def train_animator(
    settings: AnimatorTraining,
    log: Callable[[str], None] = print,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> dict[str, float]:
    """Train, keep the best epoch by validation correlation of the mouth, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        log: told one line at a time.
        progress: called with (what, done, total).

    Returns:
        validation scores of the checkpoint.

    Raises:
        InputError: a folder does not hold what it should, or a damaged state.
        UsageError: `out` holds a run with other settings.
    """
    out = settings.out
    cache = settings.cache or out / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    encoder, head = SpeechEncoder.load(settings.encoder), load_head()
    kept_settings = run_settings(settings, encoder)
    state = load_state(out / "state.pt", kept_settings)
    styles = settings.styles
    if not styles:
        raise UsageError("nothing moves a mouth: give captures to learn from, or recordings with phone times")
    captures = [c for source, folder in settings.captures for c in READERS[source](folder)]
    log(f"{len(captures)} captured recordings of {', '.join(s for s, _ in settings.captures)}")
    for split in ("train", "val"):
        if not any(c.split == split for c in captures):
            raise InputError(f"no captured recordings in the {split} split; give a capture that has some (grid)")
    validation = [c for c in captures if c.split == "val"]
    speech = Speech(settings, log)

    def draw(number: int) -> MotionSet:
        return MotionSet.build(
            cache / f"motion-{number}",
            examples(captures, speech, head, number, settings),
            encoder,
            lambda done: progress(f"encoding draw {number}", done, 0),
        )

    first_draw = draw(0)
    sizes = {"styles": styles, "num_taps": encoder.num_taps, "dim": encoder.dim, **settings.network}
    torch.manual_seed(settings.seed)
    network = AnimatorNetwork(EMOTIONS, **sizes)
    criterion = MotionLoss(head, usual_spread(first_draw), settings)
    average = MovingAverage(network)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    steps_per_epoch = math.ceil(len(first_draw) / settings.batch)
    total = settings.epochs * steps_per_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: cosine_with_warmup(step, total, min(200, total // 10 + 1))
    )
    weights = torch.tensor([1.0, *(getattr(settings, f"{name}_weight") for name in WEIGHTED)])
    first, best = 0, -1.0
    if state:
        network.load_state_dict(state["network"])
        average.state, average.steps = state["average"], state["average_steps"]
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first, best = state["epoch"], state["best"]
        log(f"resumed after epoch {first}")
    log(f"{sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters")
    encoded = [encoder.encode([load_audio(c.audio)]) for c in validation]
    for epoch in range(first, settings.epochs):
        begin, sums = time.monotonic(), torch.zeros(len(LOSSES), dtype=torch.float64)
        # Every second epoch hears the sound as recorded.
        train = draw(0 if epoch % 2 == 0 or settings.draws == 1 else 1 + (epoch // 2) % (settings.draws - 1))
        torch.manual_seed(settings.seed * 1000 + epoch)
        rng = np.random.default_rng([settings.seed, epoch])
        network.train()
        for step, batch in enumerate(train.batches(settings.batch, styles, rng), start=1):
            found = network(batch["features"], batch["posteriors"], batch["intensity"], batch["style"], batch["mask"])
            parts = criterion(found, batch["motion"], batch["known"], batch["mask"])
            optimizer.zero_grad()
            (parts @ weights).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            average.update(network)
            sums += parts.detach()
            progress(f"epoch {epoch + 1}", step, steps_per_epoch)
        candidate = AnimatorNetwork(EMOTIONS, **sizes)
        candidate.load_state_dict(average.state)
        config = {
            "type": "animator",
            "classes": list(EMOTIONS),
            "styles": list(styles),
            "class_map": CLASS_MAP,
            "network": sizes_of(AnimatorNetwork, **{k: v for k, v in sizes.items() if k != "styles"}),
            "encoder_sha256": encoder.sha256,
            "training": shown_settings(settings),
        }
        model = Animator(candidate, config, "cpu", "")
        scores = score_animator(model, validation, encoded, head)
        scores["expression_error"] = expression_error(model, encoded, settings.seed)
        row = dict(zip((f"loss_{name}" for name in LOSSES), (sums / step).round(decimals=4).tolist(), strict=True))
        row |= {name: round(value, 4) for name, value in scores.items()}
        append_row(out / "log.csv", {"epoch": epoch + 1, **row, "seconds": round(time.monotonic() - begin, 1)})
        log(f"epoch {epoch + 1}: " + ", ".join(f"{name} {value}" for name, value in row.items()))
        score = sum(scores.get(name, 0.0) for name in JUDGED)
        if score > best:
            best = score
            save_checkpoint(out / "checkpoint", candidate.state_dict(), config)
        save_state(
            out / "state.pt",
            {
                "settings": kept_settings,
                "network": network.state_dict(),
                "average": average.state,
                "average_steps": average.steps,
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "epoch": epoch + 1,
                "best": best,
            },
        )
    return {"score": best}


def expression_error(animator: Animator, features: Sequence[torch.Tensor], seed: int) -> float:
    """Root mean square error of the upper face under drawn timelines, against the rules that it learns from.

    Args:
        animator: to judge.
        features: (T, L, D) of each recording.
        seed: of the timelines.
    """
    rng = np.random.default_rng([seed, 2])
    upper = [ARKIT_INDEX[name] for name in UPPER_FACE]
    squares = []
    for rows in features:
        frames = len(rows)
        posteriors, intensity = draw_emotions(frames, rng)
        found = animator.predict(rows, posteriors, intensity, frames / RATE, RATE)
        wanted = torch.from_numpy(expression_curves(posteriors, intensity, EMOTIONS, RATE))
        wanted = resample_frames(wanted, frames / RATE, RATE).numpy()
        squares.append(((found - wanted)[:, upper] ** 2).mean())
    return math.sqrt(np.mean(squares))


def usual_spread(examples: MotionSet) -> np.ndarray:
    """Deviation (52,) of each coefficient: measured for the mouth, typical of expressions elsewhere."""
    mouth = np.array([name in MOUTH for name in ARKIT_NAMES])
    return np.where(mouth, np.clip(examples.mouth.std(0), 0.02, 0.12), 0.15)


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
            found = read_corpora(self.settings.corpora, self.settings.splits, self.settings.seed, self.log)
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
