"""Readers of talking-head data sets, on small folders in the published layouts."""

import os
import pickle
import struct

import numpy as np
import pytest

from sedtalker_cli.data.talking_heads import SEDTALKER_EMOTIONS, parse_dataset, read_talking
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.array_pickle import read_arrays, write_arrays
from tests.data import talking_sets as sets


def test_vocaset(tmp_path):
    data = read_talking("vocaset", sets.vocaset(tmp_path / "voca"))
    assert (data.topology, data.vertex_count, data.fps) == ("flame", 5023, 30)
    assert [(s.subject, s.sentence, s.split) for s in data.sequences] == [
        (sets.TRAIN, 1, "train"),
        (sets.TEST, 22, "test"),
        (sets.VAL, 21, "val"),
    ]
    assert any("1 motions left out" in note for note in data.notes)  # sentence 1 of a test subject
    first = data.of("train")[0]
    assert (first.emotion, first.intensity, first.frames) == ("neutral", 0.0, 30)
    stored = np.load(first.path)
    assert stored.shape == (60, 15069)
    assert np.array_equal(first.vertices, stored[::2].reshape(30, 5023, 3))
    assert isinstance(first.vertices.base, np.memmap) or isinstance(first.vertices, np.memmap)
    assert first.template.shape == (5023, 3) and first.template.dtype == np.float32
    assert first.audio.name == f"{sets.TRAIN}_sentence01.wav"
    assert list(data.regions["lips"][:2]) == [100, 101] and set(data.regions) == {"lips", "forehead", "eye_region"}


def test_emovoca(tmp_path):
    data = read_talking("emovoca", sets.emovoca(tmp_path / "emo", expressions=("Smile2", "Sad1", "Drunk2")))
    assert data.emotions == ("drunk", "happy", "sad") and len(data.sequences) == 27
    six = data.only(SEDTALKER_EMOTIONS)
    assert six.emotions == ("happy", "sad")
    chosen = [s for s in six.of("train") if s.emotion == "sad"]
    assert [round(s.intensity, 3) for s in chosen] == [0.333, 0.667, 1.0]
    assert {s.audio.name for s in chosen} == {f"{sets.TRAIN}_sentence21.wav"}
    assert chosen[0].vertices.dtype == np.float32 and chosen[0].vertices.shape == (30, 5023, 3)
    with pytest.raises(InputError, match="holds none of the emotions fear; it has drunk, happy, sad"):
        data.only(["fear"])


def test_emovoca_sound_of_another_expression(tmp_path):
    """The generator copies the sound to every sequence's name; the authors of SEDTalker keep one of them."""
    root = sets.emovoca(tmp_path / "emo", subjects=(sets.TRAIN,))
    sound = root / "wav" / f"{sets.TRAIN}_sentence21.wav"
    sound.rename(sound.with_name(f"{sets.TRAIN}_sentence21_Afraid_1.wav"))
    assert {s.audio.name for s in read_talking("emovoca", root).sequences} == {f"{sets.TRAIN}_sentence21_Afraid_1.wav"}


def test_biwi(tmp_path):
    data = read_talking("biwi", sets.biwi(tmp_path / "biwi"))
    assert (data.topology, data.fps) == ("biwi", 25)
    assert {s.name: s.split for s in data.sequences} == {"F2_e01": "train", "M5_e34": "val", "F3_e38": "test"}
    assert len(data.regions["lve"]) == 4996 and len(data.regions["fdd"]) == 7784
    assert data.sequences[0].vertices.shape == (25, 23370, 3)
    small = read_talking("biwi", sets.biwi(tmp_path / "small", names=("F2_e37",), vertices=3895))
    assert small.topology == "biwi-3895"


def test_frame_rate_of_the_files_can_be_said(tmp_path):
    root = sets.vocaset(tmp_path / "voca", frames=30, fps=30)
    with pytest.raises(InputError, match=r"30 frames at 60 a second last 0\.50 s, its sound 1\.00 s.*vocaset@30=PATH"):
        read_talking("vocaset", root)
    data = parse_dataset(f"vocaset@30={root}").read()
    assert data.fps == 30 and data.sequences[0].frames == 30


