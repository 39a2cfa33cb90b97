"""`evaluate diarization`: RTTM files against RTTM files, and the report pages of both modes."""

import json
import re
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.emotion.timeline import Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.diarization.files import evaluate_rttm, read_recordings, spread_by_error
from sedtalker_cli.evaluation.report.html import Page, Section, render_page
from sedtalker_cli.evaluation.report.tables import Table, number
from sedtalker_cli.formats.rttm import format_rttm
from sedtalker_cli.formats.uem import write_uem
from tests.commands import call
from tests.conftest import ROOT, FakeDiarizer, tone, tree

VOID = {"meta", "br", "img", "link", "input", "hr"}


evaluate = partial(call, "evaluate", "diarization")


def tiles(*parts: tuple[float, str]) -> list[Segment]:
    """Segments one after the other from (duration, emotion)."""
    segments, place = [], 0.0
    for duration, emotion in parts:
        segments.append(Segment(place, duration, emotion))
        place += duration
    return segments


TRUTH = {
    "one": tiles((2, "neutral"), (2, "happy"), (1, "neutral")),
    "two": tiles((4, "angry"), (2, "sad")),
    "three": tiles((3, "happy")),
}
FOUND = {
    "one": tiles((2.2, "neutral"), (1.8, "happy"), (1, "neutral")),  # missed 0.2
    "two": tiles((3, "angry"), (1, "happy"), (2, "sad")),  # confusion 1
    "three": tiles((2.5, "happy"), (0.5, "neutral")),  # missed 0.5
}


@pytest.fixture
def folders(tmp_path):
    """`truth/` with one file a recording, and all hypotheses in `found.rttm`."""
    (tmp_path / "truth/more").mkdir(parents=True)
    for name, place in (("one", "truth"), ("two", "truth/more"), ("three", "truth")):
        (tmp_path / place / f"{name}.rttm").write_text(format_rttm(TRUTH[name], name))
    (tmp_path / "found.rttm").write_text("".join(format_rttm(part, name) for name, part in FOUND.items()))
    return tmp_path


