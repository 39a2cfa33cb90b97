"""The diarizer learns; its scores, temperature and decoding."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sedtalker_cli.data.composites import Composite, Turn
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.losses import masked_classification, masked_intensity
from sedtalker_cli.training.diarizer.calibrate import fit_decoding, fit_temperature
from sedtalker_cli.training.diarizer.labels import Labels
from sedtalker_cli.training.diarizer.score import score_frames
from tests.training.labelled import frames as frames
from tests.training.labelled import labels_of
from tests.training.recordings import RATE


def test_diarizer_learns_what_can_be_learned():
    """Two classes with opposite features and intensities, changing within the recording."""
    torch.manual_seed(0)
    network = DiarizerNetwork(7, 1, 8, d_model=16, layout="ma", window=4, d_state=2, dropout=0.0)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    direction, known = torch.randn(8), torch.ones(8, 7, dtype=torch.bool)
    known[:, 5:] = False
    target = (torch.arange(48) >= torch.randint(8, 40, (8, 1))).long() * 3
    features = (target - 1.5)[..., None, None] * direction + 0.5 * torch.randn(8, 48, 1, 8)
    level = target / 3.0
    for _ in range(80):
        logits, intensity = network(features)
        loss = masked_classification(logits, target, known) + 2 * masked_intensity(intensity, level)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (logits.argmax(-1) == target).float().mean() > 0.95
    assert (intensity.sigmoid() - level).abs().mean() < 0.15


def told(emotion: str | None, corpus: str, seconds: float = 0.2, **facts) -> Composite:
    turn = Turn(0.0, seconds, Utterance(Path("x.wav"), corpus, "1", emotion, **facts))
    return Composite(np.zeros(round(seconds * RATE), np.float32), (turn,))


def test_frames_without_one_class_are_marked_and_take_part_in_intensity_only():
    word = told(None, "baved", intensity=1.0, strength="high")
    scream = told(None, "nonverbal", any_of=("fear", "angry", "surprise"))
    first, second, third = (Labels.of(c, 10) for c in (word, scream, told("happy", "nonverbal")))
    assert [x.emotion.tolist() for x in (first, second)] == [[-1] * 10] * 2
    assert third.emotion.tolist() == [EMOTIONS.index("happy")] * 10
    accepted = [[EMOTIONS[c] for c in x.accepted[0].nonzero()[0]] for x in (first, second, third)]
    assert accepted == [[], ["angry", "fear", "surprise"], ["happy"]]
    assert (first.intensity == 1).all() and np.isnan(second.intensity).all()
    assert first.known.all() and not second.known[EMOTIONS.index("disgust")]
    labelled = labels_of([word, scream, told("sad", "ravdess"), told("happy", "ravdess")])
    logits = 9 * np.eye(7, dtype=np.float32)[np.repeat([0, 0, EMOTIONS.index("sad"), EMOTIONS.index("happy")], 10)]
    scores = score_frames(labelled, logits, np.zeros(40))
    assert scores["accuracy"] == 1 and scores["uar"] == 1
    assert fit_temperature(logits, labelled) == pytest.approx(0.3)  # the labelled frames are all right
    assert fit_decoding(logits, labelled)["min_duration"] == 0.2


def test_scores_of_frames(frames):
    perfect = np.eye(7)[frames.emotion] * 9
    strong = np.concatenate([np.full(n, k % 2) for k, n in enumerate(np.diff(frames.bounds))])
    scores = score_frames(frames, perfect, np.where(frames.emotion == 3, 0.5 + 0.3 * strong, 0.0))
    present = 2 / 7  # macro F1 counts the five classes that never occur as 0
    assert scores["accuracy"] == 1 and scores["macro_f1"] == pytest.approx(present)
    assert scores["uar"] == 1 and scores["auc"] == 1 and "spearman" not in scores
    happy = np.eye(7)[np.full(len(strong), 3)]
    scores = score_frames(frames, happy, -strong.astype(float))
    assert scores["accuracy"] == pytest.approx(50 / 90) and scores["uar"] == 0.5 and scores["auc"] == 0


def test_temperature_is_found_again(frames):
    rng = np.random.default_rng(0)
    honest = rng.standard_normal((20_000, 7))
    # Labels drawn from the posteriors themselves: these logits are calibrated, three times them is not.
    noise = -np.log(-np.log(rng.uniform(size=honest.shape)))
    frames = replace(frames, emotion=(honest + noise).argmax(1))
    assert fit_temperature((3 * honest).astype(np.float32), frames) == pytest.approx(3, rel=0.1)
    assert fit_temperature((0.5 * honest).astype(np.float32), frames) == pytest.approx(0.5, rel=0.1)


def test_decoding_smooths_where_that_helps(frames):
    frames = replace(frames, bounds=np.array([0, 150, 300]), emotion=np.repeat([0, 3, 4], 100))
    clean = np.eye(7, dtype=np.float32)[frames.emotion]
    assert fit_decoding(9 * clean, frames) == {"min_duration": 0.2, "switch_cost": 0.0}
    noise = np.random.default_rng(0).standard_normal((300, 7)).astype(np.float32)
    choice = fit_decoding(2 * clean + 3 * noise, frames)
    assert choice["min_duration"] > 0.2 or choice["switch_cost"] > 0
