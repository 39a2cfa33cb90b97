"""What is on disk belongs to the user: what a run may replace, what it must not touch, and what it names."""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from sedtalker_cli.batch import commit
from sedtalker_cli.batch.failures import read_failures
from sedtalker_cli.batch.inputs import collect_jobs
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.processing import Plan
from sedtalker_cli.batch.run import check_plan, run_batch
from sedtalker_cli.errors import UsageError
from tests.batch.texts import SUFFIXES, Ears, TextTask, make_inputs, run, visible

SKIPPED = "complete and made with the same settings"


def statuses(results) -> list[tuple[str, str | None]]:
    return [(result.status, result.message) for result in results]


def test_resume_never_replaces_what_it_did_not_make(tmp_path):
    make_inputs(tmp_path, a="one", b="two")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/b.a.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"out/b\.a\.txt was not made here.*--overwrite"):
        run(tmp_path, resume=True)
    assert visible(tmp_path / "out") == ["b.a.txt"]
    assert (tmp_path / "out/b.a.txt").read_text() == "mine"
    run(tmp_path, overwrite=True)
    assert (tmp_path / "out/b.a.txt").read_text() == "TWO"


def test_a_record_of_one_output_is_none_of_another(tmp_path):
    """A user's file beside our own, under a name that a later run wants."""
    make_inputs(tmp_path, a="one")
    jobs, _ = collect_jobs([tmp_path / "in"], accepts=lambda p: True)
    run_batch(jobs, Plan("diarize", tmp_path / "out", (".a.txt", ".b.txt")), TextTask(), Ears())
    (tmp_path / "out/a.c.txt").write_text("mine")
    more = Plan("diarize", tmp_path / "out", (".a.txt", ".b.txt", ".c.txt"), resume=True)
    with pytest.raises(UsageError, match=r"a\.c\.txt was not made here"):
        check_plan(jobs, more)


@pytest.mark.parametrize("edit", ["longer than before", "txuv", "eno!", ""])
def test_an_edit_stays_and_is_named(tmp_path, edit):
    """Longer, as long and other, or emptied: only the last one can be a file that broke off."""
    make_inputs(tmp_path, a="one?", b="two")
    run(tmp_path)
    (tmp_path / "out/a.b.txt").write_text(edit)
    results, _ = run(tmp_path, resume=True)
    if edit:
        assert statuses(results) == [("skipped", f"{SKIPPED}; a.b.txt: edited since, and kept"), ("skipped", SKIPPED)]
        assert results[0].details == {"kept": [f"{tmp_path}/out/a.b.txt"]}
    else:
        assert statuses(results) == [("done", "a.b.txt was changed or is partial"), ("skipped", SKIPPED)]
    assert (tmp_path / "out/a.b.txt").read_text() == (edit or "?eno")
    again, _ = run(tmp_path, resume=True)
    assert (tmp_path / "out/a.b.txt").read_text() == (edit or "?eno")
    assert [result.status for result in again] == ["skipped", "skipped"]


def test_a_shorter_edit_stays_too(tmp_path):
    """It could be partial; it is not, because it is no beginning of what was written."""
    make_inputs(tmp_path, a="three")
    run(tmp_path)
    (tmp_path / "out/a.b.txt").write_text("XX")
    (tmp_path / "out/a.a.txt").write_text("THR")
    results, _ = run(tmp_path, resume=True)
    assert (tmp_path / "out/a.b.txt").read_text() == "XX"
    assert (tmp_path / "out/a.a.txt").read_text() == "THREE"
    assert "a.b.txt: edited since, and kept" in results[0].message


def test_an_edit_with_an_old_date_is_an_edit(tmp_path):
    """Copied over ours with its times, as `cp -p` and `mv` do."""
    make_inputs(tmp_path, a="one")
    run(tmp_path)
    (tmp_path / "mine").write_text("MIN")
    os.utime(tmp_path / "mine", (1, 1))
    os.replace(tmp_path / "mine", tmp_path / "out/a.a.txt")
    results, _ = run(tmp_path, resume=True)
    assert (tmp_path / "out/a.a.txt").read_text() == "MIN"
    assert results[0].details == {"kept": [f"{tmp_path}/out/a.a.txt"]}