class Checker(HTMLParser):
    """Collects what a page holds, and finds tags that are not closed, ids used twice and addresses."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.ids, self.references, self.words, self.tags = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._look(attributes)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self._look(attributes)

    def _look(self, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            elif name in ("href", "xlink:href", "src"):
                assert value.startswith("#"), value
                self.references.append(value[1:])
            self.references += re.findall(r"url\(#([^)]+)\)", value or "")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if text.strip():
            self.words.append(text.strip())


def check_page(text: str) -> Checker:
    """Well formed, nothing from elsewhere, ids unique and references to something."""
    found = Checker(text)
    assert found.open == []
    assert "http" not in text
    assert "script" not in found.tags
    assert "@import" not in text
    assert len(found.ids) == len(set(found.ids))
    assert set(found.references) <= set(found.ids)
    return found


def test_folder_against_file(folders):
    out = folders / "report"
    result = evaluate("--reference", folders / "truth", "--hypothesis", folders / "found.rttm", "--out", out)
    assert tree(out) == ["report.html", "report.json"]
    content = json.loads((out / "report.json").read_text())
    score = content["score"]
    assert content["mode"] == "rttm"
    assert content["notes"] == []
    assert score["files"] == 3
    assert score["duration"] == pytest.approx(14)
    assert score["eder_micro"] == pytest.approx(1.7 / 14)
    assert score["eder_macro"] == pytest.approx((0.2 / 5 + 1 / 6 + 0.5 / 3) / 3)
    assert (score["missed"], score["false_alarm"], score["confusion"]) == pytest.approx((0.7, 0.0, 1.0))
    # one: 2 of 2 found; two: its change at 4 found, 3 is wrong; three: 2.5 is wrong
    assert score["boundary_precision"] == pytest.approx(3 / 5)
    assert score["boundary_recall"] == pytest.approx(1.0)
    assert score["boundary_f1"] == pytest.approx(0.75)
    assert score["time"]["accuracy"] == pytest.approx(12.3 / 14)
    f1 = {"angry": 6 / 7, "happy": 2 * 4.3 / (5 + 5.3), "neutral": 6 / 6.7, "sad": 1.0}
    assert score["time"]["macro_f1"] == pytest.approx(np.mean(list(f1.values())))
    for name, value in f1.items():
        assert score["time"]["per_class"][name]["f1"] == pytest.approx(value)
    assert score["per_file"]["two"] == {
        "duration": pytest.approx(6),
        "eder": pytest.approx(1 / 6),
        "missed": 0.0,
        "false_alarm": 0.0,
        "confusion": pytest.approx(1),
        "boundaries_reference": 1,
        "boundaries_hypothesis": 2,
        "boundaries_matched": 1,
    }
    for shown in ("EDER micro", "0.121", "macro F1", "Recordings, the worst first", "three", "boundary P", "0.750"):
        assert shown in result.stdout
    assert result.stderr == ""
    page = check_page((out / "report.html").read_text())
    assert page.tags.count("svg") == 3
    assert {"0.121", "EDER micro", "hypothesis", "one: EDER 0.040"} <= set(page.words)
    assert "no answer" not in page.words  # every moment has one


def test_uem_limits_what_is_scored(folders):
    write_uem(folders / "a.uem", {"one": [(0.0, 2.0)], "two": [(2.0, 4.0), (5.0, 6.0)], "nobody": [(0, 1)]})
    paths = ("--reference", folders / "truth", "--hypothesis", folders / "found.rttm", "--uem", folders / "a.uem")
    result = evaluate(*paths, "--out", folders / "r", "--json")
    content = json.loads(result.stdout)
    assert content == json.loads((folders / "r/report.json").read_text())
    assert content["score"]["duration"] == pytest.approx(2 + 3 + 3)
    assert content["score"]["confusion"] == pytest.approx(1)
    assert content["score"]["per_file"]["one"]["eder"] == 0
    assert content["notes"] == [
        "three: not in the UEM, evaluated whole",
        "nobody: in the UEM without a reference, left out",
    ]
    assert "note: three" in result.stderr


def test_bad_lines_of_files_that_are_scored_are_left_out_or_refused(folders):
    """In a UEM, and in RTTM where two segments claim one moment; the others are scored, right to the digit."""
    (folders / "a.uem").write_text("one 1 0 2\none 1 3\none 1 1 2.5\n")
    (folders / "b.rttm").write_text(format_rttm(FOUND["one"], "one") + "SPEAKER one 1 0 500 <NA> <NA> sad <NA> <NA>\n")
    truth = ("--reference", folders / "truth/one.rttm", "--uem", folders / "a.uem", "--hypothesis")
    result = evaluate(*truth, folders / "b.rttm", "--out", folders / "r", "--json")
    score = json.loads(result.stdout)["score"]
    assert score["duration"] == pytest.approx(2.5) and score["eder_micro"] == pytest.approx(0.2 / 2.5)
    assert [line for line in result.stderr.splitlines() if line.startswith("warning")] == [
        f"warning: {folders}/b.rttm:4: sad from 0 to 500 s overlaps neutral in line 1; "
        "give each moment one emotion: left out",
        f"warning: {folders}/a.uem:2: has 3 fields, expected uri channel start end: left out",
    ]
    for name, said in (("b.rttm", "b.rttm:4: sad from 0"), ("found.rttm", "a.uem:2: has 3 fields")):
        result = evaluate(*truth, folders / name, "--strict", "--out", folders / "s", expect=1)
        assert said in result.stderr and not (folders / "s").exists()


def test_an_emotion_that_is_spelled_otherwise_is_noted(folders):
    """It counts as another one; classes of the program's own may be on one side only."""
    for name, label in (("a", "Happy"), ("b", "happy")):
        (folders / f"{name}.rttm").write_text(format_rttm([Segment(0, 1, label), Segment(1, 1, "joy")], "one"))
    report = evaluate_rttm(folders / "a.rttm", folders / "b.rttm")
    assert report.score.eder_micro == pytest.approx(0.5)
    assert report.notes == ["Happy: on one side only; is it spelled alike in both?"]


