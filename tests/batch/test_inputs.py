"""CSV lists: what a row says of its file, and what a wrong table is told."""

import io
import os
import socket
from pathlib import Path

import pytest

from sedtalker_cli.audio.files import is_sound_name
from sedtalker_cli.batch.inputs import BadInput, Job, PassedOver, RealPaths, choose_part, collect_jobs
from sedtalker_cli.errors import UsageError
from tests.conftest import write_sound


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def jobs_of(table: str | bytes, *inputs: str, name: str = "list.csv", **options) -> list[Job]:
    Path(name).write_bytes(table if isinstance(table, bytes) else table.encode())
    jobs, bad = collect_jobs([Path(text) for text in inputs], accepts=is_sound_name, list_file=Path(name), **options)
    assert bad == []
    return jobs


def test_columns_in_any_order_and_empty_cells():
    table = "identity,path,speaker,emotion_override\nanna,a.wav,Ann,happy:0.8\n,b.wav, ,\n\nrobin,c.wav\n"
    assert jobs_of(table) == [
        Job(Path("a.wav"), Path("a"), "Ann", "happy:0.8", "anna"),
        Job(Path("b.wav"), Path("b")),
        Job(Path("c.wav"), Path("c"), identity="robin"),
    ]
    assert jobs_of("path,speaker,,\na.wav,Ann,, \n") == [Job(Path("a.wav"), Path("a"), "Ann")]  # a spreadsheet's


def test_path_alone_is_enough_and_arguments_come_first():
    assert jobs_of("path\na.wav\n", "z.wav", name="LIST.CSV") == [
        Job(Path("z.wav"), Path("z")),
        Job(Path("a.wav"), Path("a")),
    ]


def test_only_csv_is_a_table():
    jobs = jobs_of("path\na,b.wav\n", name="list.txt")
    assert [job.source for job in jobs] == [Path("path"), Path("a,b.wav")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_byte_order_mark_and_line_ends(line_end):
    table = line_end.join(["path,speaker", "é.wav,Zoë", ""]).encode("utf-8-sig")
    assert jobs_of(table) == [Job(Path("é.wav"), Path("é"), "Zoë")]


def test_quoted_cells_hold_commas_quotes_and_line_ends():
    table = (
        'path,emotion_override,speaker\n"a, ""b"".wav","0-1=happy,1-=sad","Ann\nLee"\n'
        '"two\nlines.wav",,"O\'Hara, ""Jo"""\n'
    )
    assert jobs_of(table) == [
        Job(Path('a, "b".wav'), Path('a, "b"'), "Ann\nLee", "0-1=happy,1-=sad"),
        Job(Path("two\nlines.wav"), Path("two\nlines"), 'O\'Hara, "Jo"'),
    ]


def test_a_folder_gives_its_row_to_all_its_files(folder):
    for name in ("in/a.wav", "in/sub/b.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        write_sound(folder / name, 0.1)
    assert jobs_of("path,speaker\nin,Ann\n", recursive=True) == [
        Job(Path("in/a.wav"), Path("a"), "Ann"),
        Job(Path("in/sub/b.wav"), Path("sub/b"), "Ann"),
    ]


ALLOWED = "allowed are path, speaker, emotion_override, identity, separated by commas"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("path,voice\na.wav,x\n", f":1: unknown column 'voice'; {ALLOWED}"),
        ("path;speaker\na.wav;x\n", f":1: unknown column 'path;speaker'; {ALLOWED}"),
        ("speaker\nAnn\n", f":1: lacks the column path; {ALLOWED}"),
        ("", f":1: lacks the column path; {ALLOWED}"),
        ("path,path\na.wav,b.wav\n", ":1: names a column twice"),
        ("path,speaker\na.wav,Ann\nb.wav,Ann,happy\n", ":3: has 3 cells, the first line has 2; quote cells"),
        ("path,emotion_override\na.wav,0-1=happy,1-=sad\n", ":2: has 3 cells"),
        ("path,,\na.wav,,\nb.wav,,,x\n", ":3: has 4 cells, the first line has 1"),
        ("path,,speaker\na.wav,,\n", ":1: unknown column ''"),
        ("path,speaker\n,Ann\n", ":2: path is empty"),
        ('path,speaker\n"a\nb.wav",Ann\n  ,Ann\n', ":4: path is empty"),
        ('path\n"a.wav\n', ":2: is no CSV"),
        ('path\n"a"b.wav\n', ":2: is no CSV"),
        ("path,speaker\n", ": names no input"),
        ("path\na\0.wav\n", ": is not text"),
        (b"path\n\xff.wav\n", ": is not UTF-8 text"),
    ],
)
def test_malformed_tables(table, said):
    with pytest.raises(UsageError) as error:
        jobs_of(table)
    assert f"--list list.csv{said}" in str(error.value)
    assert "\n" not in str(error.value)


