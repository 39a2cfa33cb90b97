"""Folds of speakers in one table, and the one split that training and evaluation share."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sedtalker_cli.cli.app import app
from sedtalker_cli.data.corpora import Utterance, draw_folds, read_splits, split_of_fold
from sedtalker_cli.data.recordings import read_corpora
from sedtalker_cli.errors import InputError, UsageError


def crowd(corpus: str, women: int, men: int, unknown: int = 0) -> list[Utterance]:
    names = [(f"{g}{n}", g or None) for g, count in (("f", women), ("m", men), ("", unknown)) for n in range(count)]
    return [Utterance(Path(f"{name}_{k}.wav"), corpus, name, "sad", gender=g) for name, g in names for k in range(2)]


@pytest.fixture
def corpora(tmp_path) -> list[str]:
    """Seven speakers of RAVDESS (one deeper than the other) and four of EmoDB; sound is never opened."""
    for actor in range(1, 8):
        for emotion in (3, 4):
            path = tmp_path / f"ravdess/deep/Actor_{actor:02}/03-01-0{emotion}-01-01-01-{actor:02}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"sound")
    (tmp_path / "emodb/wav").mkdir(parents=True)
    for speaker in ("03", "08", "09", "10"):
        (tmp_path / f"emodb/wav/{speaker}a01Fa.wav").write_bytes(b"sound")
    return [f"{name}={tmp_path / name}" for name in ("ravdess", "emodb")]


def call(*arguments, expect: int = 0):
    result = CliRunner().invoke(app, ["train", "splits", *map(str, arguments)])
    assert result.exit_code == expect, result.output + str(result.exception)
    return result


def table_of(corpora: list[str], out: Path, *more) -> list[dict[str, str]]:
    call(*(item for spec in corpora for item in ("--corpus", spec)), "--out", out, *more)
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


def specs(corpora: list[str]) -> list[tuple[str, Path]]:
    return [(name, Path(path)) for name, _, path in (spec.partition("=") for spec in corpora)]


@pytest.mark.parametrize("folds", [3, 5])
def test_folds_are_even_by_corpus_and_gender(folds):
    people = crowd("a", 12, 7, 4) + crowd("b", 3, 0) + crowd("c", 1, 1)
    fold_of = draw_folds(people, folds)
    assert set(fold_of) == {(u.corpus, u.speaker) for u in people}
    for corpus in "abc":
        groups = [[f for (c, name), f in fold_of.items() if c == corpus and name.startswith(g)] for g in ("", "f", "m")]
        for group in filter(None, groups):
            counts = Counter(group)
            assert max(counts.values()) - min(counts[f] for f in range(folds)) <= 1
    assert fold_of == draw_folds(people[::-1], folds)
    assert {key: f for key, f in fold_of.items() if key[0] == "b"} == draw_folds(crowd("b", 3, 0), folds)
    assert fold_of != draw_folds(people, folds, seed=1)
    with pytest.raises(InputError, match="three are needed"):
        draw_folds(people, 2)


def test_folds_are_even_by_recordings_too():
    """Half of the speakers say ten times as much."""
    people = [Utterance(Path(f"{n}_{k}"), "a", str(n), "sad") for n in range(20) for k in range(10 if n % 2 else 1)]
    loads = Counter()
    for (_, name), fold in draw_folds(people).items():
        loads[fold] += 10 if int(name) % 2 else 1
    assert set(loads.values()) == {22}


def test_speakers_who_say_most_are_dealt_first():
    """Ten, nine and eight recordings to a fold each; then three to where eight are, two to nine, one to ten."""
    people = [Utterance(Path(f"{n}_{k}"), "a", str(n), "sad") for n in (1, 10, 2, 9, 3, 8) for k in range(n)]
    folds = {int(name): fold for (_, name), fold in draw_folds(people, 3).items()}
    assert folds[10] == folds[1] and folds[9] == folds[2] and folds[8] == folds[3] and len(set(folds.values())) == 3
    people = [Utterance(Path(f"{n}_{k}"), "a", str(n), "sad") for n in (1, 2, 3, 4) for k in range(5 if n == 4 else 1)]
    folds = {int(name): fold for (_, name), fold in draw_folds(people, 3).items()}
    assert list(folds.values()).count(folds[4]) == 1


def test_every_fold_is_tested_once():
    for test in range(5):
        parts = [split_of_fold(fold, test, 5) for fold in range(5)]
        assert parts[test] == "test" and parts[(test + 1) % 5] == "val" and parts.count("train") == 3


def test_table_holds_every_recording_and_keeps_speakers_in_one_fold(corpora, tmp_path):
    rows = table_of(corpora, tmp_path / "splits.csv")
    assert list(rows[0]) == ["corpus", "path", "speaker", "split", "fold"]
    assert len(rows) == 18 and {row["corpus"] for row in rows} == {"emodb", "ravdess"}
    assert {"corpus": "emodb", "path": "wav/03a01Fa.wav", "speaker": "03"}.items() <= rows[0].items()
    folds = {}
    for row in rows:
        folds.setdefault((row["corpus"], row["speaker"]), set()).add(row["fold"])
        assert row["split"] == split_of_fold(int(row["fold"]), 0, 5)
    assert len(folds) == 11 and all(len(f) == 1 for f in folds.values())
    assert {f for found in folds.values() for f in found} == set("01234")
    again = table_of(corpora[::-1], tmp_path / "again.csv")
    assert again == rows
    assert table_of(corpora, tmp_path / "other.csv", "--seed", 5) != rows


def test_training_and_evaluation_read_the_fold(corpora, tmp_path):
    rows = table_of(corpora, tmp_path / "splits.csv")
    tested = []
    for fold in range(5):
        found = read_corpora(specs(corpora), tmp_path / "splits.csv", fold)
        assert len(found) == 18
        wanted = {(r["corpus"], r["speaker"]): split_of_fold(int(r["fold"]), fold, 5) for r in rows}
        assert {(u.corpus, u.speaker): u.split for u in found} == wanted
        tested += [u.path for u in found if u.split == "test"]
    assert len(tested) == len(set(tested)) == 18
    assert read_corpora(specs(corpora), tmp_path / "splits.csv") == read_corpora(
        specs(corpora), tmp_path / "splits.csv", 0
    )


def test_folds_without_a_table_are_those_of_the_command(corpora, tmp_path):
    table_of(corpora, tmp_path / "splits.csv")
    for fold in (0, 3):
        assert read_corpora(specs(corpora), None, fold) == read_corpora(specs(corpora), tmp_path / "splits.csv", fold)
    with pytest.raises(UsageError, match="folds 0 to 4"):
        read_corpora(specs(corpora), None, 5)


def test_a_corpus_is_left_out_whole(corpora, tmp_path):
    table_of(corpora, tmp_path / "splits.csv")
    for table, fold in ((None, None), (tmp_path / "splits.csv", 1)):
        found = read_corpora(specs(corpora), table, fold, "EmoDB")
        assert {u.split for u in found if u.corpus == "emodb"} == {"test"}
        rest = [u for u in read_corpora(specs(corpora), table, fold) if u.corpus == "ravdess"]
        assert [u for u in found if u.corpus == "ravdess"] == rest
    with pytest.raises(UsageError, match="unknown corpus"):
        read_corpora(specs(corpora), None, leave_out="nothing")


def test_a_table_that_names_no_recording_says_so(corpora, tmp_path):
    """And one that does not name all says how many are left out."""
    table, said = tmp_path / "splits.csv", []
    table.write_text("path,split\nravdess/01.wav,test\nemodb/wav/03a01Fa.ogg,val\n")
    found = read_corpora(specs(corpora), table, log=said.append)
    assert [(u.path.name, u.split) for u in found] == [("03a01Fa.wav", "val")]
    assert f"{table}: does not name 17 of 18 recordings, which are left out" in said
    with pytest.raises(InputError) as error:
        read_corpora(specs(corpora)[:1], table)
    assert str(error.value) == (
        f"{table}: names none of the 14 recordings; its paths are like ravdess/01, a recording is "
        "ravdess/Actor_01/03-01-03-01-01-01-01.wav: write the table with `sedtalker train splits`"
    )


def test_tables_by_hand(tmp_path):
    table = tmp_path / "splits.csv"

    def write(*rows: str) -> Path:
        table.write_text("corpus,path,speaker,split,fold\n" + "".join(row + "\n" for row in rows))
        return table

    rows = ("esd,a/x.wav,1,train,0", "esd,a/y.wav,2,val,1", "esd,b.wav,3,test,2")
    assert read_splits(write(*rows)) == {"esd/a/x": "train", "esd/a/y": "val", "esd/b": "test"}
    assert read_splits(table, 2) == {"esd/a/x": "val", "esd/a/y": "train", "esd/b": "test"}
    for fold, message in ((3, "no fold 3, only 0 to 2"), (-1, "no fold -1")):
        with pytest.raises(InputError, match=message):
            read_splits(table, fold)
    with pytest.raises(InputError, match="line 5: speaker 1 of esd is in two folds"):
        read_splits(write(*rows, "esd,c.wav,1,train,1"))
    with pytest.raises(InputError, match="line 3: fold 'x'"):
        read_splits(write(rows[0], "esd,c.wav,4,train,x"))
    table.write_text("path,corpus,split\nesd/a/x.wav,esd,train\n")  # the manifest's kind: the corpus is in the path
    assert read_splits(table) == {"esd/a/x": "train"}
    with pytest.raises(InputError, match=r"no column fold.*train splits"):
        read_splits(table, 0)


def test_command_refuses_what_it_cannot_do(corpora, tmp_path):
    out = tmp_path / "splits.csv"
    out.write_text("mine")
    result = call("--corpus", corpora[0], "--out", out, expect=2)
    assert "--overwrite" in result.stderr and out.read_text() == "mine"
    assert call("--corpus", corpora[0], "--out", out, "--overwrite", "--quiet").stderr == ""
    assert out.read_text().startswith("corpus,path,")
    call("--corpus", corpora[0], "--corpus", corpora[0], "--out", tmp_path / "x.csv", expect=2)
    call("--corpus", corpora[0], "--folds", 2, "--out", tmp_path / "x.csv", expect=2)
    assert not (tmp_path / "x.csv").exists()
    assert "speakers in folds: " in call("--corpus", corpora[0], "--out", tmp_path / "y.csv").stderr