def test_missing_and_superfluous_hypotheses(folders):
    parts = {"one": FOUND["one"], "stranger": FOUND["two"]}
    (folders / "some.rttm").write_text("".join(format_rttm(part, name) for name, part in parts.items()))
    report = evaluate_rttm(folders / "truth", folders / "some.rttm")
    assert report.score.total.missed == pytest.approx(0.2 + 6 + 3)
    assert report.score.errors["two"].eder == 1.0
    assert report.notes == [
        "three, two: without a hypothesis, counted as missed",
        "stranger: without a reference, left out",
    ]
    assert "stranger" not in report.hypotheses


def test_perfect_files(folders):
    result = evaluate(
        "--reference", folders / "truth", "--hypothesis", folders / "truth", "-o", folders / "r", "--json"
    )
    score = json.loads(result.stdout)["score"]
    assert (score["eder_micro"], score["boundary_f1"], score["time"]["macro_f1"]) == (0, 1, 1)
    again = ("--reference", folders / "truth", "--hypothesis", folders / "truth", "-o", folders / "r", "-q")
    before = (folders / "r/report.json").read_bytes()
    assert "r/report.json and 1 more already exist" in evaluate(*again, expect=2).stderr
    assert evaluate(*again, "--overwrite").output == ""
    assert (folders / "r/report.json").read_bytes() == before
    (folders / "r/report.json").unlink()
    (folders / "r/report.html").write_text("mine")
    assert "r/report.html already exists" in evaluate(*again, expect=2).stderr
    assert (folders / "r/report.html").read_text() == "mine"


def test_speechbrain_example_through_files(tmp_path):
    """The example in the documentation of `speechbrain.utils.EDER`; its file is longer than its hypothesis."""
    truth = tiles((0.39, "neutral"), (0.71, "angry"), (0.12, "neutral"))
    found = tiles((0.6, "neutral"), (0.6, "angry"))
    for name, segments in (("truth", truth), ("found", found)):
        (tmp_path / f"{name}.rttm").write_text(format_rttm(segments, "a"))
    report = evaluate_rttm(tmp_path / "truth.rttm", tmp_path / "found.rttm")
    assert report.score.eder_micro == pytest.approx(0.2704918032786885, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing to score"),
        (["--reference", "a"], "--reference needs --hypothesis"),
        (["--hypothesis", "a"], "--hypothesis needs --reference"),
        (["--uem", "a"], "--uem needs --reference"),
        (["--splits", "a.csv"], "nothing to score"),
        (["--reference", "a", "--hypothesis", "b", "--corpus", "ravdess=x"], "--reference scores files, --corpus"),
        (["--reference", "a", "--hypothesis", "b", "--split", "test"], "--split belongs to a model"),
        (["--reference", "a", "--hypothesis", "b", "--model", "x"], "--model belongs to a model"),
        (["--reference", "a", "--hypothesis", "b", "--conditions"], "--conditions belongs to a model"),
        (["--reference", "a", "--hypothesis", "b", "--most", "3"], "--most belongs to a model"),
        (["--corpus", "ravdess=x", "--uem", "a"], "give one of them"),
    ],
)
def test_contradictory_options(tmp_path, options, said):
    result = evaluate(*options, "--out", tmp_path / "r", expect=2)
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_bad_inputs(folders):
    truth, found = folders / "truth", folders / "found.rttm"
    (folders / "empty").mkdir()
    (folders / "broken.rttm").write_text("SPEAKER a 1 0 x <NA> <NA> sad <NA> <NA>\n")
    (folders / "other.rttm").write_text(format_rttm(FOUND["one"], "uno"))
    (folders / "late.uem").write_text("".join(f"{name} 1 90 91\n" for name in TRUTH))
    for reference, hypothesis, said in (
        (truth, folders / "nothing", "does not exist"),
        (folders / "empty", found, "holds no .rttm file"),
        (truth, folders / "broken.rttm", "broken.rttm:1: duration 'x'"),
        (truth, folders / "other.rttm", "no recording of"),
    ):
        result = evaluate("--reference", reference, "--hypothesis", hypothesis, "-o", folders / "r", expect=1)
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
    (truth / "copy.rttm").write_text(format_rttm(TRUTH["one"], "one"))
    with pytest.raises(InputError, match=r"recording one is in .*copy\.rttm too"):
        read_recordings(truth)
    evaluate("--reference", found, "--hypothesis", found, "-o", found, expect=2)
    assert not (folders / "r").exists()


