"""The ledger, step by step: what a commit replaces, keeps and removes, what a record knows, whose a file is."""

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sedtalker_cli.batch import commit as step
from sedtalker_cli.batch import ledger as ledgers
from sedtalker_cli.batch.commit import Committed, commit
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.ownership import Owner, changed_at, is_beginning, owner_of, refuse_existing, refuse_foreign
from sedtalker_cli.batch.records import Content, DamagedRecord, Record, content_of, read_record
from sedtalker_cli.errors import UsageError
from tests.batch.texts import make_inputs, run

A, GAIN = Path("a"), {"inputs": [["a.txt", "1"]], "gain": 1}


class Killed(BaseException):
    """As if the process ended here."""


@pytest.fixture
def out(tmp_path):
    """An output folder."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def put(out: Path, contents: dict[str, str], made_from=GAIN, command="animate", **options) -> Committed:
    """Commit texts by suffix."""
    ledger = Ledger(out, command)
    with ledger.stage() as stage:
        for suffix, text in contents.items():
            (stage / f"a{suffix}").write_text(text)
        return commit(ledger, A, stage, contents, made_from, **options)


def record(out: Path, command="animate") -> Record:
    found = Ledger(out, command).look(A)[1]
    assert found is not None
    return found


def killed_before(monkeypatch, name: str, count: int = 0):
    """The `count`th next call of a step of the commit ends the process."""
    real, calls = getattr(step, name), []

    def call(*arguments):
        calls.append(name)
        if len(calls) > count:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(step, name, call)


# What a commit may replace


def test_a_commit_never_replaces_the_users_file_by_itself(out):
    (out / "a.x").write_text("mine")
    (out / "a.y").write_text("mine")
    with pytest.raises(UsageError, match=r"out/a\.x and 1 more were not made here"):
        put(out, {".x": "new", ".y": "new"})
    assert (out / "a.x").read_text() == "mine" and not Ledger(out, "animate").look(A)[0]
    put(out, {".x": "new"}, overwrite=True)
    assert (out / "a.x").read_text() == "new"


def test_a_dangling_link_in_the_way_is_replaced_only_if_asked(out):
    (out / "a.x").symlink_to(out / "nowhere")
    with pytest.raises(UsageError, match=r"a\.x was not made here"):
        put(out, {".x": "new"})
    put(out, {".x": "new"}, overwrite=True)
    assert (out / "a.x").read_text() == "new" and not (out / "a.x").is_symlink()


def test_an_edit_says_why_it_cannot_stay(out):
    put(out, {".x": "old"})
    (out / "a.x").write_text("mine!")
    with pytest.raises(UsageError, match=r"a\.x was edited since it was made.*\(made with another gain, speed\)"):
        put(out, {".x": "new"}, {**GAIN, "gain": 2, "speed": 3})
    assert put(out, {".x": "new"}).kept == (out / "a.x",)
    path = Ledger(out, "animate").record_path(A)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "made_from": None}))
    with pytest.raises(UsageError, match=r"out/a\.x was edited.*\(its outputs were being replaced when a run ended\)"):
        put(out, {".x": "new"})
    path.write_text("{")
    with pytest.raises(UsageError, match=r"out/a\.x was edited.*\(its record is damaged\)"):
        put(out, {".x": "new"})
    assert (out / "a.x").read_text() == "mine!"


@pytest.mark.parametrize("name, count", [("_move", 0), ("_move", 1), ("write_record", 1)])
def test_contents_of_before_stay_ours_when_a_run_is_killed(out, monkeypatch, name, count):
    """The record says first what is about to be replaced, whatever length it has."""
    put(out, {".x": "old", ".y": "old"})
    with monkeypatch.context() as patch, suppress(Killed):
        killed_before(patch, name, count)
        put(out, {".x": "longer", ".y": "longer"}, {**GAIN, "gain": 2})
    assert record(out).made_from is None
    owners = Ledger(out, "animate").owners(A, [".x", ".y"])
    assert set(owners.values()) == {Owner.PROGRAM}
    put(out, {".x": "longest", ".y": "longest"}, {**GAIN, "gain": 3})
    assert [(out / f"a{suffix}").read_text() for suffix in (".x", ".y")] == ["longest", "longest"]
    assert record(out).replaced == {} and record(out).made_from["gain"] == 3


def test_what_was_to_be_overwritten_may_be_after_a_kill(out, monkeypatch):
    """`--overwrite` was said of the user's file and of an edit: the next `--resume` goes on, also without the word."""
    put(out, {".y": "old"})
    (out / "a.y").write_text("an edit")
    (out / "a.x").write_text("mine")
    with monkeypatch.context() as patch, suppress(Killed):
        killed_before(patch, "_move")
        put(out, {".x": "new", ".y": "newer"}, overwrite=True)
    assert (out / "a.x").read_text() == "mine" and (out / "a.y").read_text() == "an edit"
    assert record(out).replaced[".y"] == (record_of("old"), record_of("an edit"))
    put(out, {".x": "new", ".y": "newer"})
    assert (out / "a.x").read_text() == "new" and (out / "a.y").read_text() == "newer"


