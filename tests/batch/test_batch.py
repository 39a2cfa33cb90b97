"""Batches: what is an input, what stops before any work, what a failure leaves, what resume does again."""

import csv
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sedtalker_cli.audio.files import is_sound_name
from sedtalker_cli.batch.inputs import Job, collect_jobs
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.processing import Plan
from sedtalker_cli.batch.run import check_plan, exit_status
from sedtalker_cli.errors import UsageError
from tests.batch.texts import SUFFIXES, make_inputs, run, visible
from tests.conftest import ROOT, write_sound


def test_tree_is_mirrored(tmp_path):
    make_inputs(tmp_path, x="hello", sub__deep__y="you")
    results, ears = run(tmp_path)
    assert exit_status(results) == 0
    assert visible(tmp_path / "out") == ["sub/deep/y.a.txt", "sub/deep/y.b.txt", "x.a.txt", "x.b.txt"]
    assert (tmp_path / "out/sub/deep/y.b.txt").read_text() == "uoy"
    assert results[0].outputs == {"a.txt": tmp_path / "out/x.a.txt", "b.txt": tmp_path / "out/x.b.txt"}
    assert results[0].details == {"length": 5}
    assert ears.heard == [("started", "x.txt"), ("done", "x.txt"), ("started", "y.txt"), ("done", "y.txt")]


