"""Files are judged as they lie: silence is heard but not scored, and speakers, read speech and conditions count."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.data.composites import loud_frames
from sedtalker_cli.data.conditions import CONDITIONS, EDGE, in_condition
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.data.recordings import MOST_READ, thinned
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.evaluation.diarization.checkpoint import evaluate_checkpoint
from sedtalker_cli.evaluation.diarization.conditions import RECORDED
from sedtalker_cli.evaluation.diarization.speakers import Spread
from sedtalker_cli.evaluation.diarization.tables import checkpoint_sections, checkpoint_tables
from tests.evaluation.test_marked_spans import LEVELS, RATE, LevelEncoder, PerfectDiarizer, recording

pytestmark = pytest.mark.usefixtures("heard_as_loud_as_recorded")


CODES = {"neutral": "01", "happy": "03", "sad": "04", "angry": "05"}
SILENCE = 0.6  # s


class Listening(PerfectDiarizer):
    """Knows the emotion by level; says fear in silence, and counts the frames it was given."""

    trained_on = ("ravdess",)

    def __init__(self):
        self.lengths = []

    def predict(self, features, voice=None):
        self.lengths.append(len(features))
        p, intensity = super().predict(features)
        p[features < 0.005] = np.eye(7)[EMOTIONS.index("fear")]
        return p, intensity


def padded(path: Path, emotion: str, seconds: float = 0.8) -> None:
    """A tone whose level says the emotion, between silence and silence, and a pause in its middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = np.full(round(seconds / 2 * RATE), LEVELS[emotion])
    silence = np.zeros(round(SILENCE * RATE))
    level = np.concatenate([silence, half, silence, half, silence])
    sf.write(path, level * np.where(np.arange(len(level)) % 40 < 20, 1, -1), RATE)


@pytest.fixture
def acted(tmp_path):
    """RAVDESS with two actors, all of them for the test; the second one's angry clips sound neutral."""
    folder = tmp_path / "ravdess"
    for actor in ("01", "02"):
        for emotion, code in CODES.items():
            for take in ("01", "02"):
                heard = "neutral" if actor == "02" and emotion == "angry" else emotion
                padded(folder / f"Actor_{actor}/03-01-{code}-01-01-{take}-{actor}.wav", heard)
    rows = [f"ravdess/{p.relative_to(folder).as_posix()},test\n" for p in sorted(folder.rglob("*.wav"))]
    (tmp_path / "splits.csv").write_text("path,split\n" + "".join(rows))
    return folder


def judged(folder: Path, diarizer=None, more=(), **options):
    table = folder.parent / "splits.csv"
    corpora = [("ravdess", folder), *more]
    return evaluate_checkpoint(LevelEncoder(), diarizer or Listening(), corpora, table, joined=4, **options)


def test_whole_files_are_heard_and_their_speech_is_scored(acted):
    """Neither the silence, which is half of each file, nor an answer in it counts, but the models get all of it."""
    diarizer = Listening()
    report = judged(acted, diarizer)
    assert diarizer.lengths[:32] == [round((0.8 + 3 * SILENCE) / 0.02)] * 32
    frames = report.clips.frames["ravdess"]
    assert frames.support.sum() == 16 * 40  # 0.8 s each
    assert frames.accuracy == pytest.approx(14 / 16)
    assert report.clips.clips["ravdess"].accuracy == pytest.approx(14 / 16)
    assert frames.matrix[:, EMOTIONS.index("fear")].sum() == 0
    assert "35 dB below" in report.to_dict()["scored"]
    assert "35 dB below" in checkpoint_tables(report)[0].title