def record_of(text: str) -> Content:
    import hashlib

    return Content(len(text), hashlib.sha256(text.encode()).hexdigest())


def test_an_edit_is_not_given_away_by_a_kill(out, monkeypatch):
    put(out, {".x": "old", ".y": "old"})
    (out / "a.x").write_text("an edit")
    with monkeypatch.context() as patch, suppress(Killed):
        killed_before(patch, "write_record", 1)
        put(out, {".x": "old", ".y": "old"})
    with pytest.raises(UsageError, match=r"a\.x was edited"):
        put(out, {".x": "old", ".y": "old"})
    assert (out / "a.x").read_text() == "an edit"


# What is left of earlier runs


def test_another_output_of_the_same_inputs_leaves_the_first(out):
    """Nothing says that they differ: both were made from the same files."""
    put(out, {".html": "page"})
    assert put(out, {".glb": "model"}, {**GAIN, "more": 1}) == Committed()
    assert (out / "a.html").exists() and set(record(out).outputs) == {".glb", ".html"}
    assert put(out, {".usd": "scene"}, {**GAIN, "inputs": [["other.txt", "2"], ["a.txt", "1"]]}) == Committed()
    assert set(record(out).outputs) == {".glb", ".html", ".usd"}


@pytest.mark.parametrize("now", [[["a.txt", "2"]], [["b.txt", "5"], ["a.txt", "2"]]])
def test_another_output_of_other_inputs_takes_the_place_of_the_first(out, now):
    put(out, {".html": "page"})
    assert put(out, {".glb": "model"}, {**GAIN, "inputs": now}).removed == (out / "a.html",)
    assert not (out / "a.html").exists() and set(record(out).outputs) == {".glb"}


def test_another_output_after_a_kill_takes_the_place_of_the_first(out):
    """What was being replaced then was made from something that nobody knows."""
    put(out, {".html": "page"})
    path = Ledger(out, "animate").record_path(A)
    path.write_text(json.dumps({**json.loads(path.read_text()), "made_from": None}))
    assert put(out, {".glb": "model"}).removed == (out / "a.html",)


def film(out: Path, motion: str, **options) -> None:
    made_from = {"inputs": [["a.npy", record_of(motion).sha256], ["a.json", "7"]]}
    put(out, {".mp4": "film"}, made_from, "render", **{"source": out / "a.npy", **options})


def test_films_stay_while_their_motion_does(out):
    put(out, {".npy": "motion"})
    film(out, "motion")
    assert put(out, {".npy": "motion", ".html": "page"}, overwrite=True) == Committed()
    assert (out / "a.mp4").exists() and Ledger(out, "render").look(A)[0]
    assert put(out, {".npy": "another"}, {**GAIN, "gain": 2}).removed == (out / "a.html", out / "a.mp4")
    assert not Ledger(out, "render").look(A)[0]


def test_films_of_which_nothing_is_known_stay(out):
    """A film that was being replaced when its run ended; one whose motion has no place."""
    put(out, {".npy": "motion"})
    film(out, "motion")
    path = Ledger(out, "render").record_path(A)
    before = json.loads(path.read_text())
    for change in ({"made_from": None}, {"source": None}):
        path.write_text(json.dumps({**before, **change}))
        assert put(out, {".npy": f"another {change}"}, {**GAIN, "gain": str(change)}) == Committed()
        assert (out / "a.mp4").read_text() == "film"


# What the ledger tells


def test_reasons_to_make_outputs(out):
    ledger = Ledger(out, "animate")
    assert ledger.difference(A, GAIN, [".x"]) == "not made yet"
    put(out, {".x": "old"})
    assert ledger.difference(A, GAIN, [".x"]) is None
    assert ledger.difference(A, GAIN, [".x", ".y"]) == "a.y is missing"
    other = {"inputs": [["a.txt", "2"]], "speed": 1}
    assert ledger.difference(A, other, [".x"]) == "made with another gain, input, speed"


def test_a_link_to_nowhere_in_place_of_an_output_is_kept(tmp_path):
    """It may be partial, so the input is done again; it is the user's, so it stays."""
    make_inputs(tmp_path, a="one")
    run(tmp_path)
    (tmp_path / "out/a.a.txt").unlink()
    (tmp_path / "out/a.a.txt").symlink_to("nowhere")
    (result,), _ = run(tmp_path, resume=True)
    assert result.message == "a.a.txt was changed or is partial; a.a.txt: edited since, and kept"
    assert (tmp_path / "out/a.a.txt").is_symlink()