def test_an_edit_that_would_have_to_go_stops_the_run(tmp_path):
    make_inputs(tmp_path, a="one", b="two")
    run(tmp_path)
    (tmp_path / "out/b.a.txt").write_text("mine!")
    with pytest.raises(UsageError, match=r"b\.a\.txt was edited.*made with another gain.*--overwrite"):
        run(tmp_path, settings={"gain": 2}, resume=True)
    assert (tmp_path / "out/b.a.txt").read_text() == "mine!"
    record = json.loads((tmp_path / "out/.sedtalker/a.diarize.json").read_text())
    assert record["made_from"]["gain"] == 1  # nothing was begun
    run(tmp_path, settings={"gain": 2}, overwrite=True)
    assert (tmp_path / "out/b.a.txt").read_text() == "TWO"


def test_an_edit_without_a_readable_record_stays(tmp_path):
    make_inputs(tmp_path, a="one", b="two")
    run(tmp_path)
    (tmp_path / "out/a.a.txt").write_text("mine!")
    for name in "ab":
        (tmp_path / f"out/.sedtalker/{name}.diarize.json").write_text("{")
    results, _ = run(tmp_path, resume=True)
    assert [result.status for result in results] == ["failed", "done"]
    assert "a.a.txt was edited" in results[0].message
    assert (tmp_path / "out/a.a.txt").read_text() == "mine!"


@dataclass
class Numbered(TextTask):
    """Says which files it wrote, by their numbers on the disk."""

    def work(self, job, stem: Path, progress) -> dict:
        details = super().work(job, stem, progress)
        return {**details, "files": [os.stat(f"{stem}{suffix}").st_ino for suffix in SUFFIXES]}


def test_outputs_are_moved_not_copied(tmp_path):
    """Under its final name a file is whole from the first moment on: it is the one that was written elsewhere."""
    make_inputs(tmp_path, a="one")
    jobs, _ = collect_jobs([tmp_path / "in"], accepts=lambda p: True)
    for overwrite in (False, True):
        plan = Plan("diarize", tmp_path / "out", SUFFIXES, overwrite=overwrite)
        (result,) = run_batch(jobs, plan, Numbered(), Ears())
        assert [path.stat().st_ino for path in result.outputs.values()] == result.details["files"]


@dataclass
class FolderTask(TextTask):
    """An output that is a folder, as a sequence of OBJ files."""

    def work(self, job, stem: Path, progress) -> dict:
        folder = stem.with_name(stem.name + ".obj")
        folder.mkdir()
        for number, letter in enumerate(job.source.read_text()):
            (folder / f"{number}.obj").write_text(letter * 3)
        return {}


def run_folders(tmp_path, settings=None, **plan):
    jobs, bad = collect_jobs([tmp_path / "in"], accepts=lambda p: True)
    plan = Plan("animate", tmp_path / "out", (".obj",), **plan)
    check_plan(jobs, plan)
    return run_batch(jobs, plan, FolderTask(settings or {"gain": 1}), Ears(), bad=bad)


def test_a_folder_of_the_user_is_not_emptied(tmp_path):
    make_inputs(tmp_path, a="one")
    (tmp_path / "out/a.obj/deep").mkdir(parents=True)
    (tmp_path / "out/a.obj/deep/mine.blend").write_text("years of work")
    with pytest.raises(UsageError, match=r"a\.obj was not made here"):
        run_folders(tmp_path, resume=True)
    assert visible(tmp_path / "out") == ["a.obj/deep/mine.blend"]


@pytest.mark.parametrize("place", ["mine.blend", "deep/mine.blend"])
def test_a_file_that_the_user_put_into_our_folder_stays(tmp_path, place):
    make_inputs(tmp_path, a="one")
    run_folders(tmp_path)
    mine = tmp_path / "out/a.obj" / place
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("years of work")
    results = run_folders(tmp_path, resume=True)
    assert results[0].details == {"kept": [f"{tmp_path}/out/a.obj"]}
    with pytest.raises(UsageError, match=r"a\.obj was edited"):
        run_folders(tmp_path, {"gain": 2}, resume=True)
    assert mine.read_text() == "years of work"


