"""Recordings with marked spans, without an emotion, and of sounds that are no speech: what counts as right."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.evaluation.diarization.checkpoint import evaluate_checkpoint
from sedtalker_cli.evaluation.diarization.clips import by_speaker, score_sounds
from sedtalker_cli.evaluation.diarization.listening import Heard
from sedtalker_cli.evaluation.diarization.pages import checkpoint_page
from sedtalker_cli.evaluation.diarization.stretches import Clip, clips_of
from sedtalker_cli.evaluation.diarization.tables import checkpoint_tables
from sedtalker_cli.evaluation.report.html import render_page

pytestmark = pytest.mark.usefixtures("heard_as_loud_as_recorded")


RATE, HOP = 16_000, 320
LEVELS = {"neutral": 0.02, "angry": 0.1, "happy": 0.3, "sad": 0.8}


class LevelEncoder:
    """A frame's feature is its highest sample."""

    def encode(self, blocks):
        waveform = np.concatenate(list(blocks))
        waveform = np.pad(waveform, (0, -len(waveform) % HOP))
        return np.abs(waveform.reshape(-1, HOP)).max(1)


class PerfectDiarizer:
    """Knows the emotion by the level of the sound: an oracle for synthetic recordings."""

    adapts = True
    classes, trained_on, decoding = EMOTIONS, ("zed",), {"min_duration": 0.02, "switch_cost": 0.0}

    def voice(self, features):
        return 0

    def predict(self, features, voice=None):
        names, levels = list(LEVELS), np.array(list(LEVELS.values()))
        nearest = np.abs(np.log(levels)[None] - np.log(features + 1e-6)[:, None]).argmin(1)
        p = np.eye(len(EMOTIONS), dtype=np.float32)[[EMOTIONS.index(names[k]) for k in nearest]]
        return p, features.astype(np.float32)


def recording(path: Path, *parts: tuple[float, str]) -> None:
    """A tone whose level says the emotion, part by part."""
    level = np.concatenate([np.full(round(seconds * RATE), LEVELS[emotion]) for seconds, emotion in parts])
    sf.write(path, level * np.where(np.arange(len(level)) % 40 < 20, 1, -1), RATE)


@pytest.fixture
def zed(tmp_path):
    """Three speakers; in their recordings less than half the time is emotional, silence included."""
    (tmp_path / "wavs").mkdir()
    entries = {}
    for number, emotion in enumerate(("angry", "happy", "sad"), start=1):
        name = f"spk{number}_1"
        recording(tmp_path / f"wavs/{name}.wav", (1.3, "neutral"), (0.9, emotion), (0.8, "neutral"))
        span = {"emo": emotion, "start": 1.3, "end": 2.2}
        entries[name] = {"wav": f"datafolder/wavs/{name}.wav", "emotion": [span]}
    (tmp_path / "ZED.json").write_text(json.dumps(entries))
    rows = "".join(f"zed/wavs/{name},test\n" for name in entries)
    (tmp_path / "splits.csv").write_text("path,split\n" + rows)
    return tmp_path


def test_a_perfect_answer_scores_one_on_marked_spans(zed):
    report = evaluate_checkpoint(LevelEncoder(), PerfectDiarizer(), [("zed", zed)], zed / "splits.csv", joined=1)
    for clips in (report.clips, report.adapted):
        assert clips.frames["zed"].accuracy == clips.frames["zed"].macro_f1 == 1
        assert clips.clips["zed"].uar == 1 and clips.clips["zed"].support.sum() == 9  # neutral, span, neutral of each
        assert clips.reliability.ece == pytest.approx(0)
    frames = dict(zip(EMOTIONS, report.clips.frames["zed"].support, strict=True))
    assert (frames["angry"], frames["neutral"]) == (45, 3 * 105)
    assert report.marked.diarizer.eder_micro == pytest.approx(0) and report.marked.diarizer.boundary.f1 == 1
    assert report.marked.single_guess.eder_micro == pytest.approx(0.3)
    assert set(report.marked.references) == {"zed/spk1_1", "zed/spk2_1", "zed/spk3_1"}
    content = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert content["marked"]["diarizer"]["eder_micro"] == pytest.approx(0)
    assert "Recordings with marked spans" in [t.title.split(" (")[0] for t in checkpoint_tables(report)]