def test_repeats_are_one_job_if_they_say_the_same(folder):
    (folder / "..wav").write_bytes(b"x")
    (folder / "link.wav").symlink_to(folder / "a.wav")
    assert jobs_of("path,speaker\na.wav,Ann\n./a.wav,Ann\n") == [Job(Path("a.wav"), Path("a"), "Ann")]
    assert jobs_of("path\na.wav\n", "a.wav") == [Job(Path("a.wav"), Path("a"))]
    for table in (
        "a.wav,Ann\n./a.wav,Bob\n",
        "a.wav,Ann\n./a.wav,\n",
        "a.wav,Ann\nlink.wav,Bob\n",
        ".,Ann\na.wav,Bob\n",
    ):
        with pytest.raises(UsageError, match="is named twice, with different speaker"):
            jobs_of("path,speaker\n" + table)
    with pytest.raises(UsageError, match=r"a\.wav: is named twice, with different identity \(none and 'anna'\)"):
        jobs_of("path,identity\na.wav,anna\n", "a.wav")


def names(*inputs: str, **options) -> list[tuple[str, str]]:
    jobs, bad = collect_jobs([Path(text) for text in inputs], accepts=is_sound_name, **options)
    return [(str(job.source), str(job.name)) for job in jobs] + [(str(fault.source), fault.message) for fault in bad]


@pytest.fixture
def takes(folder):
    for name in ("takes/ann/1.wav", "takes/ann/deep/2.wav", "takes/bob/1.wav", "takes/bob/notes.txt", "takes/x[1].wav"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_patterns_that_the_shell_left(takes):
    ann, deep, bob = "takes/ann/1.wav", "takes/ann/deep/2.wav", "takes/bob/1.wav"
    assert names("takes/*/1.wav") == [(ann, "ann/1"), (bob, "bob/1")]
    assert names("takes/bob/*") == [(bob, "1")]
    everything = [(ann, "ann/1"), (deep, "ann/deep/2"), (bob, "bob/1"), ("takes/x[1].wav", "x[1]")]
    assert names("takes/**/*.wav") == names("takes/**") == everything
    assert names("takes/?o?") == [(bob, "bob/1")]
    assert names("t*s/a*", recursive=True) == [(ann, "takes/ann/1"), (deep, "takes/ann/deep/2")]
    assert names("takes/x[1].wav") == [("takes/x[1].wav", "x[1]")]  # a file of that very name
    assert names("*.mp3") == [("*.mp3", "*.mp3: no file that can be an input matches this pattern")]


def test_paths_on_standard_input(takes, monkeypatch):
    def type_in(text: bytes):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))

    type_in(b"takes/bob/1.wav\n# no input\ntakes/ann\n")
    assert names("a.wav", "-") == [("a.wav", "a"), ("takes/bob/1.wav", "1"), ("takes/ann/1.wav", "1")]
    type_in(b"\n")
    with pytest.raises(UsageError, match="standard input names no input"):
        names("-")