def test_no_model_and_no_torch(folders):
    code = (
        "import sys; sys.argv[1:] = ['evaluate', 'diarization', '--reference', 'truth', '--hypothesis', 'found.rttm']\n"
        "from sedtalker_cli.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print('HEAVY', sorted({'torch', 'transformers', 'pandas', 'matplotlib.pyplot'} & set(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folders, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "HEAVY []" in run.stdout


def test_names_cannot_break_the_page(tmp_path):
    name = "<script>alert('x')</script>&$title[red]"
    for file in ("a.rttm", "b.rttm"):
        (tmp_path / file).write_text(format_rttm([Segment(0, 1, "<b>sad"), Segment(1, 1, "$x$")], name))
    result = evaluate("--reference", tmp_path / "a.rttm", "--hypothesis", tmp_path / "b.rttm", "-o", tmp_path)
    assert "[red]" in result.stdout
    page = check_page((tmp_path / "report.html").read_text())
    assert name in page.words
    assert "<b>sad" in page.words
    assert "b" not in page.tags


def test_page_escapes_everything():
    evil = '<i>"&\x00\udcff'
    page = Page(evil, {evil: evil}, [Section(evil, evil, [Table(evil, [evil], [[evil]])])])
    found = Checker(render_page(page))
    assert "i" not in found.tags
    assert found.words.count('<i>"&??') == 9


def test_numbers_and_choice_of_recordings(folders):
    assert [number(None), number(float("nan")), number(0.12345), number(2, 1)] == ["–", "–", "0.123", "2.0"]
    score = evaluate_rttm(folders / "truth", folders / "found.rttm").score
    assert spread_by_error(score, 5) == ["one", "three", "two"]
    assert spread_by_error(score, 2) == ["one", "two"]


def test_checkpoint_report(tmp_path, fake_models, monkeypatch):
    """The whole corpus mode around fake models, on a corpus of tones."""
    rng = np.random.default_rng(0)
    (tmp_path / "emodb/wav").mkdir(parents=True)
    for speaker in ("03", "08"):
        for text in ("a01", "a02", "b01"):
            for letter in "WFNT":
                sound = tone(rng.uniform(1.0, 1.6), frequency=rng.uniform(100, 300))
                sf.write(tmp_path / f"emodb/wav/{speaker}{text}{letter}a.wav", sound, 16000)
    rows = [f"emodb/wav/{p.name},test\n" for p in sorted((tmp_path / "emodb/wav").iterdir())]
    (tmp_path / "splits.csv").write_text("path,split\n" + "".join(rows))
    monkeypatch.setattr(FakeDiarizer, "predict", guess)
    options = ("--corpus", f"emodb={tmp_path / 'emodb'}", "--splits", tmp_path / "splits.csv", "--joined", "8")
    options = (*options, "--most", "10", "--conditions")
    result = evaluate(*options, "--out", tmp_path / "r")
    assert "emodb" in result.stdout
    assert "EDER micro" in result.stdout
    content = json.loads((tmp_path / "r/report.json").read_text())
    assert content["models"] == {"encoder": "encoder", "diarizer": "diarizer"}
    assert content["joined"]["diarizer"]["files"] == 8
    assert content["settings"]["most"] == 10 and content["conditions"]["clips"] == {"emodb": 20}
    assert "1 s of room silence at both ends" in result.stdout
    assert 0 < content["joined"]["diarizer"]["eder_micro"] < 1
    page = check_page((tmp_path / "r/report.html").read_text())
    assert page.tags.count("svg") == 5  # bars, two matrices, timelines, reliability
    assert f"{content['joined']['diarizer']['eder_micro']:.3f}" in page.words
    assert f"expected calibration error {content['calibration']['ece']:.3f}" in page.words
    assert {"emodb", "telephone", "Habits"} <= set(page.words)


def guess(self, features, voice=None):
    """Posteriors that wander through the classes, some of them sure."""
    rng = np.random.default_rng(len(features))
    steps = np.repeat(rng.normal(size=(len(features) // 40 + 1, 7)) * 2, 40, axis=0)[: len(features)]
    posteriors = np.exp(steps) / np.exp(steps).sum(1, keepdims=True)
    return posteriors.astype(np.float32), np.full(len(features), 0.5, np.float32)