def test_scores_spread_over_speakers(acted):
    report = judged(acted)
    spread = report.clips.speaker_clips["ravdess"]
    assert (spread.count, spread.mean, spread.deviation) == (2, pytest.approx(0.875), pytest.approx(0.125))
    assert spread.quartiles == pytest.approx((0.8125, 0.875, 0.9375))
    assert report.adapted.speaker_frames["ravdess"].mean == pytest.approx(0.875)
    table = next(t for t in checkpoint_tables(report) if t.title.startswith("Speakers"))
    assert table.rows[0][:4] == ["ravdess, plain", "2", "0.875", "0.125"]
    content = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert content["speakers"]["ravdess"]["clip_uar"]["mean"] == pytest.approx(0.875)
    assert Spread.of([0.5]) == Spread(1, 0.5, 0.0, (0.5, 0.5, 0.5))


def test_habits(acted, tmp_path):
    """The label of each clip of 2.6 s changes as often as silence and speech; read speech takes part here only."""
    read = tmp_path / "librispeech"
    for number, heard in enumerate(("neutral", "neutral", "neutral", "happy")):
        padded(read / f"{84 + number}/121123/{84 + number}-121123-0000.flac", heard)
        (read / f"{84 + number}/121123/{84 + number}-121123.trans.txt").write_text(f"{84 + number}-121123-0000 WORDS\n")
    with (tmp_path / "splits.csv").open("a") as table:
        table.writelines(f"librispeech/{p.relative_to(read).as_posix()},test\n" for p in read.rglob("*.flac"))
    report = judged(acted, more=[("librispeech", read)])
    habits = report.clips.habits
    assert habits.changes == {"ravdess": pytest.approx(4 * 60 / 2.6)}
    assert habits.false_neutral == {"ravdess": pytest.approx(2 / 12), "all": pytest.approx(2 / 12)}
    assert habits.false_emotion == {"librispeech": pytest.approx(0.25)}
    assert set(report.clips.frames) == {"ravdess"} == set(report.clips.pool)
    rows = [row for table in checkpoint_sections(report)["habits"] for row in table.rows]
    assert ["0.250", "0.250"] in [row[1:] for row in rows if "read speech" in row[0]]


def test_calm_takes_no_part_in_the_order_of_intensity(acted):
    """Strong clips are louder here than normal ones, and a strong calm one is the softest of all."""
    for emotion, strength, level in (("03", "02", "sad"), ("04", "02", "sad"), ("02", "02", "neutral")):
        padded(acted / f"Actor_01/03-01-{emotion}-{strength}-02-01-01.wav", level)
    (acted / "Actor_01/03-01-04-01-01-01-01.wav").unlink()
    (acted / "Actor_01/03-01-04-01-01-02-01.wav").unlink()
    for path in acted.glob("Actor_02/*-04-*"):
        path.unlink()
    with (acted.parent / "splits.csv").open("a") as table:
        table.writelines(f"ravdess/{p.relative_to(acted).as_posix()},test\n" for p in acted.rglob("*-02-??-01-01.wav"))
    assert judged(acted).clips.strong_auc == 1


def test_joined_clips_have_silence_at_their_ends(acted):
    """Their clips have none of their own left, and references tile what is joined."""
    heard = []

    class Encoder(LevelEncoder):
        def encode(self, blocks):
            blocks = list(blocks)
            heard.append(np.concatenate(blocks))
            return super().encode(blocks)

    report = evaluate_checkpoint(Encoder(), Listening(), [("ravdess", acted)], acted.parent / "splits.csv", joined=8)
    joined = heard[-8:]
    edges = [np.flatnonzero(loud_frames(sound))[[0, -1]] for sound in joined]
    assert max(first for first, _ in edges) > 20
    for sound, segments in zip(joined, report.joined.references.values(), strict=True):
        assert segments[0].onset == 0 and segments[-1].end == pytest.approx(len(sound) / RATE)
    (title, *_) = [table.title for table in checkpoint_sections(report)["joined"]]
    assert "pauses" in title and "silence at the ends" in title


