"""The papers hold: links lead somewhere, command lines parse, the examples for contributors run."""

import __future__

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import typer

from sedtalker_cli.cli.app import app
from sedtalker_cli.emotion.timeline import Segment
from tests.conftest import ROOT

PAPERS = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "weights").glob("*/MODEL_CARD.md"),
    ]
)
NAMES = [str(path.relative_to(ROOT)) for path in PAPERS]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(sedtalker [^`]+)`")
COMMAND = typer.main.get_command(app)


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as mkdocs and GitHub both make them of plain headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAPERS, ids=NAMES)
def test_links_lead_somewhere(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        place = (path.parent / target).resolve() if target else path
        assert place.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(place), f"{link}: no such heading"


@pytest.mark.parametrize("path", [path for path in PAPERS if path.name != "CONTRIBUTING.md"])
def test_words_are_those_of_the_list(path):
    """CONTRIBUTING.md lists the words that are not used."""
    found = re.findall(r"\b(?:told|meant|he|him|his|she|her)\b", path.read_text(encoding="utf-8"), re.I)
    assert not found


def command_lines(path: Path) -> Iterator[list[str]]:
    """Arguments of every `sedtalker ...` in a paper's blocks of code."""
    text = path.read_text(encoding="utf-8")
    blocks = [code.replace("\\\n", " ") for language, code in FENCE.findall(text) if language in ("", "sh")]
    if path.name == "MODEL_CARD.md":  # their commands go on in indented lines
        blocks = [re.sub(r"\n +", " ", code) for code in blocks]
    for line in (line for code in blocks for line in code.splitlines()):
        found = re.search(r"(?:^|[|\s])sedtalker (.*)", line)
        if found is None or line.startswith("#") or "..." in line:
            continue
        words = shlex.split(found[1].split(" ::: ")[0], comments=True)
        yield words[: words.index(">")] if ">" in words else words


def find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that a line names, and the words after its name."""
    command = COMMAND
    while getattr(command, "commands", None) and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


def parse(words: list[str]) -> None:
    """Raise what Typer raises of a command line; nothing is run."""
    command, rest = find(words)
    with command.make_context("sedtalker", [re.sub(r"\{\}|\$\w+", "1", word) for word in rest]):
        pass


@pytest.mark.parametrize("path", PAPERS, ids=NAMES)
def test_command_lines_parse(path):
    for words in command_lines(path):
        try:
            parse(list(words))
        except Exception as error:
            pytest.fail(f"sedtalker {shlex.join(words)}: {getattr(error, 'message', error)}")


@pytest.mark.parametrize("path", PAPERS, ids=NAMES)
def test_commands_in_the_text_exist(path):
    """In running text a command may stand without its arguments: its name and its options are checked."""
    for span in SPAN.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        words = re.sub(r"[\[\]]", " ", span).split()[1:]
        if words[0] == "COMMAND":
            continue
        command, rest = find(words)
        known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        assert {word for word in rest if word.startswith("--")} <= known, span


def test_command_lines_are_found_and_judged():
    lines = [" ".join(words) for words in command_lines(ROOT / "README.md")]
    assert "animate speech.wav --render" in lines and len(lines) >= 6
    for wrong in ("animate speech.wav --no-such-option", "diarize --device gpu speech.wav", "sing speech.wav"):
        with pytest.raises(Exception):  # noqa: B017 - Typer carries its own copy of Click's errors
            parse(wrong.split())


def example(title: str) -> dict:
    """Run the Python example under a heading of CONTRIBUTING.md in the module that its first line names."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]
    code = next(code for language, code in FENCE.findall(text) if language == "python")
    module = code.partition("\n")[0].removeprefix("# ").removesuffix(".py").replace("/", ".")
    names = {"__package__": module.rpartition(".")[0], "__name__": module}
    if title == "Add an export":
        from sedtalker_cli.outputs.exports import registry

        names |= vars(registry) | {"FORMATS": dict(registry.FORMATS)}
    exec(compile(code, module, "exec", __future__.annotations.compiler_flag), names)
    return names


def test_the_example_corpus_reads(tmp_path):
    reader = example("Add a corpus")["READER"]
    for name in ("anna_happy_01.wav", "ben_calm_02.wav", "ben_noise_03.wav", "anna_sleepy_04.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    reading = reader.read(tmp_path)
    assert [(u.speaker, u.label, u.sentence) for u in reading] == [("anna", "happy", "01"), ("ben", "neutral", "02")]
    assert reading.dropped == {"noise": 1} and [row.path.name for row in reading.skipped] == ["anna_sleepy_04.wav"]


def test_the_example_format_writes(tmp_path):
    write = example("Add a format")["write_segments_tsv"]
    write(tmp_path / "a.tsv", [Segment(0, 1.5, "happy"), Segment(1.5, 0.25, "sad")])
    assert (tmp_path / "a.tsv").read_text() == "0.000\t1.500\thappy\n1.500\t0.250\tsad\n"


def test_the_example_metric_measures():
    bias = example("Add a metric")["opening_bias"]
    assert bias(np.array([0.0, 1.0]), np.array([1.0, 1.0])) == 0.5


def test_the_example_export_writes(tmp_path):
    export = example("Add an export")["FORMATS"]["jaw"]
    head = SimpleNamespace(shape_names=("eyeBlinkLeft", "jawOpen"))
    motion = SimpleNamespace(head=head, shape_weights=lambda: np.array([[1.0, 0.25], [0.0, 0.5]]))
    export.write(tmp_path / "a.b", motion, None)
    assert (tmp_path / "a.b.jaw.txt").read_text() == "0.2500\n0.5000\n" and export.suffixes == (".jaw.txt",)
