"""Training of the animator."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.clock import FRAME_RATE
from sedtalker_cli.data.capture_sources import READERS, VIDEO
from sedtalker_cli.data.captures import UNSEEN, Capture
from sedtalker_cli.data.coarticulation.generated import STYLE as RULES
from sedtalker_cli.data.coarticulation.generated import find_spoken
from sedtalker_cli.data.coarticulation.visemes import UNITS
from sedtalker_cli.data.video_faces import tracked_folder
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.evaluation.lipsync.animator import score_animator
from sedtalker_cli.evaluation.lipsync.voices import score_voices
from sedtalker_cli.evaluation.metrics.expression import UPPER_FACE
from sedtalker_cli.face.arkit import ARKIT_INDEX, IS_MOUTH
from sedtalker_cli.face.head import load_head
from sedtalker_cli.formats.phones import read_phones
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.model.animator_network import AnimatorNetwork
from sedtalker_cli.model.checkpoint import save_checkpoint, sizes_of
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.frames import resample_frames
from sedtalker_cli.motion.expression import expression_curves
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.animator.examples import Speech, examples
from sedtalker_cli.training.animator.loss import MotionLoss
from sedtalker_cli.training.animator.motion import MotionSet, draw_emotions
from sedtalker_cli.training.animator.paths import settle
from sedtalker_cli.training.animator.settings import AnimatorTraining
from sedtalker_cli.training.data_marks import mark_captures, mark_corpora, mark_phones
from sedtalker_cli.training.loop import Job, Log, LoopSettings, Step, run, usual_warmup
from sedtalker_cli.training.precision import no_scaler
from sedtalker_cli.training.state import open_run, run_settings, shown_settings

WEIGHTED = ("velocity", "vertex", "closure", "liveliness")
LOSSES = ("coefficients", "velocity", "vertices", "closure", "liveliness")
# Settings of what is done with the examples.
LEARNING = (
    *("epochs", "batch", "learning_rate", "weight_decay", "sharpness", "shares", "draws"),
    *(f"{name}_weight" for name in WEIGHTED),
)
# Validation scores whose sum chooses the epoch.
JUDGED = ("jawOpen_r", "lip_gap_r", "lip_width_r", "mouthFunnel_r", "mouthPucker_r", "closure_rate")
VOICES_COUNT = 3  # times as much as one of them counts each score over voices that nothing is trained on
# EmoVOCA's expressions, as its animators name them, onto the classes known here.
CLASS_MAP = {"upset": "angry", "surprised": "surprise", "calm": "neutral", "bored": "neutral", "fearful": "fear"}


def train_animator(settings: AnimatorTraining, log: Log = print, progress: Progress = silent) -> dict[str, float]:
    """Train, keep the best epoch by validation correlation of the mouth, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        log: called with one line at a time.
        progress: called as (stage, done, total).

    Returns:
        `score` of the checkpoint and its `epoch`.

    Raises:
        InputError: a folder does not hold what it should, or a damaged state.
        UsageError: `out` holds a run with other settings, or nothing teaches the mouth.
    """
    encoder = SpeechEncoder.load(settings.encoder)
    captures = [c for source, folder in tracked(settings, log, progress) for c in READERS[source](folder)]
    log(f"{len(captures)} captured recordings of {', '.join(s for s, _ in settings.captures)}")
    data = mark_captures(captures) | mark_phones(settings.phones) | mark_corpora(settings.corpora)
    kept = run_settings(settings, encoder) | data
    state = open_run(settings.out, kept)
    job = AnimatorJob(settings, captures, encoder, kept, log, progress)
    loop = LoopSettings(settings.epochs, job.steps, usual_warmup(settings.epochs * job.steps))
    return run(job, loop, settings.out, log, progress, state)


def tracked(settings: AnimatorTraining, log: Log, progress: Progress) -> Iterator[tuple[str, Path]]:
    """Sources and folders of captures; of videos the folders into which they are tracked."""
    for number, (source, folder) in enumerate(settings.captures):
        out = settings.out / "tracked" / f"{number}-{folder.resolve().name}"
        yield source, tracked_folder(folder, out, settings.landmarker, log, progress) if source == VIDEO else folder


class AnimatorJob(Job):
    """The animator's network on captured motion, generated mouths, and speech without motion.

    Args:
        settings: of the run.
        captures: recordings with their motion.
        encoder: hears the recordings.
        kept: settings that must not change when the run goes on, and marks of the data.
        log: called with one line at a time.
        progress: called as (stage, done, total).

    Attributes:
        steps: batches of an epoch.

    Raises:
        InputError: no captured recordings in a split.
        UsageError: nothing teaches the mouth.
    """

    losses = tuple(f"loss_{name}" for name in LOSSES)
    higher_is_better = True

    def __init__(
        self,
        settings: AnimatorTraining,
        captures: list[Capture],
        encoder: SpeechEncoder,
        kept: dict[str, Any],
        log: Log,
        progress: Progress,
    ):
        self.settings, self.encoder, self.kept, self.progress = settings, encoder, kept, progress
        self.head = load_head()
        if not settings.styles:
            raise UsageError("nothing teaches the mouth: give captured motion, or recordings with phone times")
        self.captures = [c for c in captures if c.split != UNSEEN]
        self.voices = [c for c in captures if c.split == UNSEEN]
        for split in ("train", "val"):
            if not any(c.split == split for c in self.captures):
                raise InputError(f"no captured recordings in the {split} split; give a capture that has some (grid)")
        self.validation = [c for c in self.captures if c.split == "val"]
        self.speech = Speech(settings, log)
        self.key = draws_key(kept)
        recorded = self._draw(0)
        self.steps = math.ceil(len(recorded) / settings.batch)
        units = UNITS if settings.phones else ()
        self.sizes = {"num_taps": encoder.num_taps, "dim": encoder.dim, "units": list(units), **settings.network}
        torch.manual_seed(settings.seed)
        self.network = AnimatorNetwork(EMOTIONS, settings.styles, **self.sizes)
        phones = [read_phones(table) for folder in settings.phones for table, _ in find_spoken(folder)]
        draws = [recorded, *map(self._draw, range(1, settings.draws))]
        settle(self.network.articulation, draws, phones, settings.styles, RULES, settings.seed, log)
        self.criterion = MotionLoss(self.head, usual_spread(recorded), settings)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.scaler = no_scaler()
        self.weights = torch.tensor([1.0, *(getattr(settings, f"{name}_weight") for name in WEIGHTED)])
        self.config = {
            "type": "animator",
            "classes": list(EMOTIONS),
            "styles": list(settings.styles),
            "class_map": CLASS_MAP,
            "sharpness": settings.sharpness,
            "shares": dict(zip(("linear", "table"), settings.shares, strict=True)),
            "network": sizes_of(AnimatorNetwork, **self.sizes),
            "encoder_sha256": encoder.sha256,
            "training": shown_settings(settings),
        }
        log(f"{sum(p.numel() for p in self.network.parameters()) / 1e6:.2f} M parameters")
        self.encoded, self.encoded_voices = (
            [encoder.encode([load_audio(c.audio)]) for c in chosen] for chosen in (self.validation, self.voices)
        )

    def _draw(self, number: int) -> MotionSet:
        """Encoded examples: draw 0 is the sound as recorded, the others are varied."""
        settings = self.settings
        cache = settings.cache or settings.out / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        made = examples(self.captures, self.speech, self.head, number, settings)
        folder, stage = cache / f"motion-{self.key}-{number}", f"encoding draw {number}"
        return MotionSet.build(folder, made, self.encoder, stage, self.progress)

    def seed(self, epoch: int) -> int:
        return self.settings.seed * 1000 + epoch

    def batches(self, epoch: int) -> Iterator[dict[str, torch.Tensor]]:
        """Every second epoch hears the sound as recorded."""
        settings = self.settings
        drawn = self._draw(0 if epoch % 2 == 0 or settings.draws == 1 else 1 + (epoch // 2) % (settings.draws - 1))
        return drawn.batches(settings.batch, settings.styles, np.random.default_rng([settings.seed, epoch]))

    def loss(self, batch: dict[str, torch.Tensor]) -> Step:
        inputs = (batch[name] for name in ("features", "posteriors", "intensity", "style", "mask"))
        parts = self.criterion(self.network(*inputs), batch["motion"], batch["known"], batch["mask"])
        return Step(parts @ self.weights, parts, list(self.network.parameters()))

    def candidate(self, weights: Mapping[str, torch.Tensor]) -> Animator:
        network = AnimatorNetwork(EMOTIONS, self.settings.styles, **self.sizes)
        network.load_state_dict(weights)
        return Animator(network, self.config, "cpu", "")

    def validate(self, candidate: Animator) -> dict[str, float]:
        scores = score_animator(candidate, self.validation, self.encoded, self.head)
        if self.voices:
            scores |= score_voices(candidate, self.voices, self.encoded_voices, self.head)
        return {**scores, "expression_error": expression_error(candidate, self.encoded, self.settings.seed)}

    def score(self, scores: Mapping[str, float]) -> float:
        own = sum(scores.get(name, 0.0) for name in JUDGED)
        return own + VOICES_COUNT * sum(value for name, value in scores.items() if name.startswith("voices_"))

    def write(self, candidate: Animator) -> None:
        save_checkpoint(self.settings.out / "checkpoint", candidate.network.state_dict(), self.config)


def draws_key(kept: Mapping[str, Any]) -> str:
    """A name for all that encoded draws depend on: runs that share a cache must not take over each other's examples.

    Args:
        kept: settings and marks of the data.
    """
    unneeded = (*(name for name in kept if name.startswith("network ")), *LEARNING)
    said = {name: value for name, value in kept.items() if name not in unneeded}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:12]


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
        found = animator.predict(rows, posteriors, intensity, frames / FRAME_RATE, FRAME_RATE)
        wanted = torch.from_numpy(expression_curves(posteriors, intensity, EMOTIONS, FRAME_RATE))
        wanted = resample_frames(wanted, frames / FRAME_RATE, FRAME_RATE).numpy()
        squares.append(((found - wanted)[:, upper] ** 2).mean())
    return math.sqrt(np.mean(squares))


def usual_spread(examples: MotionSet) -> np.ndarray:
    """Deviation (52,) of each coefficient: measured for the mouth, typical of expressions elsewhere."""
    return np.where(IS_MOUTH, np.clip(examples.mouth.std(0), 0.02, 0.12), 0.15)
