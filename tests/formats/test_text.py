"""Text and JSON files: how much is read, and what is said of those that cannot be."""

from pathlib import Path

import pytest

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats import text
from sedtalker_cli.formats.text import parse_json, read_count, read_labels_text, read_text


def test_files_of_absurd_length_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MOST", 1 << 20)
    (tmp_path / "a").write_text("x" * (1 << 20))
    assert len(read_text(tmp_path / "a")) == 1 << 20
    (tmp_path / "a").write_text("x" * ((1 << 20) + 1))
    with pytest.raises(InputError) as error:
        read_text(tmp_path / "a")
    assert str(error.value) == f"{tmp_path}/a: is larger than 1 MB; this is no such file"


@pytest.mark.parametrize("read", [read_text, read_labels_text])
def test_paths_of_no_file(tmp_path, read):
    for path, said in ((tmp_path / "a", "does not exist; check the path"), (tmp_path, "is a folder; name a file")):
        with pytest.raises(InputError) as error:
            read(path)
        assert str(error.value) == f"{path}: {said}"
    with pytest.raises(InputError, match="cannot be read "):
        read(Path("a\0b"))


def test_whole_numbers_up_to_64_bits():
    assert read_count("9" * 18) == 10**18 - 1 and read_count("0") == 0
    assert [read_count(bad) for bad in ("9" * 19, "-1", "1.0", "\u00b2", "\u0665", "")] == [None] * 6
    found = parse_json("[" + "9" * 18 + ", " + "9" * 19 + "]", Path("a"))
    assert found == [10**18 - 1, 1e19] and [type(value) for value in found] == [int, float]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1,\n2,,", "a:2: is not JSON (Expecting value); write it again"),
        ("[NaN]", "a: is not JSON (it holds NaN); write it again"),
        ("[" * 100_000, "a: is not usable JSON (nested too deeply)"),
    ],
)
def test_what_is_no_json(content, said):
    with pytest.raises(InputError) as error:
        parse_json(content, Path("a"))
    assert str(error.value) == said