def test_a_confirmed_record_is_as_old_as_the_look(out, monkeypatch):
    """What is edited while a look goes on, or within a step of the clock before it, will be looked at again."""
    put(out, {".x": "old"})
    written, ledger = record(out).written, Ledger(out, "animate")
    for now, wanted in (
        (written + 10**12, written + 10**12 - ledgers.TICK),
        (written, written + 10**12 - ledgers.TICK),
    ):
        monkeypatch.setattr(ledgers.time, "time_ns", lambda now=now: now)
        ledger.confirm(A)
        assert record(out).written == wanted
    (out / "a.x").write_text("mine")
    os.utime(out / "a.x", ns=(0, written + 10**13))
    monkeypatch.setattr(ledgers.time, "time_ns", lambda: written + 10**14)
    ledger.confirm(A)
    assert record(out).written == wanted


def test_a_failure_is_noted_without_a_new_date(out):
    put(out, {".x": "old"}, source=out / "in.wav")
    ledger, written = Ledger(out, "animate"), record(out).written
    assert list(ledger.done()) == [str(out / "in.wav")]
    ledger.note_failure(A)
    assert record(out).failed and record(out).written == written and list(ledger.done()) == []
    ledger.confirm(A)
    assert record(out).failed is False and record(out).made_from == GAIN


def test_a_disk_that_takes_no_record_hides_no_other_error(out, monkeypatch):
    put(out, {".x": "old"})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledgers, "write_record", full)
    Ledger(out, "animate").note_failure(A)
    monkeypatch.setattr(ledgers.os, "utime", full)
    Ledger(out, "animate").confirm(A)
    assert not record(out).failed


def test_a_damaged_record_does_not_hide_the_others(out):
    put(out, {".x": "old"}, source=out / "in.wav")
    for name in ("0.animate.json", "z.animate.json"):
        (out / ".sedtalker" / name).write_text("{")
    assert list(Ledger(out, "animate").done()) == [str(out / "in.wav")]


@pytest.mark.parametrize("entry", [{"bytes": "3", "sha256": "00"}, {"bytes": 3, "sha256": 0}, {"bytes": 3}, 3])
def test_records_that_are_none(tmp_path, entry):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"made_from": {}, "outputs": {".x": {"bytes": 3, "sha256": "00"}}}))
    assert read_record(path).outputs == {".x": Content(3, "00")}
    path.write_text(json.dumps({"made_from": {}, "outputs": {".x": entry}}))
    with pytest.raises(DamagedRecord):
        read_record(path)


# Whose a file is


def test_only_what_is_older_than_its_record_is_believed(tmp_path):
    """Of two files of one size, the one that may have been written after the record is read."""
    path = tmp_path / "a.x"
    path.write_text("mine")
    entry = Record({}, {".x": replace_sha(content_of(path))}, written=changed_at(path) + 1)
    assert owner_of(path, ".x", [entry]) is Owner.PROGRAM
    for written in (changed_at(path), changed_at(path) - 1):
        assert owner_of(path, ".x", [replace(entry, written=written)]) is Owner.EDITED
        ours = replace(entry, outputs={".x": content_of(path)}, written=written)
        assert owner_of(path, ".x", [replace(entry, written=written), ours]) is Owner.PROGRAM
    assert owner_of(path, ".y", [entry]) is Owner.USER
    assert owner_of(path, ".x", [None]) is Owner.EDITED  # a record that cannot be read might know it


def replace_sha(content: Content) -> Content:
    return content._replace(sha256="0" * 64)


def test_the_date_of_a_folder_and_of_a_link_is_the_latest_of_what_it_is(tmp_path):
    deep = tmp_path / "folder/deep/file"
    deep.parent.mkdir(parents=True)
    deep.write_text("x")
    link = tmp_path / "link"
    link.symlink_to(deep)
    later = changed_at(deep) + 10**12
    os.utime(deep, ns=(0, later))
    assert changed_at(tmp_path / "folder") == changed_at(link) == later  # of the file that it leads to
    os.utime(link, ns=(0, later + 10**12), follow_symlinks=False)
    assert changed_at(link) == later + 10**12  # of the link itself
    os.utime(deep, ns=(0, 0))
    assert changed_at(deep) > 0  # the system's own date, which nobody can set back