def test_one_motion_that_does_not_fit_its_sound_is_noted(tmp_path):
    root = sets.vocaset(tmp_path / "voca")
    sets.wave(root / "wav" / f"{sets.VAL}_sentence21.wav", 3.0)
    assert any(f"first {sets.VAL}_sentence21" in note for note in read_talking("vocaset", root).notes)


def _folder(tmp_path, layout="vocaset"):
    return getattr(sets, layout)(tmp_path / layout)


def _first(root):
    return sorted((root / "vertices_npy").glob("*.npy"))[0]


def wrong_count(root):
    np.save(_first(root), np.zeros((60, 3 * 5000), np.float32))


def half_count(root):
    sets.write_templates(root, {s: sets.template(0, 3895) for s in (sets.TRAIN, sets.VAL, sets.TEST)})


def no_template(root):
    sets.write_templates(root, {sets.VAL: sets.template(0, 5023), sets.TEST: sets.template(0, 5023)})


def no_templates(root):
    (root / "templates.pkl").unlink()


def unknown_subject(root):
    _first(root).rename(root / "vertices_npy" / "anna_sentence01.npy")


def bad_name(root):
    _first(root).rename(root / "vertices_npy" / "FaceTalk_170728_03272_TA-01.npy")


def not_vertices(root):
    np.save(_first(root), np.zeros((60, 7), np.int32))


def cut_short(root):
    _first(root).write_bytes(_first(root).read_bytes()[:5000])


def no_wav(root):
    for path in (root / "wav").glob("*.wav"):
        path.unlink()


def no_wav_folder(root):
    no_wav(root)
    (root / "wav").rmdir()


def no_motions(root):
    (root / "vertices_npy").rename(root / "vertices")


def other_masks(root):
    (root / "FLAME_masks.pkl").write_bytes(pickle.dumps({"lips": np.array([4, 9000])}, 2))


def bad_region(root):
    (root / "regions").mkdir()
    (root / "regions" / "lve.txt").write_text("1, 2, lips")


def other_unit(root):
    np.save(_first(root), 1000 * np.load(_first(root)))


def template_of_nan(root):
    sets.write_templates(root, {sets.TRAIN: np.full((5023, 3), np.nan)})


def objects(root):
    np.save(_first(root), np.array([print], object), allow_pickle=True)


def empty_sound(root):
    for path in (root / "wav").glob("*.wav"):
        path.write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (wrong_count, r"has 5000 vertices; vocaset has 5023 \(15069 numbers a frame\)"),
        (half_count, r"template of FaceTalk\w+ has 3895 vertices, FaceTalk\w+\.npy has 5023"),
        (no_template, r"templates\.pkl: has no template of FaceTalk_170728_03272_TA"),
        (no_templates, r"templates\.pkl: does not exist"),
        (unknown_subject, r"subject 'anna' is none of VOCASET's 12 and no splits\.csv"),
        (bad_name, r"TA-01\.npy: the name does not follow the layout; expected like FaceTalk"),
        (not_vertices, r"holds int32 of shape \(60, 7\), not vertices"),
        (cut_short, r"is not vertices"),
        (other_unit, r"TA_sentence01\.npy: its face is \d+ large, the subject's template 0\.\d+; .* same unit"),
        (template_of_nan, r"templates\.pkl: the template of FaceTalk\w+ holds values that are not finite"),
        (objects, r"TA_sentence01\.npy: is not vertices"),
        (no_wav, r"but no sound in .*wav for them"),
        (no_wav_folder, r"wav: does not exist; the data set's sound belongs there"),
        (no_motions, r"holds no folder vertices_npy/"),
        (other_masks, r"FLAME_masks\.pkl \(lips\): names vertex 9000, but the meshes have 5023"),
        (bad_region, r"lve\.txt: 'lips' is no vertex index"),
        (empty_sound, r"is no sound file, or an empty one"),
    ],
)
def test_mistakes_have_one_clear_line(tmp_path, spoil, words):
    root = _folder(tmp_path)
    spoil(root)
    with pytest.raises(InputError, match=words) as caught:
        read_talking("vocaset", root)
    assert "\n" not in str(caught.value)