def test_parts_share_all_inputs_evenly():
    jobs = [Job(Path(f"{n}.wav"), Path(f"out/{n}")) for n in (5, 1, 9, 3, 7, 2, 8)]
    bad = [BadInput(Path(name), "broken") for name in "qp"]
    parts = [choose_part(jobs, bad, (number, 3)) for number in (1, 2, 3)]
    assert sorted(len(found) for found, _ in parts) == [2, 2, 3]
    assert sorted(job.source for found, _ in parts for job in found) == sorted(job.source for job in jobs)
    assert [fault for _, faults in parts for fault in faults] == [bad[1], bad[0]]
    assert [[job.name.name for job in found] for found, _ in parts] == [["5", "1", "9"], ["7", "2"], ["3", "8"]]
    assert [set(found) for found, _ in parts] == [set(choose_part(jobs[::-1], (), (n, 3))[0]) for n in (1, 2, 3)]
    assert choose_part(jobs, bad, None) == (jobs, bad)
    assert choose_part(jobs[:1], (), (2, 2)) == ([], [])


def test_patterns_with_dots_stay_below_the_output_folder(takes, folder):
    """`..` behind a wildcard is followed, and leads to names that lie where everything else does."""
    assert names("takes/*/../bob/1.wav") == [("takes/ann/../bob/1.wav", "bob/1")]
    write_sound(folder / "up.wav", 0.1)
    assert names("takes/*/../../up.wav") == [("takes/ann/../../up.wav", "up")]
    (folder / "..wav").write_bytes(b"x")
    nameless = "has no name before its suffix, to call the outputs by; rename it"
    assert names(".*wav") == [("..wav", f"..wav: {nameless}")]


def test_what_is_no_file_fails_by_itself(folder):
    """A pipe would be waited for, for ever, a device never ends."""
    (folder / "in").mkdir()
    os.mkfifo(folder / "in/pipe.wav")
    (folder / "in/device.wav").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("in/socket.wav")
        write_sound(folder / "in/a.wav", 0.1)
        remedy = "not a file; move it out of the folder"
        for given in ("in", "in/*"):
            assert names(given) == [
                ("in/a.wav", "a"),
                ("in/device.wav", f"in/device.wav: is a device, {remedy}"),
                ("in/pipe.wav", f"in/pipe.wav: is a pipe, {remedy}"),
                ("in/socket.wav", f"in/socket.wav: is a socket, {remedy}"),
            ]


def test_real_paths_are_those_of_the_system(tmp_path, monkeypatch):
    (tmp_path / "folder/inner").mkdir(parents=True)
    (tmp_path / "folder/a.wav").touch()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "folder/b.wav").symlink_to("a.wav")
    (tmp_path / "broken").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)
    names = [
        "folder/a.wav",
        "link/a.wav",
        "link/b.wav",
        "link/new.wav",
        "folder/inner/../a.wav",
        "broken",
        "link/..",
        "x",
    ]
    real = RealPaths()
    for path in [*names, *(tmp_path / name for name in names), *names]:
        assert real(path) == os.path.realpath(path)


def test_what_a_search_passes_over_is_counted(takes, folder):
    for name in ("takes/a.PDF", "takes/b.pdf", "takes/README", "takes/.hidden", "takes/bob/c.txt", "takes/ann/d.wav"):
        (folder / name).write_bytes(b"x")
    heard = []
    options = {"accepts": is_sound_name, "passed": heard.append}
    collect_jobs([Path("takes"), Path("takes/ann"), Path("takes/a.PDF")], **options)
    assert heard == [PassedOver(Path("takes"), {".pdf": 2, "": 1})]  # named files are taken as they are
    assert heard.pop().count == 3
    collect_jobs([Path("takes")], recursive=True, **options)
    collect_jobs([Path("takes/bob/*")], **options)
    assert heard == [
        PassedOver(Path("takes"), {".pdf": 2, ".txt": 2, "": 1}),
        PassedOver(Path("takes/bob/*"), {".txt": 2}),
    ]
    assert list(heard[0].suffixes) == [".pdf", ".txt", ""]
