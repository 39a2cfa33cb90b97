"""Speakers known by all their recordings: who belongs together, what is heard, and when outputs are made again."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.rttm import read_rttm
from sedtalker_cli.model.diarizer import Diarizer, Voice
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.pipeline import Pipeline
from sedtalker_cli.progress import silent
from sedtalker_cli.tasks.adaptation import Adaptation
from tests.commands import call, made
from tests.conftest import FakeAnimator, tone, tree

pytestmark = pytest.mark.usefixtures("heard_as_loud_as_recorded")


def write_level(path: Path, level: float, seconds: float = 0.6) -> Path:
    """A tone as loud as said."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, level * tone(seconds), 16000)
    return path


def job(path: Path, speaker: str | None = None) -> Job:
    return Job(path, Path(path.stem), speaker)


class Ears:
    """A listener to files of numbers: the voice is the number; remembers what it heard."""

    def __init__(self):
        self.heard = []

    def __call__(self, path: Path) -> Voice:
        self.heard.append(path.name)
        text = path.read_text()
        if text == "broken":
            raise InputError(f"{path}: broken")
        total = torch.tensor([float(text)])
        return Voice(total, total**2, 1, torch.zeros(7), 1)


@pytest.fixture
def numbers(tmp_path):
    """Two folders with files of numbers."""
    for name, text in {"x/a": "1", "x/b": "2", "y/a": "4", "y/b": "8"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def voices(jobs: list[Job], listen=None) -> list[tuple[float, int]]:
    adaptation = Adaptation(jobs, listen or Ears())
    found = [adaptation.voice(job, silent) for job in jobs]
    return [(float(voice.total), voice.frames) for voice in found]


def test_a_folder_is_one_speaker(numbers, monkeypatch):
    monkeypatch.chdir(numbers)
    (numbers / "same").symlink_to(numbers / "x")
    jobs = [job(numbers / "x/a"), job(Path("same/b")), job(Path("y/a")), job(Path("y/../y/b"))]
    assert voices(jobs) == [(3, 2), (3, 2), (12, 2), (12, 2)]


def test_a_named_speaker_goes_before_the_folder(numbers):
    jobs = [job(numbers / "x/a", "Ann"), job(numbers / "x/b"), job(numbers / "y/a", "Ann"), job(numbers / "y/b", "Bob")]
    assert voices(jobs) == [(5, 2), (2, 1), (5, 2), (8, 1)]


def test_a_speaker_called_like_a_folder_is_not_that_folder(numbers):
    assert voices([job(numbers / "x/a"), job(numbers / "y/a", str(numbers / "x"))]) == [(1, 1), (4, 1)]


def test_each_recording_is_heard_once_and_only_when_needed(numbers):
    ears, stages = Ears(), []
    jobs = [job(numbers / "x/a"), job(numbers / "x/b"), job(numbers / "y/a"), job(numbers / "x/a")]
    adaptation = Adaptation(jobs, ears)
    adaptation.settings(jobs[0])
    assert ears.heard == []
    for _ in range(2):
        adaptation.voice(jobs[0], lambda *step: stages.append(step))
    assert sorted(ears.heard) == ["a", "b"]
    assert stages == [("knowing the speaker", 0, 2), ("knowing the speaker", 1, 2)]


def test_each_file_is_hashed_once(numbers, monkeypatch):
    from sedtalker_cli.tasks import adaptation as module

    hashed, real = [], module.file_checksum
    monkeypatch.setattr(module, "file_checksum", lambda path: hashed.append(path) or real(path))
    jobs = [job(path) for path in sorted(numbers.glob("*/*"))]
    adaptation = Adaptation(jobs, Ears())
    for one in jobs:
        adaptation.settings(one)
        adaptation.voice(one, silent)
    assert sorted(hashed) == sorted(numbers.glob("*/*"))


def test_broken_recordings_are_left_out(numbers):
    (numbers / "x/c").write_text("broken")
    (numbers / "x/d").write_text("")
    jobs = [job(numbers / "x" / name) for name in ("a", "c", "d", "missing", "b")]
    assert voices(jobs) == [(3, 2)] * 5
    (numbers / "x/0").write_text("")  # the first by name
    (numbers / "x/e").write_text("20")  # the last by checksum, behind what is broken
    jobs = [job(numbers / "x" / name) for name in ("0", "a", "c", "e")]
    assert voices(jobs) == [(21, 2)] * 4
    alone = job(numbers / "x/c")
    assert Adaptation([alone], Ears()).voice(alone, silent) is None


def test_a_defect_is_not_taken_for_a_broken_recording(numbers):
    def listen(path):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        voices([job(numbers / "x/a")], listen)


def test_settings_follow_the_recordings_of_the_speaker_only(numbers):
    a, b, other = job(numbers / "x/a"), job(numbers / "x/b"), job(numbers / "y/a")

    def settings(*jobs):
        return Adaptation(jobs, Ears()).settings(a)

    before = settings(a, b)
    assert before == settings(b, a, b) == settings(a, b, other)
    assert settings(a) != before
    (numbers / "x/b").rename(numbers / "x/renamed")
    assert settings(a, job(numbers / "x/renamed")) == before
    (numbers / "x/b").write_text("3")
    assert settings(a, b) != before
    assert json.loads(json.dumps(before)) == before


class QuarterEncoder:
    """Levels of the four quarters of every 20 ms."""

    def store(self, blocks, progress=silent, expected=0):
        samples = torch.from_numpy(np.concatenate(list(blocks)))
        return samples.abs().reshape(-1, 1, 4, 80).mean(-1)


def tiny_pipeline() -> Pipeline:
    torch.manual_seed(0)
    network = DiarizerNetwork(len(EMOTIONS), 1, 4, d_model=8, layout="m", stride=2, prior_frames=5)
    for name in ("shares", "stretch_shares", "level_shares"):
        getattr(network, name).fill_(0.5)
    network.speech.weight.data.zero_()
    network.speech.bias.data.fill_(1)  # speech throughout
    gate = {"stretches": 0, "variety": 0}  # everybody is known well enough
    diarizer = Diarizer(network, {"classes": list(EMOTIONS), "gate": gate}, "cpu", "tiny")
    return Pipeline(QuarterEncoder(), diarizer, FakeAnimator, "cpu")


def test_voices_of_parts_add_up_to_that_of_the_whole(tmp_path):
    pipeline = tiny_pipeline()
    whole = tone(1.0)
    for name, part in {"whole": whole, "first": whole[:9600], "last": whole[9600:]}.items():
        sf.write(tmp_path / f"{name}.wav", part, 16000, subtype="FLOAT")
    voice = pipeline.listen(tmp_path / "whole.wav")
    parts = pipeline.listen(tmp_path / "first.wav") + pipeline.listen(tmp_path / "last.wav")
    assert voice.frames == parts.frames == 50
    assert voice.total.abs().max() > 0.1
    assert torch.allclose(voice.total, parts.total, atol=1e-3)
    assert torch.allclose(voice.square, parts.square, atol=1e-3)


def test_a_voice_changes_what_a_model_hears(tmp_path):
    pipeline = tiny_pipeline()
    path = write_level(tmp_path / "a.wav", 0.5)
    alone, known = pipeline.diarize(path), pipeline.diarize(path, voice=pipeline.listen(path))
    assert not np.allclose(alone.timeline.posteriors, known.timeline.posteriors, atol=1e-4)


def test_a_minute_tells_enough_of_its_speaker(tmp_path, fake_models):
    """Judged by what it tells itself, unless a voice is given; shorter ones by the measure of all."""
    short, long = write_level(tmp_path / "short.wav", 0.5, 59.9), write_level(tmp_path / "long.wav", 0.5, 60.0)
    for path, adapted, found in ((short, False, ["happy", "sad"]), (long, True, ["sad"])):
        diarization = fake_models.diarize(path)
        assert diarization.adapted == adapted
        assert [s.emotion for s in diarization.timeline.segments()] == found
    quiet = fake_models.listen(write_level(tmp_path / "quiet.wav", 0.1))
    assert [s.emotion for s in fake_models.diarize(long, voice=quiet).timeline.segments()] == ["happy"]


def test_listening_to_what_is_no_sound(tmp_path):
    (tmp_path / "a.wav").write_text("no sound at all\n" * 9)
    with pytest.raises(InputError, match=r"a\.wav"):
        tiny_pipeline().listen(tmp_path / "a.wav")


def test_outputs_do_not_depend_on_the_order(tmp_path, fake_models):
    sounds = [write_level(tmp_path / f"in/{k}.wav", level) for k, level in enumerate((0.1, 0.13, 0.7, 0.31))]
    total = {}
    for out, order in {"a": sounds, "b": sounds[::-1], "c": [sounds[2], sounds[0], sounds[3], sounds[1]]}.items():
        call("diarize", *order, "--adapt", "--out", tmp_path / out, "--quiet")
        total[out] = {name: (tmp_path / out / name).read_bytes() for name in made(tmp_path / out)}
    assert total["a"] == total["b"] == total["c"]
    assert len(total["a"]) == 8
    jobs = [job(path) for path in sounds]
    sums = {
        tuple(Adaptation(order, fake_models.listen).voice(jobs[0], lambda *_: None).total.tolist())
        for order in (jobs, jobs[::-1], jobs[2:] + jobs[:2])
    }
    assert len(sums) == 1  # to the last bit


def emotions(folder: Path) -> dict[str, str]:
    """The one emotion of every recording, by its path below the folder."""
    found = {}
    for path in sorted(folder.rglob("*.rttm")):
        (segments,) = read_rttm(path).values()
        found[path.relative_to(folder).with_suffix("").as_posix()] = "+".join(s.emotion for s in segments)
    return found


def test_diarize_by_folder(tmp_path, fake_models):
    for name, level in {"quiet/a": 0.05, "quiet/b": 0.2, "loud/a": 0.5, "loud/b": 0.9}.items():
        write_level(tmp_path / f"in/{name}.wav", level)
    call("diarize", tmp_path / "in", "-r", "--out", tmp_path / "plain")
    assert set(emotions(tmp_path / "plain").values()) == {"happy+sad"}
    call("diarize", tmp_path / "in", "-r", "--adapt", "--out", tmp_path / "out")
    assert emotions(tmp_path / "out") == {"loud/a": "sad", "loud/b": "happy", "quiet/a": "sad", "quiet/b": "happy"}


def test_diarize_by_speaker_of_a_list(tmp_path, fake_models, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, level in {"a": 0.05, "b": 0.2, "c": 0.5, "d": 0.9}.items():
        write_level(tmp_path / f"{name}.wav", level)
    # Overrides and identities are for the other command: not even looked at.
    (tmp_path / "list.csv").write_text(
        "path,speaker,emotion_override,identity\na.wav,Ann,glad,nobody\nb.wav,Ann\nc.wav,Bob\nd.wav,Bob\n"
    )
    call("diarize", "--list", "list.csv", "--adapt", "--out", "out")
    assert emotions(tmp_path / "out") == {"a": "sad", "b": "happy", "c": "sad", "d": "happy"}
    call("diarize", "a.wav", "b.wav", "c.wav", "d.wav", "--adapt", "--out", "together")
    assert emotions(tmp_path / "together") == {"a": "sad", "b": "sad", "c": "happy", "d": "happy"}


def test_a_broken_file_fails_alone(tmp_path, fake_models):
    for name, level in {"a": 0.1, "c": 0.5}.items():
        write_level(tmp_path / f"in/{name}.wav", level)
    (tmp_path / "in/b.wav").write_text("no sound at all\n" * 9)
    (tmp_path / "in/d.wav").write_text("")
    result = call("diarize", tmp_path / "in", "--adapt", "--out", tmp_path / "out", expect=1)
    assert emotions(tmp_path / "out") == {"a": "sad", "c": "happy"}
    assert result.stderr.count("error: ") == 2
    assert "2 done, 0 skipped, 2 failed" in result.stderr


def test_resume_follows_the_recordings_of_the_speaker(tmp_path, fake_models):
    for name, level in {"x/a": 0.1, "x/b": 0.5, "y/a": 0.3}.items():
        write_level(tmp_path / f"in/{name}.wav", level)

    def again(*options) -> list[tuple[str, str | None]]:
        arguments = ("diarize", tmp_path / "in", "-r", "--out", tmp_path / "out", "--resume", *options)
        return [line.split(":")[0] for line in call(*arguments).stderr.splitlines() if ".wav" in line]

    same, other = "skipped (complete and made with the same settings)", "done (made with another speaker_recordings)"
    again("--adapt")
    assert again("--adapt") == [same] * 3
    assert again() == [other] * 3
    assert again("--adapt") == [other] * 3
    write_level(tmp_path / "in/x/b.wav", 0.6)
    assert again("--adapt") == [other, "done (made with another input, speaker_recordings)", same]
    write_level(tmp_path / "in/x/c.wav", 0.9)
    assert again("--adapt") == [other, other, "done (not made yet)", same]
    (tmp_path / "in/x/c.wav").unlink()
    assert again("--adapt") == [other, other, same]
    assert again("--adapt") == [same] * 3


def sidecar(path: Path) -> dict:
    return json.loads(path.read_text())


def test_animate_says_whether_it_adapted(tmp_path, fake_models):
    for name, level in {"a": 0.1, "b": 0.5}.items():
        write_level(tmp_path / f"in/{name}.wav", level)
    call("animate", tmp_path / "in", "--out", tmp_path / "plain", "--idle", "off")
    call("animate", tmp_path / "in", "--out", tmp_path / "out", "--idle", "off", "--adapt")
    assert emotions(tmp_path / "out") == {"a": "sad", "b": "happy"}
    assert [sidecar(tmp_path / out / "a.json")["adapted"] for out in ("plain", "out")] == [False, True]
    plain, adapted = (np.load(tmp_path / out / "a.weights.npy") for out in ("plain", "out"))
    assert not np.array_equal(plain, adapted)


def test_rows_win_over_options(tmp_path, fake_models, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        write_level(tmp_path / f"{name}.wav", 0.3)
    (tmp_path / "angry.rttm").write_text("SPEAKER c 1 0 9 <NA> <NA> angry <NA> <NA>\n")
    (tmp_path / "list.csv").write_text(
        'path,emotion_override,identity\na.wav,,\nb.wav,"0-0.3=fear,0.3-=neutral",anna\nc.wav,angry.rttm,7\n'
    )
    arguments = ("animate", "--list", "list.csv", "--out", "out", "--emotion-override", "sad", "--identity", "robin")
    call(*arguments)
    assert emotions(tmp_path / "out") == {"a": "sad", "b": "fear+neutral", "c": "angry"}
    found = [sidecar(tmp_path / f"out/{name}.json") for name in "abc"]
    assert [s["emotion_override"] for s in found] == ["sad", "0-0.3=fear,0.3-=neutral", "angry.rttm"]
    assert [s["identity"] for s in found] == ["robin", "anna", "7"]

    def again() -> list[str]:
        return [line.split(":")[0] for line in call(*arguments, "--resume").stderr.splitlines() if ".wav" in line]

    same = "skipped (complete and made with the same settings)"
    assert again() == [same] * 3
    (tmp_path / "angry.rttm").write_text("SPEAKER c 1 0 9 <NA> <NA> disgust <NA> <NA>\n")
    assert again() == [same, same, "done (made with another emotion_override)"]
    (tmp_path / "list.csv").write_text("path,emotion_override,identity\na.wav,sad,\nb.wav,fear,8\nc.wav,angry.rttm,7\n")
    assert again() == [same, "done (made with another emotion_override, identity)", same]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("glad,", "--list, b.wav: emotion override 'glad'"),
        ("none.rttm,", "--list, b.wav: emotion override none.rttm: does not exist"),
        ('"0-1=happy,0.5-2=sad",', "overlap"),
        (",nobody", "--list, b.wav: identity 'nobody' is unknown"),
    ],
)
def test_wrong_rows_stop_before_any_work(tmp_path, fake_models, monkeypatch, row, said):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        write_level(tmp_path / f"{name}.wav", 0.3)
    (tmp_path / "list.csv").write_text(f"path,emotion_override,identity\na.wav,,\nb.wav,{row}\n")
    result = call("animate", "--list", "list.csv", "--out", "out", expect=2)
    assert said in result.stderr
    assert tree(tmp_path) == ["a.wav", "b.wav", "list.csv"]


def test_override_files_of_a_list_are_not_replaced(tmp_path, fake_models, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_level(tmp_path / "a.wav", 0.3)
    (tmp_path / "a.rttm").write_text("SPEAKER a 1 0 9 <NA> <NA> angry <NA> <NA>\n")
    (tmp_path / "list.csv").write_text("path,emotion_override\na.wav,a.rttm\n")
    result = call("animate", "--list", "list.csv", "--overwrite", expect=2)
    assert "a.rttm is an input and would be replaced" in result.stderr


@pytest.mark.parametrize("command", ["diarize", "animate"])
def test_help_tells_of_it(command):
    output = " ".join(call(command, "--help").output.split())
    assert "--adapt Judge every speaker by their own measure: all inputs of one folder" in output