def test_failures_stop_nothing_and_leave_nothing(tmp_path):
    make_inputs(tmp_path, a="fine", b="input", c="defect", d="usage", e="full", f="fine too", g="memory")
    results, _ = run(tmp_path)
    assert [r.status for r in results] == ["done", "failed", "failed", "failed", "failed", "done", "failed"]
    assert exit_status(results) == 1
    assert visible(tmp_path / "out") == ["a.a.txt", "a.b.txt", "f.a.txt", "f.b.txt", "failures.csv"]
    with (tmp_path / "out/failures.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["path", *(f"{tmp_path}/in/{name}.txt" for name in "bcdeg")]
    assert [row[1] for row in rows][:2] == ["reason", "broken"]
    assert "not enough memory" in rows[5][1]
    assert not list((tmp_path / "out/.sedtalker").glob(".part-*"))
    messages = [r.message for r in results if r.message]
    assert messages[0] == f"{tmp_path}/in/b.txt: broken"
    assert "internal error: ZeroDivisionError: oops" in messages[1]
    assert messages[2].endswith("c.txt: nonsense") or messages[2].endswith("d.txt: nonsense")
    full = f"the disk of {tmp_path}/out is full (No space left on device); free some space, or write to another one"
    assert messages[3] == f"{tmp_path}/in/e.txt: {full}"
    assert "ZeroDivisionError" in results[2].trace


def test_when_all_fail_there_is_only_the_table_of_failures(tmp_path):
    make_inputs(tmp_path, a="input", b="input")
    results, _ = run(tmp_path)
    assert exit_status(results) == 1
    assert visible(tmp_path / "out") == ["failures.csv"]
    make_inputs(tmp_path, a="fine", b="fine")
    run(tmp_path)
    assert visible(tmp_path / "out") == ["a.a.txt", "a.b.txt", "b.a.txt", "b.b.txt"]


def test_a_single_failure_needs_no_table(tmp_path):
    make_inputs(tmp_path, a="input")
    results, _ = run(tmp_path)
    assert exit_status(results) == 1 and not (tmp_path / "out").exists()


def test_a_full_disk_does_not_lose_the_reasons(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    make_inputs(tmp_path, a="input", b="input")
    monkeypatch.setattr("sedtalker_cli.batch.failures.write_failures", full)
    results, _ = run(tmp_path)
    assert [result.message for result in results] == [f"{tmp_path}/in/{name}.txt: broken" for name in "ab"]


def test_a_table_of_something_else_is_not_replaced(tmp_path):
    make_inputs(tmp_path, a="fine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/failures.csv").write_text("student,mark\nAnn,F\n")
    with pytest.raises(UsageError, match=r"failures\.csv: is no table of failures"):
        run(tmp_path)


def test_interruption_keeps_what_is_done(tmp_path):
    make_inputs(tmp_path, a="fine", b="stop", c="fine")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert visible(tmp_path / "out") == ["a.a.txt", "a.b.txt"]
    assert not list((tmp_path / "out/.sedtalker").glob(".part-*"))
    make_inputs(tmp_path, b="go")
    results, _ = run(tmp_path, resume=True)
    assert [r.status for r in results] == ["skipped", "done", "done"]


def test_existing_outputs(tmp_path):
    make_inputs(tmp_path, a="one", b="two")
    run(tmp_path)
    with pytest.raises(UsageError, match=r"a\.a\.txt and 3 more already exist; use --overwrite, --resume"):
        run(tmp_path)
    make_inputs(tmp_path, a="other")
    results, _ = run(tmp_path, overwrite=True)
    assert [r.status for r in results] == ["done", "done"]
    assert (tmp_path / "out/a.a.txt").read_text() == "OTHER"


def test_a_failure_keeps_the_outputs_of_before(tmp_path):
    make_inputs(tmp_path, a="one")
    run(tmp_path)
    make_inputs(tmp_path, a="input")
    run(tmp_path, overwrite=True)
    assert (tmp_path / "out/a.a.txt").read_text() == "ONE"


def test_resume_does_what_is_missing_changed_or_different(tmp_path):
    make_inputs(tmp_path, a="one", b="two", c="three", d="four", e="five", f="six", g="seven")
    run(tmp_path)
    make_inputs(tmp_path, b="TWO")
    (tmp_path / "out/c.a.txt").unlink()
    (tmp_path / "out/d.b.txt").write_text("ru")  # as much as had been written
    (tmp_path / "out/.sedtalker/e.diarize.json").write_text("{")
    (tmp_path / "out/f.a.txt").write_text("")
    (tmp_path / "out/g.b.txt").write_text("neves")  # rewritten, but the same
    results, _ = run(tmp_path, resume=True)
    assert [(r.status, r.message) for r in results] == [
        ("skipped", "complete and made with the same settings"),
        ("done", "made with another input"),
        ("done", "c.a.txt is missing"),
        ("done", "d.b.txt was changed or is partial"),
        ("done", "its record is damaged"),
        ("done", "f.a.txt was changed or is partial"),
        ("skipped", "complete and made with the same settings"),
    ]
    results, _ = run(tmp_path, resume=True)
    assert {r.status for r in results} == {"skipped"}
    results, _ = run(tmp_path, settings={"gain": 2}, resume=True)
    assert {r.message for r in results} == {"made with another gain"}


def test_two_inputs_with_one_output(tmp_path):
    jobs = [Job(Path("x/a.wav"), Path("a")), Job(Path("y/a.wav"), Path("a"))]
    with pytest.raises(UsageError, match=r"x/a\.wav and y/a\.wav would both write"):
        check_plan(jobs, Plan("diarize", tmp_path, SUFFIXES))
    jobs = [Job(Path("a.wav"), Path("a")), Job(Path("a.b.wav"), Path("a.b"))]
    with pytest.raises(UsageError, match=r"a\.b\.txt"):
        check_plan(jobs, Plan("diarize", tmp_path, (".b.txt", ".txt")))


def test_no_output_replaces_an_input(tmp_path):
    film = tmp_path / "a.mp4"
    film.write_text("x")
    with pytest.raises(UsageError, match="is an input and would be replaced"):
        check_plan([Job(film, Path("a"))], Plan("animate", tmp_path, (".mp4",), overwrite=True))
    edited = tmp_path / "b.emotion.csv"
    edited.write_text("x")
    plan = Plan("animate", tmp_path, (".emotion.csv",), overwrite=True, protected=(edited,))
    with pytest.raises(UsageError, match="would be replaced"):
        check_plan([Job(tmp_path / "b.wav", Path("b"))], plan)


def test_output_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file/sub"):
        with pytest.raises(UsageError, match="is not a folder"):
            check_plan([], Plan("diarize", out, SUFFIXES))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match="may not be written to"):
            check_plan([], Plan("diarize", tmp_path / "new", SUFFIXES))
    finally:
        tmp_path.chmod(0o700)


def test_folders_are_searched_as_asked(tmp_path):
    for name in ("a.wav", "b.txt", ".hidden.wav", "sub/c.FLAC", ".git/d.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "sub/loop").symlink_to(tmp_path)
    jobs, bad = collect_jobs([tmp_path], accepts=is_sound_name)
    assert [job.name for job in jobs] == [Path("a")]
    jobs, bad = collect_jobs([tmp_path], accepts=is_sound_name, recursive=True)
    assert [job.name for job in jobs] == [Path("a"), Path("sub/c")]
    assert bad == []
    (tmp_path / "empty").mkdir()
    jobs, bad = collect_jobs([tmp_path / "empty"], accepts=is_sound_name)
    assert "add --recursive" in bad[0].message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may search every folder")
def test_folder_without_permission(tmp_path):
    (tmp_path / "locked").mkdir(mode=0)
    _, bad = collect_jobs([tmp_path / "locked"], accepts=is_sound_name)
    assert "cannot be searched" in bad[0].message


def test_unreadable_folder_is_one_failure(tmp_path, monkeypatch):
    """As root nothing is unreadable: let the system say so."""
    (tmp_path / "locked").mkdir()
    write_sound(tmp_path / "a.wav")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    jobs, bad = collect_jobs([tmp_path], accepts=is_sound_name, recursive=True)
    assert len(jobs) == 1
    assert [b.message for b in bad] == [
        f"{tmp_path}/locked: folder cannot be searched (Permission denied); change its permissions"
    ]


def test_lists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "b c.wav", "-d.wav"):
        write_sound(tmp_path / name)
    (tmp_path / "list.txt").write_text("# comment\n\nb c.wav\r\n  a.wav\n-d.wav\na.wav\n./a.wav\n")
    jobs, _ = collect_jobs([Path("a.wav")], accepts=is_sound_name, list_file=Path("list.txt"))
    assert [str(job.source) for job in jobs] == ["a.wav", "b c.wav", "-d.wav"]
    (tmp_path / "none.txt").write_text("# nothing\n")
    for name, said in (("none.txt", "names no input"), ("missing.txt", "does not exist")):
        with pytest.raises(UsageError, match=said):
            collect_jobs([], accepts=is_sound_name, list_file=Path(name))
    with pytest.raises(UsageError, match="no input"):
        collect_jobs([], accepts=is_sound_name)


def test_orphans_of_dead_processes_are_removed(tmp_path):
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from sedtalker_cli.batch.ledger import Ledger
import os
with Ledger(Path({str(tmp_path)!r}), "diarize").stage() as stage:
    (stage / "half").write_text("x")
    os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    ledger = Ledger(tmp_path, "diarize")
    with ledger.stage() as mine:
        assert len(list(ledger.folder.iterdir())) == 2
        Ledger(tmp_path, "diarize").remove_orphans()
        assert list(ledger.folder.iterdir()) == [mine]
    assert list(ledger.folder.iterdir()) == []