def test_pickle_with_code_is_refused(tmp_path):
    class Bad:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    path = tmp_path / "templates.pkl"
    for protocol in range(6):
        path.write_bytes(pickle.dumps({"a": np.zeros(3), "b": Bad()}, protocol))
        with pytest.raises(InputError, match=r"is refused: this pickle holds \w+\.mkdir, not only arrays"):
            read_arrays(path)
    assert not (tmp_path / "made").exists()


def test_a_pickle_changes_nothing_here(tmp_path):
    """A function's defaults can be set by a pickle that is given the function."""
    from sedtalker_cli.formats import array_pickle

    before = array_pickle._from_bytes.__defaults__, array_pickle._latin_1.__defaults__
    for name in (b"numpy.core.numeric\n_frombuffer", b"_codecs\nencode"):
        (tmp_path / "x.pkl").write_bytes(b"c" + name + b"\nN}S'__defaults__'\n(I1\nts\x86b.")
        with pytest.raises(InputError, match="holds a function, not a dictionary"):
            read_arrays(tmp_path / "x.pkl")
    assert (array_pickle._from_bytes.__defaults__, array_pickle._latin_1.__defaults__) == before


def test_types_of_a_pickle_are_not_trusted(tmp_path):
    """A state that calls pointers numbers would crash numpy, or worse."""
    good = pickle.dumps({"a": np.arange(2)}, 0)
    with_objects = {"a": np.array([None, 1], object), "b": np.zeros(2, [("x", "f4")])}
    for name, array in with_objects.items():
        (tmp_path / "x.pkl").write_bytes(pickle.dumps({name: array}, 2))
        with pytest.raises(InputError, match=r"is refused: this pickle holds values of"):
            read_arrays(tmp_path / "x.pkl")
    (tmp_path / "x.pkl").write_bytes(good.replace(b"(I2\n", b"(I9\n"))
    with pytest.raises(InputError, match=r"is no pickle of arrays"):
        read_arrays(tmp_path / "x.pkl")


def test_pickles_of_every_protocol(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(3), "c": np.asfortranarray(np.ones((2, 3)))}
    for protocol in range(6):
        (tmp_path / "x.pkl").write_bytes(pickle.dumps(arrays, protocol))
        found = read_arrays(tmp_path / "x.pkl")
        assert all(np.array_equal(found[name], array) for name, array in arrays.items())


@pytest.mark.parametrize("layout", ["vocaset", "emovoca", "biwi"])
def test_what_else_lies_in_a_folder_does_no_harm(tmp_path, layout):
    """Leavings of file managers, notes, sounds of Windows, faces of subjects who do not speak here."""
    root = _folder(tmp_path, layout)
    before = read_talking(layout, root)
    (root / "regions").mkdir(exist_ok=True)
    for folder in (root, *(path for path in root.iterdir() if path.is_dir())):
        for name in (".DS_Store", "Thumbs.db", "._lve.txt", "._F2_e01.npy", "._F2_e01.wav", "README.txt"):
            (folder / name).write_bytes(b"\0\5\26\7 no data")
    for path in (root / "wav").glob("[!.]*.wav"):
        path.rename(path.with_suffix(".WAV"))
    rests = read_arrays(root / "templates.pkl")
    sets.write_templates(root, {**rests, "nobody": sets.template(0, 7)})
    after = read_talking(layout, root)
    assert [s.name for s in after.sequences] == [s.name for s in before.sequences] and after.notes == before.notes
    assert set(after.regions) == set(before.regions) and set(after.templates) == set(rests)


def test_a_motion_without_sound_is_left_out_and_noted(tmp_path):
    root = sets.vocaset(tmp_path / "voca")
    (root / "wav" / f"{sets.VAL}_sentence21.wav").unlink()
    data = read_talking("vocaset", root)
    assert not data.of("val") and f"1 motions without sound left out, first {sets.VAL}_sentence21" in data.notes