def test_conditions_cost_what_they_cost(acted):
    """What hears by level alone loses nothing by silence, all but one class by 40 dB."""
    for path in acted.glob("Actor_02/*-05-*"):
        path.unlink()
    report = judged(acted, conditions=True)
    plain = report.conditions.plain
    assert list(plain) == [RECORDED, *CONDITIONS]
    assert plain[RECORDED]["ravdess"] == plain["edges cut off"]["ravdess"] == 1
    assert plain["1 s of digital silence at both ends"]["ravdess"] == 1
    assert plain["40 dB quieter"]["ravdess"] <= 0.5
    assert report.conditions.clips == {"ravdess": 14}
    (table,) = checkpoint_sections(report)["conditions"]
    row = next(row for row in table.rows if row[:2] == ["40 dB quieter", "mean of corpora"])
    assert float(row[4]) == pytest.approx(1 - plain["40 dB quieter"]["ravdess"], abs=1e-3)
    assert judged(acted, conditions=True).to_dict() == report.to_dict()
    assert judged(acted).to_dict()["conditions"] is None
    json.dumps(report.to_dict(), allow_nan=False)


@pytest.mark.parametrize("name", CONDITIONS)
def test_frames_of_speech_stay_known_in_every_condition(name):
    rng = np.random.default_rng(0)
    speech = np.repeat(np.arange(6) % 2 == 1, 1600)
    waveform = (speech * rng.normal(0, 0.1, len(speech)))[:-100].astype(np.float32)
    voices = [rng.normal(0, 0.1, 4000)]
    changed, heard = in_condition(name, waveform, np.random.default_rng(1), voices)
    assert changed.dtype == np.float32 and np.abs(changed).max() <= 1
    assert len(heard) == -(-len(changed) // 320) and heard.sum() == loud_frames(waveform).sum()
    assert not np.array_equal(changed, waveform)
    found = np.repeat(heard, 320)[: len(changed)]
    if name == "edges cut off":
        assert heard[0] and heard[-1] and len(changed) < len(waveform)
    elif "both ends" in name:
        assert len(changed) >= len(waveform) + 2 * EDGE and not heard[:50].any()
        assert np.abs(changed[found]).mean() > 50 * np.abs(changed[:EDGE]).mean()
    elif "10 dB" in name:
        added = changed - waveform
        assert 10 * np.log10(np.mean(waveform[found] ** 2) / np.mean(added**2)) == pytest.approx(10, abs=0.2)
    elif name == "40 dB quieter":
        assert np.abs(changed).max() == pytest.approx(np.abs(waveform).max() / 100, rel=0.02)
    elif name.startswith("clipped"):
        assert np.abs(changed).max() == pytest.approx(np.abs(waveform).max() * 10 ** (-12 / 20), rel=0.01)


def test_most_clips_of_a_speaker(acted):
    report = judged(acted, most=3)
    assert report.clips.clips["ravdess"].support.sum() == 6 and report.settings["most"] == 3
    clips = [Utterance(Path(f"{s}-{k}.wav"), "ravdess", s, "sad") for s in "ab" for k in range(5)]
    read = [Utterance(Path(f"r{k}.wav"), "librispeech", "r", "neutral") for k in range(3)]
    kept = thinned([*clips, *read], 2)
    assert [u.speaker for u in kept] == [*["r"] * MOST_READ, "a", "a", "b", "b"]
    assert thinned([*reversed(read), *reversed(clips)], 2) == kept


def test_a_long_recording_is_judged_by_its_own_voice(tmp_path):
    """As in `diarize`: from a minute on."""

    class Telling(Listening):
        def predict(self, features, voice=None):
            self.lengths.append((len(features), voice is not None))
            return PerfectDiarizer.predict(self, features)

    for take, seconds in (("01", 58.0), ("02", 62.0)):
        path = tmp_path / f"ravdess/Actor_01/03-01-05-01-01-{take}-01.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        recording(path, (seconds, "angry"))
    rows = "".join(f"ravdess/Actor_01/03-01-05-01-01-{take}-01.wav,test\n" for take in ("01", "02"))
    (tmp_path / "splits.csv").write_text("path,split\n" + rows)
    diarizer = Telling()
    judged(tmp_path / "ravdess", diarizer)
    assert diarizer.lengths[:4] == [(2900, False), (2900, True), (3100, True), (3100, True)]