def test_a_late_answer_loses_the_frames_that_it_misses(zed):
    class Late(PerfectDiarizer):
        def predict(self, features, voice=None):
            return super().predict(np.concatenate([features[:10], features[:-10]]))

    report = evaluate_checkpoint(LevelEncoder(), Late(), [("zed", zed)], zed / "splits.csv", joined=1)
    assert report.clips.frames["zed"].accuracy == pytest.approx(1 - 20 / 150)
    assert report.marked.diarizer.eder_micro == pytest.approx(0.4 / 3)


def test_spans_shorter_than_a_frame_are_no_clips():
    utterance = Utterance(Path("x.wav"), "zed", "1", "sad", segments=((0.1, 0.104, "sad"), (0.2, 0.3, "sad")))
    timeline = EmotionTimeline.from_segments([Segment(0.1, 0.3, "sad")], EMOTIONS, 0.5)
    clips = clips_of([Heard(utterance, np.ones(25, bool), timeline, timeline)], adapted=False)
    assert [(c.utterance.label, len(c.posteriors)) for c in clips] == [
        ("neutral", 5),
        ("neutral", 5),
        ("sad", 5),
        ("neutral", 10),
    ]


def test_sounds_and_ungraded_words_take_no_part_in_scores_of_speech(zed, tmp_path):
    """Next to speech of a known emotion lie graded words without one, a scream and a cough."""
    sounds = tmp_path / "sounds"
    heard = {"screaming": "angry", "coughing": "sad", "laughing": "happy", "sighing": "sad"}
    for number, (kind, emotion) in enumerate(heard.items()):
        (sounds / kind).mkdir(parents=True)
        recording(sounds / kind / f"AB_{number}_1_0_20_0_0_0.wav", (0.5, emotion))
    words = tmp_path / "words"
    (words / "1").mkdir(parents=True)
    for level, emotion in enumerate(("neutral", "angry", "happy")):
        recording(words / f"1/7-f-20-1-{level}-{level}.wav", (0.5, emotion))
    table = zed / "splits.csv"
    rows = [f"nonverbal/{p.relative_to(sounds).as_posix()},test" for p in sounds.rglob("*.wav")]
    rows += [f"baved/{p.relative_to(words).as_posix()},test" for p in words.rglob("*.wav")]
    table.write_text(table.read_text() + "\n".join(rows) + "\n")
    corpora = [("zed", zed), ("nonverbal", sounds), ("baved", words)]
    report = evaluate_checkpoint(LevelEncoder(), PerfectDiarizer(), corpora, table, joined=1)
    assert set(report.clips.frames) == {"zed"} and report.clips.strong_auc is None
    assert report.clips.sounds == {"coughing": (1, 0.0), "laughing": (1, 1.0), "screaming": (1, 1.0)}
    assert report.clips.level_by_speaker == {"baved": pytest.approx(1)}
    assert report.settings["corpora"] == ["baved", "nonverbal", "zed"]
    page = render_page(checkpoint_page(report, {}))
    assert "Non-verbal sounds" in page and "screaming" in page
    json.dumps(report.to_dict(), allow_nan=False)


def clip(found: float, speaker: str, **facts) -> Clip:
    u = Utterance(Path("x.wav"), "baved", speaker, None, **facts)
    return heard_clip(u, 0, found)


def heard_clip(utterance: Utterance, answer: int, intensity: float = 0.0) -> Clip:
    """Two frames that all say the same."""
    return Clip(utterance, np.eye(7)[[answer, answer]], np.full(2, intensity), np.full(2, answer), 0, 0.04)


def test_intensity_is_ranked_within_each_speaker():
    """A loud speaker's low may be above a quiet one's high."""
    loud = [clip(0.7 + 0.1 * n, "loud", intensity=n / 2) for n in range(3)]
    quiet = [clip(0.1 + 0.1 * n, "quiet", intensity=n / 2) for n in range(3)]
    flat = [clip(0.5, "flat", intensity=n / 2) for n in range(3)]
    few = [clip(0.9, "few", intensity=0.0), clip(0.1, "few", intensity=1.0)]
    assert by_speaker([*loud, *quiet, *few], lambda u: u.intensity) == {"baved": pytest.approx(1)}
    assert by_speaker([*loud, *flat], lambda u: u.intensity) == {"baved": pytest.approx(0.5)}
    assert by_speaker(loud, lambda u: u.arousal) == {}


def test_any_of_several_classes_is_right_for_a_sound():
    scream = {"sound": "screaming", "any_of": ("fear", "surprise")}
    clips = [heard_clip(Utterance(Path("s"), "nonverbal", "1", None, **scream), k) for k in range(7)]
    assert score_sounds(clips, EMOTIONS) == {"screaming": (7, pytest.approx(2 / 7))}
