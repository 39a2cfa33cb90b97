"""Home-made talking-head data sets: `train make-dataset`, and what comes back by the EmoVOCA reader."""

import csv
import json
import pickle
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.data.talking_heads import generate, read_talking
from sedtalker_cli.data.talking_heads.describe import split_rows
from sedtalker_cli.data.talking_heads.recipe import OFFERED, Recipe, Sentence
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import load_head
from sedtalker_cli.face.normals import shape_normals
from sedtalker_cli.face.regions import lip_gap
from sedtalker_cli.formats.gltf_writing import write_glb
from sedtalker_cli.formats.live_link import SHAPES, read_live_link
from sedtalker_cli.outputs.exports.glb import build_glb
from tests.commands import call
from tests.conftest import tree
from tests.data.talking_sets import wave

PHONES = (("sil", 0, 0.6), ("p", 0.6, 0.7), ("ɑ", 0.7, 0.85), ("b", 0.85, 0.95), ("u", 0.95, 1.1), ("sil", 1.1, 1.3))
FPS = 25


def write_speech(folder: Path, count: int = 4) -> Path:
    folder.mkdir()
    for number in range(count):
        wave(folder / f"s{number}.wav", 1.3)
        rows = "".join(f"{phone},{onset},{offset}\n" for phone, onset, offset in PHONES)
        (folder / f"s{number}.csv").write_text(f"phone,onset,offset\n{rows}", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return write_speech(tmp_path_factory.mktemp("corpus") / "speech")


COMMAND = ("--identity", "anna", "--identity", "ben", "--identity", "7", "--fps", FPS)


@pytest.fixture(scope="module")
def made(speech, tmp_path_factory):
    """Four sentences by three subjects, made by the command."""
    out = tmp_path_factory.mktemp("made") / "heads"
    words = ("--emotions", "happy,upset,neutral", "--curves", "csv,npy", "--licence", "CC0 by us")
    done = call("train", "make-dataset", speech, "--out", out, *COMMAND, *words)
    assert f"wrote 28 sequences to {out}" in done.stderr
    return out


def test_the_reader_of_emovoca_reads_it(made):
    data = read_talking("emovoca", made)
    assert (data.topology, data.vertex_count, data.fps) == ("sedtalker-head", 9983, FPS)
    assert data.emotions == ("happy", "neutral", "upset") and data.subjects == ("anna", "ben", "person03")
    assert not data.notes and len(data.sequences) == 4 * 7
    assert {len(data.of(split)) for split in ("train", "val", "test")} == {7, 14}
    levels = {(s.emotion, round(s.intensity, 2)) for s in data.sequences}
    assert levels == {("neutral", 0)} | {(name, level) for name in ("happy", "upset") for level in (0.33, 0.67, 1)}
    assert len({s.audio for s in data.sequences}) == 4
    for name, spec in (("anna", "anna"), ("person03", "7")):
        assert np.array_equal(data.templates[name], load_head(spec).neutral)
    head = load_head("anna")
    assert np.array_equal(data.regions["lve"], head.regions["lips"])
    assert np.array_equal(data.regions["fdd"], head.regions["upper_face"])
    assert np.array_equal(np.load(made / "faces.npy"), head.faces)


def test_what_the_layout_says(made):
    names = sorted(path.stem for path in (made / "sequences").iterdir())
    for folder in ("label", "intensity", "wav", "sequences"):
        assert sorted(path.stem for path in (made / folder).iterdir()) == names
    assert int(np.load(made / "label" / "ben_sentence01_Upset_2.npy")) == 10  # as EmoVOCA's generator numbers it
    assert int(np.load(made / "intensity" / "ben_sentence01_Upset_2.npy")) == 2
    with (made / "templates.pkl").open("rb") as file:
        assert set(pickle.load(file)) == {"anna", "ben", "person03"}
    with (made / "splits.csv").open() as file:
        splits = {row["subject"]: row["split"] for row in csv.DictReader(file)}
    assert set(splits) == {"anna", "ben", "person03"} and set(splits.values()) == {"train", "val", "test"}
    readme = (made / "README.md").read_text()
    assert "CC0 by us" in readme and "seed 0" in readme and "CC0 1.0 (MakeHuman community)" in readme
    content = json.loads((made / "dataset.json").read_text())
    assert content["sentences"]["anna_sentence02"] == "s3.wav" and content["subjects"]["person03"] == "7"


def test_curves_move_the_vertices(made):
    name = "anna_sentence01_Smile2_3"
    weights = np.load(made / "curves" / f"{name}.npy")
    assert np.allclose(load_head("anna").vertices(weights), np.load(made / "sequences" / f"{name}.npy"), atol=1e-6)
    written, _ = read_live_link(made / "curves" / f"{name}.arkit.csv")
    column = SHAPES.index("JawOpen")
    assert np.allclose(written[:, column], weights[:, ARKIT_INDEX["jawOpen"]], atol=1e-5)


def test_emotion_comes_and_goes_and_grows_while_lips_close(made):
    smile = [
        np.load(made / "curves" / f"anna_sentence01_{n}.npy") for n in ("Neutral_1", "Smile2_1", "Smile2_2", "Smile2_3")
    ]
    sizes = [weights[round(0.9 * FPS), ARKIT_INDEX["mouthSmileLeft"]] for weights in smile]
    assert sizes[0] < sizes[1] < sizes[2] < sizes[3]
    strong = smile[3][:, ARKIT_INDEX["mouthSmileLeft"]]
    assert strong[0] < 0.2 * strong.max()  # 0.2 s before it begins
    head = load_head("anna")
    gap = lip_gap(np.load(made / "sequences" / "anna_sentence01_Smile2_3.npy"), head)
    assert gap[round(0.64 * FPS)] < 0.02 < gap[round(0.77 * FPS)]  # p, ɑ


def test_same_bytes_from_the_same_seed(speech, made, tmp_path):
    recipe = Recipe((speech,), tmp_path / "again", ("anna", "ben", "7"), emotions=("happy", "upset", "neutral"))
    again = generate.make_dataset(
        Recipe(**{**vars(recipe), "fps": FPS, "curves": ("csv", "npy"), "licence": "CC0 by us"})
    )
    assert again == 28 and tree(tmp_path / "again") == tree(made)
    for name in tree(made):
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes(), name
    other = Recipe((speech,), tmp_path / "other", ("anna",), emotions=("happy",), fps=FPS, limit=1, seed=1)
    assert generate.make_dataset(other) == 3
    name = "sequences/anna_sentence01_Smile2_1.npy"
    assert (tmp_path / "other" / name).read_bytes() != (made / name).read_bytes()


def test_a_head_of_ones_own(speech, tmp_path):
    head = load_head("anna")
    write_glb(tmp_path / "Me too.glb", build_glb(head, np.zeros((1, 52), np.float32), 30, shape_normals(head)))
    options = ("--head", tmp_path / "Me too.glb", "--emotions", "neutral", "--fps", FPS, "--idle", "off")
    call("train", "make-dataset", speech, "--out", tmp_path / "mine", *options)
    data = read_talking("emovoca", tmp_path / "mine")
    assert data.topology == "Me too.glb" and data.subjects == ("me-too",)
    assert [(s.sentence, s.split) for s in data.sequences] == [(1, "train"), (2, "train"), (3, "val"), (4, "test")]
    assert "as its owner has licensed it" in (tmp_path / "mine" / "README.md").read_text()


def test_few_subjects_are_split_by_sentence():
    def rows(subjects, count):
        return split_rows(
            [Sentence(Path("x"), Path("x"), f"s{k % subjects}", k // subjects + 1) for k in range(count)], 0
        )

    assert rows(1, 12) == [("s0", "train", "1-8"), ("s0", "val", "9-10"), ("s0", "test", "11-12")]
    assert rows(2, 4) == [("s0", "train", "1-2"), ("s1", "train", "1-2")]
    assert sorted(split for _, split, _ in rows(12, 24)) == ["test"] * 2 + ["train"] * 8 + ["val"] * 2


def test_nothing_is_overwritten(speech, made):
    before = tree(made)
    done = call("train", "make-dataset", speech, "--out", made, *COMMAND, expect=2)
    assert "exists already; name a new folder" in done.stderr
    assert tree(made) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--emotions", "happy,glad"), "emotion 'glad' is unknown: give some of happy, sad"),
        (("--identity", "anna", "--identity", "Anna"), "--identity anna: is given twice"),
        (("--identity", "nobody"), "identity 'nobody' is unknown"),
        (("--curves", "bvh"), "--curves bvh: give csv, npy, or both"),
        (("--head", "x.glb", "--identity", "anna"), "--identity is for the built-in head"),
        (("--head", "x.glb"), "--head x.glb: does not exist"),
    ],
)
def test_wrong_usage(speech, tmp_path, options, words):
    done = call("train", "make-dataset", speech, "--out", tmp_path / "new", *options, expect=2)
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_out_below_a_file(speech, tmp_path):
    (tmp_path / "file").write_text("")
    done = call("train", "make-dataset", speech, "--out", tmp_path / "file" / "new", expect=2)
    assert "file is no folder that may be written to" in done.stderr


def test_no_speech(tmp_path):
    done = call("train", "make-dataset", tmp_path, "--out", tmp_path / "new", expect=1)
    assert "no recordings with phone times" in done.stderr


def test_a_bad_recording_leaves_nothing(speech, tmp_path):
    folder = shutil.copytree(speech, tmp_path / "speech")
    (folder / "s3.csv").write_text("phone,onset,offset\n@@,0,1\n")
    with pytest.raises(InputError, match=r"s3\.csv: .*@@"):
        generate.make_dataset(Recipe((folder,), tmp_path / "new", ("anna",), emotions=("neutral",), fps=FPS))
    assert [path.name for path in tmp_path.iterdir()] == ["speech"]


def test_the_disk_is_asked_first(speech, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")(0, 0, 10**8)
    monkeypatch.setattr(generate.shutil, "disk_usage", lambda place: usage)
    with pytest.raises(UsageError, match=r"needs 0\.8 GB, 0\.1 are free; take fewer recordings"):
        generate.make_dataset(Recipe((speech,), tmp_path / "new"))


def test_templates_cannot_talk(speech, tmp_path):
    from dataclasses import replace

    still = replace(load_head("anna"), shape_names=(), name="flame.ply")
    with pytest.raises(UsageError, match=r"--head flame\.ply: lacks ARKit's shapes"):
        generate.make_dataset(Recipe((speech,), tmp_path / "new", head=still))


def test_emotions_on_offer():
    """The six of SEDTalker's authors, and the toolkit's seven classes."""
    assert {"happy", "sad", "angry", "upset", "disgust", "fear"} < set(OFFERED)
    assert {"neutral", "surprise"} < set(OFFERED)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("splits.csv", "subject,part\nanna,train\n", "needs the columns subject and split"),
        ("splits.csv", "subject,split\nanna,dev\n", r"splits\.csv:2: split 'dev' is none of train, val, test"),
        (
            "splits.csv",
            "subject,split,sentences\nanna,train,1 to 3\n",
            r"sentences '1 to 3' should be a number or a range",
        ),
        ("splits.csv", "subject,split\nanna,train\n", "subject 'ben' is not in"),
        ("dataset.json", "{}", "is no description of a data set"),
        ("dataset.json", '{"fps": 25, "vertices": 5023, "topology": "flame"}', r"has 9983 vertices; emovoca has 5023"),
    ],
)
def test_what_lies_beside_may_be_wrong(made, tmp_path, name, text, words):
    root = tmp_path / "copy"
    root.mkdir()
    for path in made.iterdir():
        (root / path.name).symlink_to(path)
    (root / name).unlink()
    (root / name).write_text(text)
    with pytest.raises(InputError, match=words):
        read_talking("emovoca", root)


def test_films_of_it(made, tmp_path):
    """The head's own triangles show it."""
    pytest.importorskip("imageio_ffmpeg")
    folder = tmp_path / "results"
    folder.mkdir()
    name = read_talking("emovoca", made).of("test")[0].name
    np.save(folder / f"{name}.npy", np.load(made / "sequences" / f"{name}.npy")[:-6])
    options = ("--dataset", f"emovoca={made}", "--predictions", folder, "--films", 1, "--out", tmp_path / "report")
    call("evaluate", "animation", *options)
    assert (tmp_path / "report" / "films" / f"{name}.compare.mp4").stat().st_size > 1000
