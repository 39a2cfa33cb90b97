"""Training of the diarizer."""

import json
import math
from pathlib import Path
from typing import Any

import torch

from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.checkpoint import save_checkpoint, sizes_of
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.data_marks import mark_corpora
from sedtalker_cli.training.diarizer.calibrate import HeldOut, answers_of, calibrate, joint_labels, take_shares
from sedtalker_cli.training.diarizer.clips import ClipSet
from sedtalker_cli.training.diarizer.examples import Examples, encode_examples
from sedtalker_cli.training.diarizer.joined import JoinedSet
from sedtalker_cli.training.diarizer.score import score_frames
from sedtalker_cli.training.diarizer.settings import DiarizerTraining
from sedtalker_cli.training.diarizer.speech import fit_speech
from sedtalker_cli.training.diarizer.stack import StackJob
from sedtalker_cli.training.diarizer.statistics import fit_statistics
from sedtalker_cli.training.loop import Log, LoopSettings, run, usual_warmup
from sedtalker_cli.training.state import load_state, open_run, run_settings, shown_settings


def train_diarizer(settings: DiarizerTraining, log: Log = print, progress: Progress = silent) -> dict[str, float]:
    """Train, calibrate, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        log: called with one line at a time.
        progress: called as (stage, done, total).

    Returns:
        scores on the recordings of the calibration, which were not trained on; those with every speaker judged by
        their own measure end in `_adapted`.

    Raises:
        InputError: nothing to train or calibrate on, or a damaged state.
        UsageError: `out` holds a run with other settings or data, or a fold or corpus is kept from a cross-validation.
    """
    if settings.cross_validate and (settings.fold is not None or settings.leave_out is not None):
        raise UsageError("--cross-validate tests every fold and trains on all; leave out --fold and --leave-out")
    encoder = SpeechEncoder.load(settings.encoder)
    kept = run_settings(settings, encoder) | mark_corpora(settings.corpora)
    open_run(settings.out, kept)  # refuses another run before the long work
    examples = encode_examples(settings, encoder, log, progress)
    trainer = Trainer(settings, encoder, kept, log, progress)
    return trainer.cross_validate(examples) if settings.cross_validate else trainer.train(examples)


class Trainer:
    """One run.

    Args:
        settings: of the run.
        encoder: heard the examples.
        kept: settings that must not change when the run goes on.
        log: called with one line at a time.
        progress: called as (stage, done, total).
    """

    def __init__(
        self, settings: DiarizerTraining, encoder: SpeechEncoder, kept: dict[str, Any], log: Log, progress: Progress
    ):
        self.settings, self.encoder, self.kept, self.log, self.progress = settings, encoder, kept, log, progress

    def train(self, examples: Examples) -> dict[str, float]:
        """Train on `train`, choose and calibrate on `val`."""
        clips, joined = examples.of(examples.speakers("train"))
        val_clips, val = examples.of(examples.speakers("val"))
        if not len(joined) or not len(val):
            missing = "val" if len(joined) else "train"
            raise InputError(f"no usable recordings in the {missing} split; give more corpora or another --splits")
        network = self.fit(self.settings.out, clips, joined, val)
        held = [HeldOut(network, val_clips, val)]
        calibration = calibrate(held, self.log)
        self.write(network, self.settings.out / "checkpoint", calibration)
        return self.report(held)

    def cross_validate(self, examples: Examples) -> dict[str, float]:
        """Train without each fold and calibrate on what these networks have not heard; then train on all speakers."""
        everybody = examples.speakers("train", "val", "test")
        held = []
        for number, tested in enumerate(examples.folds):
            if not len(examples.of(tested)[1]) or not len(examples.of(everybody - tested)[1]):
                raise InputError(f"fold {number + 1} has no joined recordings on both sides; raise --composites")
        for number, tested in enumerate(examples.folds):
            self.log(f"fold {number + 1} of {len(examples.folds)}: {len(tested)} speakers held out")
            network = self.fit(self.settings.out / f"fold-{number}", *examples.of(everybody - tested))
            held.append(HeldOut(network, *examples.of(tested)))
        calibration = calibrate(held, self.log)
        for number, h in enumerate(held):
            self.write(h.network, self.settings.out / f"fold-{number}" / "checkpoint", calibration)
        scores = self.report(held)
        (self.settings.out / "cross-validation.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        self.log("training on all speakers")
        network = self.fit(self.settings.out, *examples.of(everybody))
        take_shares(network, held[0].network)
        self.write(network, self.settings.out / "checkpoint", calibration)
        return scores

    def fit(self, out: Path, clips: ClipSet, joined: JoinedSet, val: JoinedSet | None = None) -> DiarizerNetwork:
        """A network that has learned; without `val` all epochs count."""
        settings = self.settings
        out.mkdir(parents=True, exist_ok=True)
        state = load_state(out / "state.pt", self.kept)
        torch.manual_seed(settings.seed)
        network = DiarizerNetwork(len(EMOTIONS), self.encoder.num_taps, self.encoder.dim, **settings.network)
        network.statistics.eval().requires_grad_(False)
        network.speech.requires_grad_(False)
        if not state:
            right = fit_speech(network, clips)
            self.log(f"speech is told from silence in {100 * right:.1f} % of {len(clips.sample)} frames")
            fit_statistics(network, clips, settings, self.progress)
        steps = math.ceil(len(joined) / settings.batch)
        loop = LoopSettings(settings.epochs, steps, usual_warmup(settings.epochs * steps))
        job = StackJob(network, joined, val, settings, self.kept, out)
        run(job, loop, out, self.log, self.progress, state)
        if (out / "best.pt").is_file():
            network.load_state_dict(torch.load(out / "best.pt", weights_only=True))
        return network.eval().requires_grad_(False)

    def report(self, held: list[HeldOut]) -> dict[str, float]:
        """Scores of joined recordings of held-out speakers, plain and adapted."""
        labels = joint_labels([h.joined.labels() for h in held])
        scores = score_frames(labels, *answers_of(held, [[None] * len(h.joined) for h in held]))
        adapted = score_frames(labels, *answers_of(held, [h.measures() for h in held]))
        scores |= {f"{name}_adapted": value for name, value in adapted.items()}
        self.log("not trained on: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
        return scores

    def write(self, network: DiarizerNetwork, folder: Path, calibration: dict[str, Any]) -> None:
        """Write a checkpoint."""
        encoder, sizes = self.encoder, self.settings.network
        config = {
            "type": "diarizer",
            "classes": list(EMOTIONS),
            "network": sizes_of(DiarizerNetwork, num_taps=encoder.num_taps, dim=encoder.dim, **sizes),
            "encoder_sha256": encoder.sha256,
            **calibration,
            "training": shown_settings(self.settings),
        }
        save_checkpoint(folder, network.state_dict(), config)
