"""The registry of the corpora, and splits that keep speakers apart."""

import hashlib
from pathlib import Path

import pytest

from sedtalker_cli.data.corpora import (
    CLASS_OF_EMOTION,
    UNIFIED_EMOTIONS,
    Utterance,
    apply_splits,
    assign_splits,
    corpus_names,
    corpus_reader,
    parse_corpus,
    read_corpus,
    read_splits,
)
from sedtalker_cli.data.corpora.splits import draw_folds, splits_checksum, write_splits
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError
from tests.data.corpora.trees import build


def test_labels_lead_to_the_seven_classes():
    assert set(CLASS_OF_EMOTION) == set(UNIFIED_EMOTIONS)
    assert set(CLASS_OF_EMOTION.values()) == set(EMOTIONS)
    assert len(corpus_names()) == 19
    for name in corpus_names():
        reader = corpus_reader(name)
        told = {emotion for label in reader.labels if reader.labels[label] for emotion in reader.emotions_of(label)}
        assert told <= set(UNIFIED_EMOTIONS)
        assert reader.classes == tuple(sorted(reader.classes)) and ("neutral" in reader.classes or name == "baved")
    assert corpus_reader("emotale").classes == ("angry", "happy", "neutral", "sad")
    assert not corpus_reader("librispeech").annotated and corpus_reader("ravdess").annotated


def test_bad_input(tmp_path):
    assert parse_corpus("Crema_D=/data/a=b") == ("crema-d", Path("/data/a=b"))
    for spec in ("ravdess", "ravdess=", "nothing=/data"):
        with pytest.raises(UsageError):
            parse_corpus(spec)
    with pytest.raises(InputError, match="no such folder"):
        read_corpus("ravdess", tmp_path / "missing")
    build(tmp_path, "song.wav")
    with pytest.raises(InputError, match=r"expected like Actor_01/.*first problem: song\.wav"):
        read_corpus("ravdess", tmp_path)


def crowd(corpus, speakers, each=3):
    return [
        Utterance(Path(f"{corpus}/{s}_{k}.wav"), corpus, f"s{s}", "neutral")
        for s in range(speakers)
        for k in range(each)
    ]


@pytest.mark.parametrize("speakers, val, test", [(1, 0, 0), (2, 0, 0), (3, 1, 1), (10, 1, 1), (40, 4, 4)])
def test_assigned_splits_keep_speakers_whole(speakers, val, test):
    parts = {}
    for u in assign_splits(crowd("a", speakers), seed=3):
        parts.setdefault(u.speaker, set()).add(u.split)
    assert all(len(part) == 1 for part in parts.values())
    counts = [next(iter(part)) for part in parts.values()]
    assert (counts.count("val"), counts.count("test")) == (val, test)


def test_assigned_splits_depend_on_nothing_but_seed_and_names():
    together = {u.path: u.split for u in assign_splits(crowd("b", 30) + crowd("a", 20), seed=1)}
    alone = {u.path: u.split for u in assign_splits(crowd("a", 20)[::-1], seed=1)}
    assert all(together[path] == split for path, split in alone.items())
    other = {u.path: u.split for u in assign_splits(crowd("a", 20), seed=2)}
    assert other != alone
    for shares in ({"val": 0.1, "test": 0.8}, {"val": 0.8, "test": 0.1}):
        assert {u.split for u in assign_splits(crowd("a", 3), **shares)} == {"train", "val", "test"}
    with pytest.raises(InputError):
        assign_splits(crowd("a", 3), val=0.6, test=0.4)


def test_the_draw_without_a_seed_is_always_the_same():
    """Training and evaluation, on any machine and in any version, keep the same speakers apart."""
    parts = {u.speaker: u.split for u in assign_splits(crowd("emodb", 20))}
    order = sorted(parts, key=lambda name: hashlib.sha256(f"0\0emodb\0{name}".encode()).hexdigest())
    assert [parts[name] for name in order] == ["test"] * 2 + ["val"] * 2 + ["train"] * 16
    assert sorted(name for name, part in parts.items() if part == "test") == ["s0", "s5"]