def test_beginnings(tmp_path):
    whole, part, other, link = (tmp_path / name for name in ("whole", "part", "other", "link"))
    for path, text in ((whole, "abcdef"), (part, "abc"), (other, "abd")):
        path.write_text(text)
    link.symlink_to(part)
    assert is_beginning(part, whole) and is_beginning(whole, whole)
    assert not is_beginning(other, whole) and not is_beginning(whole, part)
    assert not is_beginning(link, whole)  # somebody has put it there
    assert not is_beginning(part, tmp_path / "missing") and not is_beginning(tmp_path / "missing", whole)


def test_beginnings_of_folders(tmp_path):
    def folder(name: str, **files: str) -> Path:
        for file, text in files.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / file).write_text(text)
        return tmp_path / name

    whole = folder("whole", a="aaa", b="bbb")
    assert is_beginning(folder("part", a="aaa"), whole) and is_beginning(folder("begun", a="aaa", b="b"), whole)
    assert not is_beginning(folder("more", a="aaa", c="c"), whole)
    assert not is_beginning(folder("other", a="aaa", b="c"), whole)
    (tmp_path / "file").write_text("")
    assert not is_beginning(tmp_path / "file", whole) and not is_beginning(whole, tmp_path / "file")


def test_the_first_of_several_is_named(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text("x")
    refuse_foreign([])
    for count, said in ((1, "a was"), (2, "a and 1 more were"), (3, "a and 2 more were")):
        with pytest.raises(UsageError, match=f"{tmp_path}/{said} not made here"):
            refuse_foreign(paths[:count])
    for count, said in ((1, "a already exists"), (2, "a and 1 more already exist;")):
        with pytest.raises(UsageError, match=f"{tmp_path}/{said}"):
            refuse_existing([*paths[:count], tmp_path / "missing"], False)
    refuse_existing(paths, True)


# Steps on the disk


@pytest.mark.parametrize("there, comes", [("file", "folder"), ("folder", "file"), ("folder", "folder")])
def test_files_and_folders_take_the_place_of_each_other(out, there, comes):
    ledger = Ledger(out, "animate")
    for kind, text in ((there, "old"), (comes, "new")):
        with ledger.stage() as stage:
            place = stage / "a.obj"
            if kind == "folder":
                place.mkdir()
                place /= "0.obj"
            place.write_text(text)
            commit(ledger, A, stage, [".obj"], GAIN, overwrite=True)
    place = out / "a.obj" / "0.obj" if comes == "folder" else out / "a.obj"
    assert place.read_text() == "new"
    assert ledger.owners(A, [".obj"]) == {".obj": Owner.PROGRAM}


def test_a_record_is_younger_than_what_it_describes(tmp_path, monkeypatch):
    """By a clock that moves in steps: the record's date is set until it is later, not only as late."""
    path, target = tmp_path / "record", tmp_path / "target"
    path.write_text("")
    target.write_text("")
    latest = changed_at(target)
    dates = iter([latest - 1, latest, latest + 1, latest + 2])
    real = os.utime
    monkeypatch.setattr(step.os, "utime", lambda file: real(file, ns=(0, next(dates))))
    step.be_later(path, [target])
    assert path.stat().st_mtime_ns == latest + 1
    step.be_later(path, [])
    assert path.stat().st_mtime_ns == latest + 2


def test_a_source_on_another_drive_is_named_in_full(tmp_path, monkeypatch):
    assert step.relative_source(tmp_path / "in/a.wav", tmp_path / "out") == "../in/a.wav"
    assert step.relative_source(None, tmp_path) is None

    def other_drive(*_: object) -> str:
        raise ValueError("path is on mount 'D:'")

    monkeypatch.setattr(step.os.path, "relpath", other_drive)
    assert step.relative_source(tmp_path / "a.wav", tmp_path / "out") == str(tmp_path / "a.wav")


@pytest.mark.parametrize("there", [True, False])
def test_a_run_that_made_nothing_leaves_no_folder_of_its_own(tmp_path, there):
    make_inputs(tmp_path, a="input")
    if there:
        (tmp_path / "out").mkdir()
    run(tmp_path)
    assert (tmp_path / "out").exists() is there and not (tmp_path / "out/.sedtalker").exists()


def test_staging_that_nobody_holds_is_removed(tmp_path, monkeypatch):
    """Also where a folder vanishes while the others are looked through."""
    from sedtalker_cli.batch.staging import remove_orphans, staging_folder

    names = [".part-0", ".part-1", ".part-2", "mine"]
    for name in names[1:]:
        (tmp_path / name / "deep").mkdir(parents=True)
    with staging_folder(tmp_path) as held:
        names.insert(1, held.name)
        found = {".part-*": [tmp_path / name for name in names[:-1]]}
        monkeypatch.setattr(Path, "glob", lambda _, pattern: found[pattern])
        remove_orphans(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([held.name, "mine"])
    assert not held.exists()
