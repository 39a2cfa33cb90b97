"""Training of the animator."""

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.clock import FRAME_RATE
from sedtalker_cli.data.captures import READERS
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.evaluation.lipsync.animator import score_animator
from sedtalker_cli.evaluation.metrics.expression import UPPER_FACE
from sedtalker_cli.face.arkit import ARKIT_INDEX, IS_MOUTH
from sedtalker_cli.face.head import load_head
from sedtalker_cli.model.animator import Animator, AnimatorNetwork, resample_frames
from sedtalker_cli.model.checkpoint import save_checkpoint, sizes_of
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.motion.expression import expression_curves
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.animator.examples import Speech, examples
from sedtalker_cli.training.animator.loss import MotionLoss
from sedtalker_cli.training.animator.motion import MotionSet, draw_emotions
from sedtalker_cli.training.animator.settings import AnimatorTraining
from sedtalker_cli.training.loop import (
    MovingAverage,
    append_row,
    cosine_with_warmup,
    load_state,
    run_settings,
    save_state,
    shown_settings,
)

WEIGHTED = ("velocity", "vertex", "closure", "liveliness")
LOSSES = ("coefficients", "velocity", "vertices", "closure", "liveliness")
# Validation scores whose sum chooses the epoch.
JUDGED = ("jawOpen_r", "lip_gap_r", "lip_width_r", "mouthFunnel_r", "mouthPucker_r", "closure_rate")
# EmoVOCA's expressions, as its animators name them, onto the classes known here.
CLASS_MAP = {"upset": "angry", "surprised": "surprise", "calm": "neutral", "bored": "neutral", "fearful": "fear"}


def train_animator(
    settings: AnimatorTraining,
    log: Callable[[str], None] = print,
    progress: Progress = silent,
) -> dict[str, float]:
    """Train, keep the best epoch by validation correlation of the mouth, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        log: told one line at a time.
        progress: called as (stage, done, total).

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
            f"encoding draw {number}",
            progress,
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
            "sharpness": settings.sharpness,
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
        found = animator.predict(rows, posteriors, intensity, frames / FRAME_RATE, FRAME_RATE)
        wanted = torch.from_numpy(expression_curves(posteriors, intensity, EMOTIONS, FRAME_RATE))
        wanted = resample_frames(wanted, frames / FRAME_RATE, FRAME_RATE).numpy()
        squares.append(((found - wanted)[:, upper] ** 2).mean())
    return math.sqrt(np.mean(squares))


def usual_spread(examples: MotionSet) -> np.ndarray:
    """Deviation (52,) of each coefficient: measured for the mouth, typical of expressions elsewhere."""
    return np.where(IS_MOUTH, np.clip(examples.mouth.std(0), 0.02, 0.12), 0.15)
