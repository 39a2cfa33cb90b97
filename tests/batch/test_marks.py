"""What is believed without reading it, and what is not."""

import os
import time
from pathlib import Path

import pytest

from sedtalker_cli.batch import marks, processing
from sedtalker_cli.batch.inputs import Job, collect_jobs
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.processing import Plan
from sedtalker_cli.batch.run import check_plan, run_batch
from sedtalker_cli.batch.workers import Workers
from sedtalker_cli.errors import UsageError
from tests.batch.texts import SUFFIXES, Ears, TextTask, content, make_inputs, run, visible

MESSAGE = "complete and made with the same settings"
STEP = 20_000_000  # ns, some steps of the clock of this machine's file systems


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Inputs `a` to `d` were finished; gives the names of the inputs that were read again since."""
    monkeypatch.setattr(marks, "SETTLED", STEP)
    make_inputs(tmp_path, a="one", b="two", sub__c="three", sub__d="four")
    time.sleep(2 * STEP / 1e9)
    run(tmp_path)
    names = []
    real = processing.file_checksum

    def checksum(path):
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(processing, "file_checksum", checksum)
    return names


def statuses(results) -> list[tuple[str, str | None]]:
    return [(result.status, result.message) for result in results]


def test_what_is_finished_is_not_read_again(tmp_path, read):
    results, ears = run(tmp_path, resume=True)
    assert read == []
    assert statuses(results) == 4 * [("skipped", MESSAGE)]
    assert [result.source for result in results] == [tmp_path / f"in/{n}.txt" for n in ("a", "b", "sub/c", "sub/d")]
    assert results[2].outputs == {
        "a.txt": tmp_path / "out/sub/c.a.txt",
        "b.txt": tmp_path / "out/sub/c.b.txt",
    }
    assert [(r.details, r.trace, r.seconds) for r in results] == 4 * [({}, None, 0.0)]
    assert ears.heard == [("skipped", f"{name}.txt") for name in "abcd"]


def test_no_worker_is_started_for_what_is_finished(tmp_path, read, monkeypatch):
    monkeypatch.setattr(Workers, "_start", lambda self: pytest.fail("a worker was started"))
    results, _ = run(tmp_path, resume=True, engine=Workers(2))
    assert {result.status for result in results} == {"skipped"} and read == []


def same_size(path: Path) -> None:
    """Another content of the same size, with the dates of before."""
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    """As `same_size`, by a file that is moved there."""
    before, other = path.stat(), path.with_name("other")
    other.write_bytes(path.read_bytes()[::-1])
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def linked(path: Path) -> None:
    """A link to another file stands there."""
    path.with_name(".real").write_bytes(path.read_bytes()[::-1])
    path.unlink()
    path.symlink_to(path.with_name(".real"))


@pytest.mark.parametrize("change", [same_size, replaced, linked])
def test_an_input_that_changed_is_done_again(tmp_path, read, change):
    change(tmp_path / "in/b.txt")
    results, _ = run(tmp_path, resume=True)
    assert statuses(results) == [
        ("skipped", MESSAGE),
        ("done", "made with another input"),
        *2 * [("skipped", MESSAGE)],
    ]
    assert (tmp_path / "out/b.a.txt").read_text() == "OWT"
    assert set(read) == {"b.txt"}


@pytest.mark.parametrize("change", [same_size, replaced])
def test_an_edited_output_stays_and_is_named(tmp_path, read, change):
    change(tmp_path / "out/b.a.txt")
    for _ in range(2):
        results, _ = run(tmp_path, resume=True)
        assert statuses(results)[1] == ("skipped", f"{MESSAGE}; b.a.txt: edited since, and kept")
        assert (tmp_path / "out/b.a.txt").read_text() == "OWT"
    with pytest.raises(UsageError, match=r"b\.a\.txt was edited"):
        run(tmp_path, settings={"gain": 2}, resume=True)
    assert (tmp_path / "out/b.a.txt").read_text() == "OWT"


def test_what_is_missing_or_has_other_settings_is_made(tmp_path, read):
    (tmp_path / "out/a.b.txt").unlink()
    (tmp_path / "out/.sedtalker/b.diarize.json").unlink()
    with pytest.raises(UsageError, match=r"b\.a\.txt and 1 more were not made here"):
        run(tmp_path, resume=True)
    for suffix in SUFFIXES:
        (tmp_path / f"out/b{suffix}").unlink()
    assert [result.status for result in run(tmp_path, resume=True)[0]] == ["done", "done", "skipped", "skipped"]
    assert {r.message for r in run(tmp_path, settings={"gain": 2}, resume=True)[0]} == {"made with another gain"}
    read.clear()
    assert {r.message for r in run(tmp_path, settings={"gain": 2}, resume=True)[0]} == {MESSAGE}
    assert read == []


def test_marks_of_fewer_outputs_do_not_stand_for_more(tmp_path, read):
    jobs, _ = collect_jobs([tmp_path / "in"], accepts=lambda p: True)
    more = Plan("diarize", tmp_path / "out", (*SUFFIXES, ".c.txt"), resume=True)
    (tmp_path / "out/a.c.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"a\.c\.txt was not made here"):
        check_plan(jobs, more)


def test_an_input_that_failed_since_is_tried_again(tmp_path, read):
    Ledger(tmp_path / "out", "diarize").note_failure(Path("a"))
    run(tmp_path, resume=True)
    assert read == ["a.txt"]
    assert "failed" not in (tmp_path / "out/.sedtalker/a.diarize.json").read_text()
    run(tmp_path, resume=True)
    assert read == ["a.txt"]


@pytest.mark.parametrize("damage", ["cut", "garbage", "gone"])
def test_damaged_marks_cost_time_only(tmp_path, read, damage):
    before = content(tmp_path / "out")
    for path in (tmp_path / "out").rglob(".complete.diarize"):
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:-3])
        elif damage == "garbage":
            path.write_bytes(b"\0\xff\n" + bytes(reversed(path.read_bytes())))
        else:
            path.unlink()
    results, _ = run(tmp_path, resume=True)
    assert statuses(results) == 4 * [("skipped", MESSAGE)]
    assert len(read) == {"cut": 2, "garbage": 4, "gone": 4}[damage]
    assert content(tmp_path / "out") == before
    read.clear()
    run(tmp_path, resume=True)  # what was added behind half a line is whole
    assert read == []


def test_ledgers_of_before_are_read_and_marked(tmp_path, read):
    """They have records only."""
    for path in (tmp_path / "out").rglob(".complete.diarize"):
        path.unlink()
    assert {r.status for r in run(tmp_path, resume=True)[0]} == {"skipped"} and len(read) == 4
    assert {r.status for r in run(tmp_path, resume=True)[0]} == {"skipped"} and len(read) == 4


def test_an_input_that_was_just_written_is_read(tmp_path):
    """It could change once more within a step of the clock, unseen."""
    make_inputs(tmp_path, a="one")
    run(tmp_path)
    ledger, job = Ledger(tmp_path / "out", "diarize"), Job(tmp_path / "in/a.txt", "a")
    assert ledger.intact("a", SUFFIXES)
    assert ledger.marks.state_of([job.source]) is None
    plan = Plan("diarize", tmp_path / "out", SUFFIXES, resume=True)
    assert not processing.is_complete(job, plan, TextTask(), ledger)


def test_an_output_no_older_than_its_record_has_no_mark(tmp_path, read):
    os.utime(tmp_path / "out/.sedtalker/a.diarize.json", ns=(1, 1))
    assert Ledger(tmp_path / "out", "diarize").marks.of_outputs("a", SUFFIXES) is None


def test_results_keep_the_order_of_inputs(tmp_path, read):
    (tmp_path / "out/b.a.txt").unlink()
    same = tmp_path / "in/b.txt"
    jobs = [Job(tmp_path / "in/a.txt", "a"), Job(same, "b"), Job(tmp_path / "in/sub/c.txt", "sub/c"), Job(same, "e")]
    plan = Plan("diarize", tmp_path / "out", SUFFIXES, resume=True)
    check_plan(jobs, plan)
    results = run_batch(jobs, plan, TextTask(), Ears())
    assert [(r.status, r.outputs["a.txt"].name) for r in results] == [
        ("skipped", "a.a.txt"),
        ("done", "b.a.txt"),
        ("skipped", "c.a.txt"),
        ("done", "e.a.txt"),
    ]
    assert "e.a.txt" in visible(tmp_path / "out")


def test_a_name_that_goes_on_as_the_suffix_of_another_is_found(tmp_path):
    plan = Plan("animate", tmp_path / "out", (".npy", ".weights.npy"))
    with pytest.raises(UsageError, match=r"x/a\.wav and y/a\.weights\.wav would both write .*a\.weights\.npy"):
        check_plan([Job("x/a.wav", "a"), Job("y/a.weights.wav", "a.weights")], plan)


def test_a_link_to_an_input_is_not_replaced(tmp_path):
    make_inputs(tmp_path, a="one")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.a.txt").symlink_to(tmp_path / "in/a.txt")
    with pytest.raises(UsageError, match=r"a\.a\.txt is an input and would be replaced"):
        run(tmp_path, overwrite=True)