def test_a_partial_folder_is_made_again(tmp_path):
    make_inputs(tmp_path, a="one")
    run_folders(tmp_path)
    (tmp_path / "out/a.obj/1.obj").unlink()
    (tmp_path / "out/a.obj/2.obj").write_text("e")
    assert run_folders(tmp_path, resume=True)[0].status == "done"
    assert [(tmp_path / f"out/a.obj/{number}.obj").read_text() for number in range(3)] == ["ooo", "nnn", "eee"]


@pytest.mark.parametrize("step", range(5))
def test_a_kill_at_any_step_leaves_nothing_that_is_nobodys(tmp_path, monkeypatch, step):
    """Ends before the first record, between the record and a move, between two moves, before the last record."""
    make_inputs(tmp_path, a="one")
    run(tmp_path)
    done = 0

    class Killed(BaseException):
        pass

    def killing(real):
        def call(*arguments, **named):
            nonlocal done
            if done == step:
                raise Killed
            done += 1
            return real(*arguments, **named)

        return call

    with monkeypatch.context() as patch:
        for module, name in ((commit, "write_record"), (commit, "_move")):
            patch.setattr(module, name, killing(getattr(module, name)))
        with suppress(Killed):
            run(tmp_path, settings={"gain": 2}, resume=True)
    results, _ = run(tmp_path, settings={"gain": 2}, resume=True)
    assert [result.status for result in results] == ["done" if step < 4 else "skipped"]
    assert visible(tmp_path / "out") == ["a.a.txt", "a.b.txt"]
    record = json.loads((tmp_path / "out/.sedtalker/a.diarize.json").read_text())
    assert record["made_from"]["gain"] == 2 and "replaced" not in record


@dataclass
class Companions(TextTask):
    """Writes what it is asked for; all of it depends on the gain."""

    wanted: tuple[str, ...] = ()

    def work(self, job, stem: Path, progress) -> dict:
        for suffix in self.wanted:
            stem.with_name(stem.name + suffix).write_text(f"{suffix} {self.given}")
        return {}


def make(tmp_path, suffixes, gain, command="animate", **plan):
    jobs, bad = collect_jobs([tmp_path / "in"], accepts=lambda p: True)
    plan = Plan(command, tmp_path / "out", suffixes, **plan)
    check_plan(jobs, plan)
    return run_batch(jobs, plan, Companions({"gain": gain, "files": suffixes}, suffixes), Ears(), bad=bad)


@pytest.mark.parametrize("how", ["overwrite", "resume"])
def test_companions_of_an_earlier_run_go_and_are_named(tmp_path, how):
    make_inputs(tmp_path, a="one")
    make(tmp_path, (".npy", ".html", ".head.npy"), 1)
    (tmp_path / "out/a.blend").write_text("mine")
    result = make(tmp_path, (".npy",), 2, **{how: True})[0]
    assert visible(tmp_path / "out") == ["a.blend", "a.npy"]
    assert result.details == {"removed": [f"{tmp_path}/out/a.head.npy", f"{tmp_path}/out/a.html"]}
    assert result.message.endswith("a.head.npy, a.html: of an earlier run, and removed")


def test_an_edited_companion_stays_and_is_named(tmp_path):
    make_inputs(tmp_path, a="one")
    make(tmp_path, (".npy", ".html"), 1)
    (tmp_path / "out/a.html").write_text("mine")
    result = make(tmp_path, (".npy",), 2, overwrite=True)[0]
    assert result.details == {"kept": [f"{tmp_path}/out/a.html"]}
    assert (tmp_path / "out/a.html").read_text() == "mine"
    with pytest.raises(UsageError, match=r"a\.html was not made here"):
        make(tmp_path, (".npy", ".html"), 2, resume=True)


def test_companions_of_the_same_motion_stay_ours(tmp_path):
    """A run that adds a file does not cost those that are still right, and does not forget whose they are."""
    make_inputs(tmp_path, a="one")
    jobs, _ = collect_jobs([tmp_path / "in"], accepts=lambda p: True)

    def add(suffixes, **plan):
        plan = Plan("animate", tmp_path / "out", suffixes, **plan)
        check_plan(jobs, plan)
        task = Companions({"gain": 1}, suffixes)
        task.given = {"gain": 1}
        return run_batch(jobs, plan, task, Ears())[0]

    add((".npy", ".html"))
    assert add((".npy", ".glb"), resume=True).details == {}
    assert visible(tmp_path / "out") == ["a.glb", "a.html", "a.npy"]
    assert add((".npy", ".html", ".glb"), resume=True).status == "skipped"


