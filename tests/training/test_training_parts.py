"""Parts of training: schedule, state, labels, batches, examples of motion, losses through the head."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from sedtalker_cli.data.composites import Composite, Turn
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.data.examples import Example
from sedtalker_cli.data.recordings import WaveformStore, read_corpora
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.head import load_head
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.losses import masked_classification, masked_intensity
from sedtalker_cli.training.animator.examples import still_sound
from sedtalker_cli.training.animator.loss import MotionLoss
from sedtalker_cli.training.animator.motion import MotionSet, at_feature_rate, draw_emotions, loudness, vary
from sedtalker_cli.training.animator.settings import AnimatorTraining
from sedtalker_cli.training.diarizer.batches import encode_batch, encoded_batches, mask_spans, padded
from sedtalker_cli.training.diarizer.calibrate import fit_decoding, fit_temperature
from sedtalker_cli.training.diarizer.labels import LabelledSet, collate, intensity_target, known_classes
from sedtalker_cli.training.diarizer.score import score_frames
from sedtalker_cli.training.diarizer.settings import DiarizerTraining
from sedtalker_cli.training.loop import MovingAverage, append_row, cosine_with_warmup, load_state, save_state
from tests.training.test_training import buzz
from tests.training.test_training import data as data

RATE = 16_000


class Killed(Exception):
    """Stands for the end of the process."""


# --- the network learns


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


# --- parts of the loop


def test_learning_rate_rises_and_falls():
    factors = [cosine_with_warmup(step, 100, 10) for step in range(101)]
    assert factors[:10] == pytest.approx([k / 10 for k in range(1, 11)])
    assert factors[10] == 1 and factors[55] == pytest.approx(0.5) and factors[100] == pytest.approx(0)
    assert all(a >= b for a, b in pairwise(factors[10:]))
    assert cosine_with_warmup(1, 1, 1) == pytest.approx(1)


def test_moving_average_follows_quickly_then_slowly():
    module = torch.nn.BatchNorm1d(1)
    average = MovingAverage(module, decay=0.9)
    with torch.no_grad():
        module.weight.fill_(11)
        module.num_batches_tracked.fill_(5)
    average.update(module)
    assert average.state["weight"].item() == pytest.approx(11 - 10 * 2 / 11)
    assert average.state["num_batches_tracked"].item() == 5
    for _ in range(200):
        average.update(module)
    before = average.state["weight"].item()
    assert before == pytest.approx(11, abs=1e-3)
    with torch.no_grad():
        module.weight.fill_(21)
    average.update(module)
    assert average.state["weight"].item() == pytest.approx(12, abs=1e-2)
    assert module.weight.item() == 21


def test_log_replaces_what_is_repeated(tmp_path):
    path = tmp_path / "log.csv"
    for epoch, score in ((1, 0.1), (2, 0.2), (3, 0.3), (2, 0.25)):
        append_row(path, {"epoch": epoch, "score": score})
    assert path.read_text().split() == ["epoch,score", "1,0.1", "2,0.25"]
    append_row(path, {"epoch": 3, "score": 0.4, "auc": 0.9})
    assert path.read_text().split()[0] == "epoch,score,auc" and path.read_text().split()[-1] == "3,0.4,0.9"
    assert [p.name for p in tmp_path.iterdir()] == ["log.csv"]


def test_state_comes_back_only_to_the_same_settings(tmp_path):
    path, settings = tmp_path / "state.pt", {"epochs": 2, "network": {"d_model": 8}, "corpora": ["a"]}
    assert load_state(path, settings) is None
    save_state(path, {"settings": settings, "epoch": 1, "network": {"w": torch.arange(3)}})
    state = load_state(path, settings)
    assert state["epoch"] == 1 and torch.equal(state["network"]["w"], torch.arange(3))
    with pytest.raises(UsageError, match=r"epochs 2 -> 4.*another folder"):
        load_state(path, {**settings, "epochs": 4})
    with pytest.raises(UsageError, match="batch None -> 4"):
        load_state(path, {**settings, "batch": 4})
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_damaged_state_is_named(tmp_path, content):
    path = tmp_path / "state.pt"
    save_state(path, {"settings": {}, "w": torch.arange(3000)})
    path.write_bytes(path.read_bytes()[:600] if content is None else content)
    with pytest.raises(InputError) as error:
        load_state(path, {})
    assert str(path) in str(error.value) and "delete it" in str(error.value) and "\n" not in str(error.value)


# --- recordings and labels


def utterance(emotion="happy", corpus="ravdess", **facts) -> Utterance:
    return Utterance(Path(f"{emotion}.wav"), corpus, "1", emotion, **facts)


def test_recordings_get_the_splits_of_a_table(tmp_path):
    (tmp_path / "ravdess").mkdir()
    names = [f"03-01-0{emotion}-01-01-01-0{actor}" for emotion in (1, 3) for actor in (1, 2, 3)]
    for name in names:
        (tmp_path / "ravdess" / f"{name}.wav").write_bytes(b"sound")
    table = tmp_path / "splits.csv"
    table.write_text("path,split\n" + "".join(f"ravdess/{n},{'val' if n[-1] == '3' else 'train'}\n" for n in names[1:]))
    told = []
    found = read_corpora([("ravdess", tmp_path / "ravdess")], table, log=told.append)
    assert {u.path.stem: u.split for u in found} == {n: "val" if n[-1] == "3" else "train" for n in names[1:]}
    assert told == ["ravdess: 6 utterances, 3 speakers"]
    drawn = read_corpora([("ravdess", tmp_path / "ravdess")], None)
    assert len(drawn) == 6 and {u.split for u in drawn} == {"train", "val", "test"}


def test_recordings_are_trimmed_and_cut(tmp_path):
    u = replace(utterance(), path=tmp_path / "x.wav")
    sf.write(u.path, np.concatenate([np.zeros(RATE), buzz(200, 1.0, 0), np.zeros(RATE // 2)]), RATE)
    trimmed, whole = WaveformStore()(u), WaveformStore(trim=False)(u)
    assert len(whole) == 2.5 * RATE and abs(len(trimmed) - RATE) < 0.25 * RATE
    assert len(WaveformStore(max_seconds=0.5)(u)) == RATE // 2
    start = int(np.correlate(whole, trimmed[:4000], "valid").argmax())
    np.testing.assert_allclose(trimmed, whole[start : start + len(trimmed)], atol=1e-4)


def test_broken_recordings_are_named_and_counted(tmp_path):
    good, broken, short = (replace(utterance(), path=tmp_path / f"{name}.wav") for name in ("good", "broken", "short"))
    sf.write(good.path, buzz(200, 0.5, 0), RATE)
    broken.path.write_text("not sound")
    sf.write(short.path, buzz(200, 0.1, 0), RATE)
    told = []
    assert WaveformStore().usable([broken, good, short], told.append) == [good]
    assert any(str(broken.path) in line for line in told) and any(str(short.path) in line for line in told)
    assert told[-1] == "2 of 3 recordings skipped"


def test_intensity_targets():
    assert intensity_target(utterance("calm", intensity=0.5)) == 0
    assert intensity_target(utterance(intensity=0.5)) == 0.5
    assert np.isnan(intensity_target(utterance()))
    arousal = [intensity_target(utterance(arousal=a)) for a in (0.0, 0.125, 0.5, 0.875, 1.0)]
    assert arousal == pytest.approx([0, 0, 0.5, 1, 1])


def test_classes_that_a_corpus_knows():
    emotale = {name for name, known in zip(EMOTIONS, known_classes("emotale"), strict=True) if known}
    assert emotale == {"angry", "happy", "neutral", "sad"}
    assert known_classes("librispeech").all()  # read speech: nothing else is there to be told


class CountingEncoder:
    """Every frame's feature is its number."""

    num_taps, dim = 1, 2

    def encode(self, blocks):
        frames = -(-sum(map(len, blocks)) // 320)
        return torch.arange(frames).half().repeat_interleave(2).view(frames, 1, 2)


def composite(number: int) -> Composite:
    """Neutral for 0.2 s, then happy for 0.1 s and more."""
    seconds = 0.3 + 0.1 * number
    turns = (
        Turn(0.0, 0.2, utterance("neutral", strength="normal", intensity=0.0)),
        Turn(0.2, seconds - 0.2, utterance("happy", strength="strong" if number % 2 else "normal", intensity=1.0)),
    )
    return Composite(np.zeros(round(seconds * RATE), np.float32), turns)


@pytest.fixture
def frames() -> LabelledSet:
    return LabelledSet([composite(number) for number in range(4)])


def test_every_frame_is_labelled(frames):
    assert len(frames) == 4 and np.diff(frames.bounds).tolist() == [15, 20, 25, 30]
    emotion = frames.emotion[frames.bounds[2] : frames.bounds[3]].tolist()
    assert emotion == [EMOTIONS.index("neutral")] * 10 + [EMOTIONS.index("happy")] * 15
    assert frames.intensity[frames.bounds[2] : frames.bounds[3]].tolist() == [0.0] * 10 + [1.0] * 15
    assert frames.speakers.tolist() == [0, 0, 0, 0]
    assert frames.meta[2]["turns"][1] == {
        "onset": 0.2,
        "duration": pytest.approx(0.3),
        "emotion": "happy",
        "path": "happy.wav",
        "strength": "normal",
        "arousal": None,
    }


def test_batches_pad_labels():
    batch = collate([composite(3), composite(0)])
    assert batch["emotion"].shape == batch["intensity"].shape == (2, 30) and batch["known"].shape == (2, 7)
    assert (batch["emotion"][0] >= 0).all() and (batch["emotion"][1, 15:] == -100).all()
    assert batch["intensity"][1, 15:].isnan().all() and not batch["intensity"][1, :15].isnan().any()


def told(emotion: str | None, corpus: str, seconds: float = 0.2, **facts) -> Composite:
    turn = Turn(0.0, seconds, Utterance(Path("x.wav"), corpus, "1", emotion, **facts))
    return Composite(np.zeros(round(seconds * RATE), np.float32), (turn,))


def test_frames_without_one_class_are_marked_and_take_part_in_intensity_only():
    word = told(None, "baved", intensity=1.0, strength="high")
    scream = told(None, "nonverbal", any_of=("fear", "angry", "surprise"))
    batch = collate([word, scream, told("happy", "nonverbal", 0.1)])
    assert batch["emotion"].tolist() == [[-1] * 10, [-1] * 10, [EMOTIONS.index("happy")] * 5 + [-100] * 5]
    accepted = [[EMOTIONS[c] for c in row[0].nonzero()[:, 0]] for row in batch["accepted"]]
    assert accepted == [[], ["angry", "fear", "surprise"], ["happy"]] and not batch["accepted"][2, 5:].any()
    assert (batch["intensity"][0] == 1).all() and batch["intensity"][1].isnan().all()
    assert batch["known"][0].all() and not batch["known"][1][EMOTIONS.index("disgust")]
    labelled = LabelledSet([word, scream, told("sad", "ravdess"), told("happy", "ravdess")])
    logits = 9 * np.eye(7, dtype=np.float32)[np.repeat([0, 0, EMOTIONS.index("sad"), EMOTIONS.index("happy")], 10)]
    scores = score_frames(labelled, logits, np.zeros(40))
    assert scores["accuracy"] == 1 and scores["uar"] == 1
    assert fit_temperature(logits, labelled) == pytest.approx(0.3)  # the labelled frames are all right
    assert fit_decoding(logits, labelled)["min_duration"] == 0.2


class NumberSampler:
    """Composites that hold their number, by one of three speakers."""

    def draw(self, epoch: int, index: int) -> Composite:
        turn = Turn(0.0, 0.2, replace(utterance(), speaker=f"{index % 3}"))
        return Composite(np.full(3200 + 320 * (index % 7), index, np.float32), (turn,))


class NumberEncoder:
    """A recording's number as the feature of all its frames."""

    def batch(self, waveforms):
        lengths = torch.tensor([len(w) // 320 for w in waveforms])
        features = torch.zeros(len(waveforms), int(lengths.max()), 1, 1)
        for row, waveform in zip(features, waveforms, strict=True):
            row[:] = float(waveform[0])
        return features, torch.arange(features.shape[1]) < lengths[:, None]


def test_batches_of_a_draw_hold_every_recording_once(tmp_path):
    settings = DiarizerTraining((), None, tmp_path, "", composites=90, batch=8)
    told = []

    def encoded() -> list[dict]:
        return list(encoded_batches(NumberEncoder(), NumberSampler(), settings, 1, lambda *what: told.append(what)))

    batches = encoded()
    numbers = [[int(row[0]) for row in batch["features"]] for batch in batches]
    assert sorted(n for row in numbers for n in row) == list(range(90))
    assert told[-1] == ("encoding draw 1", 90, 90)
    for row, batch in zip(numbers, batches, strict=True):
        assert [len(f) for f in batch["features"]] == [10 + n % 7 for n in row]
        assert (batch["emotion"] >= 0).sum(1).tolist() == [10 + n % 7 for n in row]
        assert batch["names"] == [f"ravdess/{n % 3}" for n in row]
        features, mask = padded(batch["features"])
        assert mask.sum(1).tolist() == [len(f) for f in batch["features"]] and (features[~mask] == 0).all()
    assert [[int(row[0]) for row in batch["features"]] for batch in encoded()] == numbers


def test_masking_hides_a_share_of_frames_and_channels():
    torch.manual_seed(0)
    features = torch.ones(40, 100, 2, 64)
    kept = mask_spans(features, 0.25)
    frames = kept[:, :, 0].amax(-1)
    channels = kept[:, :, 0].amax(1)
    assert 0.15 < 1 - frames.mean() < 0.35 and 0.15 < 1 - channels.mean() < 0.35
    assert (frames.unflatten(1, (10, 10)).std(-1) == 0).all()  # spans of ten frames
    assert mask_spans(features, 0.0) is features


def test_batch_through_encoder_is_as_recordings_alone(data):
    """Padding and grouping by length change nothing but the last frame, whose convolution reads beyond the end."""
    encoder = SpeechEncoder.load(data / "encoder")
    settings = DiarizerTraining((), None, Path(), "")
    composites = [Composite(buzz(100 + 20 * n, 0.5 + 0.3 * (n % 4), n), ()) for n in range(8)]
    for features, composite in zip(encode_batch(encoder, composites, settings), composites, strict=True):
        alone = encoder(composite.waveform)
        assert len(features) == len(alone)
        torch.testing.assert_close(features.float(), alone, rtol=0, atol=0.05)
        assert (features[:-1] - alone[:-1]).abs().mean() < 1e-3


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
    frames.emotion = (honest + noise).argmax(1)
    assert fit_temperature((3 * honest).astype(np.float32), frames) == pytest.approx(3, rel=0.1)
    assert fit_temperature((0.5 * honest).astype(np.float32), frames) == pytest.approx(0.5, rel=0.1)


def test_decoding_smooths_where_that_helps(frames):
    frames.bounds, frames.emotion = np.array([0, 150, 300]), np.repeat([0, 3, 4], 100)
    clean = np.eye(7, dtype=np.float32)[frames.emotion]
    assert fit_decoding(9 * clean, frames) == {"min_duration": 0.2, "switch_cost": 0.0}
    noise = np.random.default_rng(0).standard_normal((300, 7)).astype(np.float32)
    choice = fit_decoding(2 * clean + 3 * noise, frames)
    assert choice["min_duration"] > 0.2 or choice["switch_cost"] > 0


# --- examples of motion


def test_motion_is_read_at_the_centres_of_feature_frames():
    values = np.arange(10.0)[:, None] / 25  # its own time at 25 fps
    found = at_feature_rate(values, 25, 20)[:, 0]
    np.testing.assert_allclose(found, np.minimum((np.arange(20) + 0.5) / 50, 9 / 25), atol=1e-6)


def test_loudness_follows_the_sound():
    x = np.concatenate([np.zeros(8000), buzz(200, 1.0, 0), np.zeros(8000)])
    level = loudness(x, 100)
    assert level.shape == (100,) and level.min() == 0 and level.max() == 1
    assert level[:23].max() == 0 and level[30:70].mean() > 0.6
    assert loudness(np.zeros(100), 1).shape == (1,)


def test_varied_examples_keep_sound_and_motion_together():
    example = Example(buzz(150, 1.2, 0), np.random.rand(30, 52), 25.0, np.ones(52, bool), "grid")
    speeds = set()
    for seed in range(12):
        varied = vary(example, np.random.default_rng(seed))
        assert len(varied.mouth) / varied.fps == pytest.approx(len(varied.waveform) / RATE, rel=0.01)
        assert np.array_equal(varied.mouth, example.mouth) and varied.style == "grid"
        assert varied.waveform.dtype == np.float32 and np.isfinite(varied.waveform).all()
        speeds.add(varied.fps)
    assert 25.0 in speeds and len(speeds) > 2


def test_drawn_emotions_are_timelines():
    kinds = set()
    for seed in range(60):
        posteriors, intensity = draw_emotions(200, np.random.default_rng(seed))
        assert posteriors.shape == (200, 7) and intensity.shape == (200,)
        np.testing.assert_allclose(posteriors.sum(1), 1, atol=1e-5)
        assert posteriors.min() >= -1e-6 and intensity.min() >= 0 and intensity.max() <= 1 + 1e-6
        assert np.abs(np.diff(posteriors, axis=0)).max() <= 1 / 3 + 1e-6  # changes are never at once
        kinds.add(int(posteriors.mean(0).argmax()))
    assert kinds == set(range(7))
    assert draw_emotions(1, np.random.default_rng(0))[0].shape == (1, 7)


def test_still_sounds_are_of_every_kind():
    sounds = [still_sound(np.random.default_rng(seed)) for seed in range(12)]
    assert all(x.shape == (3 * RATE,) and x.dtype == np.float32 and np.abs(x).max() <= 1 for x in sounds)
    assert any((x == 0).all() for x in sounds) and len({x.tobytes() for x in sounds}) > 6


def test_motion_batches(tmp_path):
    known = np.zeros(52, bool)
    known[ARKIT_INDEX["jawOpen"]] = True

    def example(seconds, level):
        mouth = np.zeros((round(25 * seconds), 52), np.float32)
        mouth[:, ARKIT_INDEX["jawOpen"]] = level
        return Example(buzz(200, seconds, 0), mouth, 25.0, known, "facegood")

    made = [example(0.5, 0.2), example(0.62, 0.2), example(3.0, 0.2)]
    motion = MotionSet.build(tmp_path / "draw", made, CountingEncoder(), "encoding")
    assert len(motion) == 3 and np.diff(motion.bounds).tolist() == [25, 31, 150]
    (batch,) = motion.batches(3, ("grid", "facegood"), np.random.default_rng(0), longest=60)
    assert sorted(batch["mask"].sum(1).tolist()) == [25, 31, 60]
    assert batch["style"].tolist() == [1, 1, 1]
    assert (batch["known"].numpy() == known).all()
    starts = set()
    for row, length in enumerate(batch["mask"].sum(1).int().tolist()):
        numbers = batch["features"][row, :length, 0, 0]
        assert (numbers.diff() == 1).all()
        starts.add((length, int(numbers[0])))
        assert (batch["motion"][row, length:] == 0).all() and (batch["features"][row, length:] == 0).all()
        # Beyond the end the last emotion goes on, see `test_padding_in_the_animator_goes_on_with_the_last_emotion`.
        assert (batch["posteriors"][row, length:] == batch["posteriors"][row, length - 1]).all()
        assert (batch["intensity"][row, length:] == batch["intensity"][row, length - 1]).all()
        assert batch["motion"][row, :length].amax() > 0.05
    assert (25, 0) in starts and (31, 0) in starts
    crops = {
        int(next(iter(motion.batches(3, ("grid", "facegood"), np.random.default_rng(s), 60)))["features"].sum())
        for s in range(5)
    }
    assert len(crops) > 1  # long recordings are cut elsewhere every time


# --- the loss of the animator


@pytest.fixture(scope="module")
def criterion():
    settings = AnimatorTraining(captures=(), corpora=(), splits=None, out=Path("unused"), encoder="unused")
    return MotionLoss(load_head(), np.full(52, 0.1, np.float32), settings)


def everything(frames=6):
    return torch.ones(1, 52), torch.ones(1, frames)


def test_loss_of_the_truth_is_nothing(criterion):
    motion = torch.rand(1, 12, 52, generator=torch.Generator().manual_seed(0)) * 0.5
    assert criterion(motion, motion, *everything(12)).tolist() == [0, 0, 0, 0, 0]


def test_loss_measures_in_spreads_and_millimetres(criterion):
    target = torch.zeros(1, 6, 52)
    found = target.clone()
    found[..., ARKIT_INDEX["jawOpen"]] = 0.1
    coefficients, velocity, vertices, *_ = criterion(found, target, *everything())
    assert coefficients.item() == pytest.approx(1 / 52) and velocity.item() == 0
    head = load_head()
    moved = head.deltas[ARKIT_INDEX["jawOpen"]][head.regions["lips"][::4]] * 0.1 * 1000
    assert vertices.item() == pytest.approx(float((moved**2).mean()), rel=1e-4)
    found[0, 3:, ARKIT_INDEX["jawOpen"]] = 0.2
    assert criterion(found, target, *everything())[1].item() == pytest.approx(1 / (5 * 52), rel=1e-4)


def test_loss_leaves_out_what_was_not_measured(criterion):
    found = torch.full((1, 6, 52), 0.3, requires_grad=True)
    known, mask = everything()
    pucker, brow = ARKIT_INDEX["mouthPucker"], ARKIT_INDEX["browInnerUp"]
    known[:, pucker], known[:, brow] = 0, 0
    mask[:, 4:] = 0
    criterion(found, torch.zeros(1, 6, 52), known, mask)[:3].sum().backward()
    assert (found.grad[0, :, pucker] == 0).all()
    assert (found.grad[0, :4, brow] != 0).all()  # beside the mouth there always is a target
    assert (found.grad[0, 4:] == 0).all() and (found.grad[0, :4, ARKIT_INDEX["jawOpen"]] != 0).all()
    # Speech without captured motion says nothing of the mouth at all.
    speech = torch.tensor([[float(not name.startswith(("jaw", "mouth"))) for name in ARKIT_NAMES]])
    found.grad = None
    criterion(found, torch.zeros(1, 6, 52), speech, torch.ones(1, 6)).sum().backward()
    assert (found.grad[..., ARKIT_INDEX["jawOpen"]] == 0).all() and (found.grad[..., brow] != 0).all()


def test_loss_wants_closed_lips_closed(criterion):
    target, found = torch.zeros(1, 6, 52), torch.zeros(1, 6, 52)
    jaw = ARKIT_INDEX["jawOpen"]
    found[0, :3, jaw] = 0.05
    assert criterion(found, target, *everything())[3] > 0.1
    target[0, :, jaw], found[0, :, jaw] = 0.5, 0.6
    assert criterion(found, target, *everything())[3] == 0  # open lips are not its matter


def test_loss_wants_motion_as_lively_as_captured(criterion):
    time = torch.arange(60) / 50
    target = torch.zeros(1, 60, 52)
    target[0, :, ARKIT_INDEX["jawOpen"]] = 0.2 + 0.2 * torch.sin(2 * torch.pi * 5 * time)
    losses = [float(criterion(scale * target, target, *everything(60))[4]) for scale in (1.0, 0.7, 0.4)]
    assert losses[0] == 0 and 0 < losses[1] < losses[2]
    # A shift in place or time is not its matter, and a recording of a few frames has none.
    assert float(criterion(target.roll(20, 1), target, *everything(60))[4]) < losses[1] / 4
    assert float(criterion(target[:, :6] * 0.4, target[:, :6], *everything(6))[4]) == 0