def test_pickles_that_expand_are_refused_by_what_they_declare(tmp_path):
    """A few hundred bytes that stand for 10^10 numbers, 16 GB of places in memory, 8 GB of bytes, a list in itself."""
    nested: object = [1.0] * 10
    for _ in range(9):
        nested = [nested] * 10
    begin, end = b"\x80\x05}(X\x01\x00\x00\x00a", b"K\x01u."
    bombs = {
        "10000000000 numbers": pickle.dumps({"a": nested}),
        "2147483632 places": begin + b"r" + struct.pack("<I", 0x7FFFFFF0) + end,
        "2000000000 places": begin + b"p2000000000\n" + end,
        "8589934592 bytes": begin + b"\x96" + struct.pack("<Q", 8 << 30) + end,
        "lists within themselves": begin + b"]q\x01h\x01au.",
        "numbers in a list": pickle.dumps({"a": ["x" * 1000, *["y"] * 1000]}),
    }
    for said, content in bombs.items():
        (tmp_path / "t.pkl").write_bytes(content)
        with pytest.raises(InputError, match=said) as error:
            read_arrays(tmp_path / "t.pkl")
        assert "\n" not in str(error.value)
    (tmp_path / "t.pkl").write_bytes(pickle.dumps({"a": [[1.0, 2], [3, 4]]}))
    assert read_arrays(tmp_path / "t.pkl")["a"].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("layout", ["vocaset", "biwi"])
def test_names_in_small_letters_are_refused(tmp_path, layout):
    root = _folder(tmp_path, layout)
    _first(root).rename(_first(root).with_name(_first(root).name.lower()))
    with pytest.raises(InputError, match=r"\.npy: (subject 'facetalk\w+' is none|the name does not).*expected like"):
        read_talking(layout, root)


def test_scipy_is_refused(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": sparse.csc_matrix(np.eye(2))}, 2))
    with pytest.raises(InputError, match=r"is refused: this pickle holds scipy\.sparse\S+csc_matrix, not only arrays"):
        read_arrays(tmp_path / "x.pkl")


def test_pickle_of_python_2_in_its_oldest_protocol(tmp_path):
    """As `pickle.dump({"lips": numpy.array([1.0, 2.0])}, file)` wrote it: printable, bytes as escapes."""
    data = (
        b"(dp0\nS'lips'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\n"
        b"tp6\nRp7\n(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'f8'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1\n"
        b"I-1\nI0\ntp14\nbI00\nS'\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?\\x00\\x00\\x00\\x00\\x00\\x00\\x00@'\np15\ntp16\nbs."
    )
    (tmp_path / "masks.pkl").write_bytes(data)
    assert read_arrays(tmp_path / "masks.pkl")["lips"].tolist() == [1, 2]


def test_pickle_of_python_2(tmp_path):
    """As `cPickle.dumps({"lips": numpy.array([1, 2], dtype=int32)}, 2)` wrote it."""
    data = (
        b"\x80\x02}q\x01U\x04lipsq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b"
        b"\x87Rq\x05(K\x01K\x02\x85cnumpy\ndtype\nq\x06U\x02i4K\x00K\x01\x87Rq\x07(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x08\x01\x00\x00\x00\x02\x00\x00\x00tbs."
    )
    (tmp_path / "masks.pkl").write_bytes(data)
    assert read_arrays(tmp_path / "masks.pkl")["lips"].tolist() == [1, 2]


def test_written_pickle_is_plain_and_reproducible(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    write_arrays(tmp_path / "a.pkl", arrays)
    write_arrays(tmp_path / "b.pkl", {"a": arrays["a"].copy()})
    data = (tmp_path / "a.pkl").read_bytes()
    assert data == (tmp_path / "b.pkl").read_bytes() and b"numpy._core" not in data
    assert np.array_equal(pickle.loads(data)["a"], arrays["a"])


@pytest.mark.parametrize(
    "content", [b"", b"no pickle", pickle.dumps([1]), pickle.dumps({"a": "text"}), pickle.dumps(3)]
)
def test_other_files_are_no_arrays(tmp_path, content):
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.pkl"):
        read_arrays(tmp_path / "x.pkl")


@pytest.mark.parametrize("spec", ["vocaset", "vocaset=", "voca=PATH", "vocaset@fast=PATH", "vocaset@0=PATH"])
def test_bad_specs(spec):
    with pytest.raises(UsageError, match="data set"):
        parse_dataset(spec)