def test_split_table_finds_files_in_any_place_and_format(tmp_path):
    table = tmp_path / "splits.csv"
    table.write_text("path,corpus,split\nesd/0011/Sad/0011_001051.ogg,esd,test\nesd/0012/Sad/0012_001051.ogg,esd,val\n")
    root = build(tmp_path / "elsewhere" / "ESD", *(f"{s}/Sad/{s}_001051.wav" for s in ("0011", "0012", "0013")))
    utterances = apply_splits(read_corpus("esd", root), read_splits(table))
    assert [u.split for u in utterances] == ["test", "val", None]


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,split\na,train\n", "columns path and split"),
        ("path,split\na,dev\n", "line 2: split 'dev'"),
        ("path,split\na.wav,val\na.ogg,test\n", "line 3: .* two splits"),
    ],
)
def test_broken_split_table(tmp_path, text, message):
    (tmp_path / "splits.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_splits(tmp_path / "splits.csv")


def test_shares_of_the_draw():
    for shares in ({"val": -0.1}, {"test": -0.1}, {"val": 0.5, "test": 0.5}):
        with pytest.raises(
            InputError, match=r"shares val=-?0\.\d and test=-?0\.\d must not be negative and must sum to less"
        ):
            assign_splits(crowd("a", 3), **shares)

    def counts(speakers, **shares):
        parts = {u.speaker: u.split for u in assign_splits(crowd("a", speakers), **shares)}
        return [list(parts.values()).count(name) for name in ("train", "val", "test")]

    assert counts(10, val=0, test=0) == [10, 0, 0]
    assert counts(10, val=0.3, test=0) == [7, 3, 0]
    assert counts(10, val=0, test=0.2) == [8, 0, 2]
    assert counts(3, val=0, test=0.9) == [1, 0, 2]  # one is always left to learn from
    assert counts(3, val=0.05, test=0.9) == [1, 1, 1]
    assert counts(2, val=0.4, test=0.4) == [2, 0, 0]


def test_a_table_is_known_again_by_its_content(tmp_path):
    (tmp_path / "splits.csv").write_text("path,split\n")
    assert splits_checksum(tmp_path / "splits.csv") == hashlib.sha256(b"path,split\n").hexdigest()[:12]
    with pytest.raises(InputError, match=r"none\.csv: cannot be read as a table of splits \(.*No such file"):
        splits_checksum(tmp_path / "none.csv")


def table(tmp_path, text: str) -> Path:
    (tmp_path / "splits.csv").write_bytes(text.encode())
    return tmp_path / "splits.csv"


def test_tables_as_spreadsheets_leave_them(tmp_path):
    """A byte-order mark, names that begin like a formula, paths of Windows, a line end within a name."""
    text = '\ufeffpath,split\r\n\'=a.wav,val\r\nemodb\\03\\b.wav,test\r\n" c.ogg ",train\r\n"d\re.wav",train\r\n'
    assert read_splits(table(tmp_path, text)) == {"=a": "val", "emodb/03/b": "test", "c": "train", "d\re": "train"}
    wanted = {"a/b": "val", "a/c": "test"}
    assert read_splits(table(tmp_path, " path ; split;;\r\na/b.wav;Val;;\r\na/c.wav; test;;\r\n")) == wanted
    assert read_splits(table(tmp_path, "corpus\tpath\tsplit\tfold\na\tb.wav\tval\t 1\na\tc.wav\tTEST\t0\n")) == wanted


def test_tables_say_what_is_wrong_with_them(tmp_path):
    head = "corpus,path,speaker,split,fold\n"
    for text, fold, said in (
        ("path,split\na\n", None, r"line 2: split '' is none of train, val, test$"),
        ("path,split\na,val\n", 0, r"has no column fold; write a table"),
        (head + "c,a,s,val,x\n", None, r"splits\.csv: line 2: fold 'x' is no number from 0$"),
        (
            head + "c,a,'=s,val,0\nc,b,=s,val,1\n",
            None,
            r"splits\.csv: line 3: speaker =s of c is in two folds, 1 and before 0$",
        ),
        (
            "path,split\nb,val\na.wav,val\na.ogg,test\n",
            None,
            r"line 4: a\.ogg is in two splits, test and, in line 3, val$",
        ),
        (head + "c,a,s,val,1\nc,b,s,val,0\n", None, "line 3: speaker s of c is in two folds, 0 and before 1$"),
        (head + f"c,a,s,val,{'9' * 5000}\n", None, "line 2: fold '9+' is no number from 0$"),
        (head, None, r"splits\.csv: holds no rows; write a table with `sedtalker train splits`$"),
        (head, 0, r"splits\.csv: holds no rows; "),
        ("path,split\n", 0, r"splits\.csv: holds no rows; "),
        ("", None, r"splits\.csv: a table of splits needs the columns path and split; it is empty$"),
        ("path,set\na,val\n", None, "needs the columns path and split; it has path, set$"),
        ("path,split\na,val\n,val\n", None, "line 3: has no path; name a recording or remove the line$"),
        ("path,split\n/,val\n", None, "line 2: has no path"),
        ("path,split\na,val\n\0", None, r"splits\.csv: (cannot be read as a table of splits|line 3)"),
    ):
        with pytest.raises(InputError, match=said):
            read_splits(table(tmp_path, text), fold)
    with pytest.raises(InputError, match=r"none\.csv: cannot be read as a table of splits \(.*No such file"):
        read_splits(tmp_path / "none.csv")


def test_a_table_is_written_as_it_is_drawn(tmp_path):
    names = [f"{speaker:04d}/Sad/{speaker:04d}_001051.wav" for speaker in range(11, 21)]
    reading = read_corpus("esd", build(tmp_path / "ESD", *names))
    write_splits(tmp_path / "splits.csv", [reading])
    folds = draw_folds(reading)
    assert (tmp_path / "splits.csv").read_bytes().decode().split("\n")[:-1] == [
        "corpus,path,speaker,split,fold",
        *(
            f"esd,{u.path.relative_to(reading.root)},{u.speaker},{('test', 'val', *['train'] * 3)[fold]},{fold}"
            for u in reading
            for fold in [folds["esd", u.speaker]]
        ),
    ]
    assert sorted(folds.values()) == sorted([*range(5), *range(5)])
    assert folds != draw_folds(reading, seed=1)