def test_films_of_a_motion_that_is_replaced_go(tmp_path):
    """`render` made them beside the motion; those of another motion, and of another folder, stay."""
    make_inputs(tmp_path, a="one", b="two")
    make(tmp_path, (".npy",), 1)
    out = tmp_path / "out"

    def film(motion, where, **plan):
        jobs, _ = collect_jobs([motion], accepts=lambda p: True, stem=lambda path: path.name.removesuffix(".npy"))
        run_batch(jobs, Plan("render", where, (".mp4",), **plan), Companions({"size": 9}, (".mp4",)), Ears())

    for name in "ab":
        film(out / f"{name}.npy", out)
    film(out / "a.npy", tmp_path / "films")
    (tmp_path / "in/b.txt").unlink()
    result = make(tmp_path, (".npy",), 2, overwrite=True)[0]
    assert result.details == {"removed": [f"{out}/a.mp4"]}
    assert visible(out) == ["a.npy", "b.mp4", "b.npy"]
    assert visible(tmp_path / "films") == ["a.mp4"]
    assert not Ledger(out, "render").record_path(Path("a")).exists()


def test_a_copied_folder_is_still_ours(tmp_path):
    """All times are new then; what is in the files is not."""
    make_inputs(tmp_path, a="one")
    run(tmp_path)
    shutil.copytree(tmp_path / "out", tmp_path / "copy", copy_function=shutil.copyfile)
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "copy").rename(tmp_path / "out")
    for path in (tmp_path / "out").glob("*.txt"):
        os.utime(path)
    assert statuses(run(tmp_path, resume=True)[0]) == [("skipped", SKIPPED)]
    run(tmp_path, settings={"gain": 2}, resume=True)


def test_an_edit_is_not_forgotten_when_another_output_is_confirmed(tmp_path, monkeypatch):
    monkeypatch.setattr("sedtalker_cli.batch.ledger.TICK", -(10**9))  # as if a second had passed since the edit
    make_inputs(tmp_path, a="one")
    run(tmp_path)
    (tmp_path / "out/a.a.txt").write_text("MIN")
    os.utime(tmp_path / "out/a.b.txt")
    for _ in range(2):
        assert run(tmp_path, resume=True)[0][0].details == {"kept": [f"{tmp_path}/out/a.a.txt"]}


def test_the_table_of_failures_is_replaced_only_as_it_was_left(tmp_path):
    make_inputs(tmp_path, a="input", b="input")
    run(tmp_path)
    table = tmp_path / "out/failures.csv"
    make_inputs(tmp_path, a="fine")
    run(tmp_path)
    assert read_failures(table) == [(f"{tmp_path}/in/b.txt", "broken")]
    table.write_text(table.read_text().replace("broken", "Ann will record it again"))
    with pytest.raises(UsageError, match=r"failures\.csv was not made here"):
        run(tmp_path, resume=True)
    assert "Ann" in table.read_text()


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path):
    from sedtalker_cli.batch.inputs import Job

    for name in ("../a", "sub/../../a", "/tmp/a"):
        with pytest.raises(UsageError, match="would lie outside of"):
            check_plan([Job(tmp_path / "a.wav", Path(name))], Plan("diarize", tmp_path / "out", (".rttm",)))


def test_films_of_a_motion_elsewhere_stay(tmp_path):
    """It is called like ours, and its film lies beside ours; what it was made from was not replaced."""
    make_inputs(tmp_path, a="one")
    elsewhere, out = tmp_path / "elsewhere/a.npy", tmp_path / "out"
    elsewhere.parent.mkdir()
    elsewhere.write_text("another motion")
    jobs, _ = collect_jobs([elsewhere], accepts=lambda p: True)
    run_batch(jobs, Plan("render", out, (".mp4",)), Companions({"size": 9}, (".mp4",)), Ears())
    assert make(tmp_path, (".npy",), 1)[0].details == {}
    assert visible(out) == ["a.mp4", "a.npy"]
