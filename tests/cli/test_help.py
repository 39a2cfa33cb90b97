"""Help, versions and options that all commands share; what is in the wheel."""

import re
import subprocess
import sys
import zipfile

import pytest
import typer

from sedtalker_cli.cli.app import app
from sedtalker_cli.version import __version__
from tests.commands import call
from tests.conftest import ROOT, run_cli


def test_help_is_fast_and_light():
    code = (
        "import sys; sys.argv = ['sedtalker', '--help']\n"
        "from sedtalker_cli.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "heavy = {'torch', 'transformers', 'numpy', 'scipy', 'pandas', 'pyrender', 'soundfile'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert "HEAVY []" in result.stdout
    for command in ("diarize", "animate", "render", "train", "evaluate"):
        assert command in result.stdout


def test_version_in_a_process():
    result = run_cli("--version")
    assert (result.returncode, result.stdout) == (0, f"sedtalker {__version__}\n")


@pytest.mark.parametrize(
    "command",
    [
        ["diarize"],
        ["animate"],
        ["render"],
        ["train", "diarizer"],
        ["train", "animator"],
        ["evaluate", "diarization"],
        ["evaluate", "lipsync"],
    ],
)
def test_every_command_has_help_with_examples(command):
    output = call(*command, "--help").output
    assert "Example" in output
    assert f"sedtalker {' '.join(command)}" in output
    assert "--quiet" in output


@pytest.mark.parametrize("command", ["diarize", "animate", "render"])
def test_common_options(command):
    output = call(command, "--help").output
    for option in (
        "--json",
        "--quiet",
        "--device",
        "--out",
        "--overwrite",
        "--resume",
        "--debug",
        "--list",
        "--jobs",
        "--shard",
    ):
        assert option in output


def every_command(command=None, path=()):
    """(names, command) of all commands below the application, groups left out."""
    command = command or typer.main.get_command(app)
    below = getattr(command, "commands", {})
    if not below:
        yield path, command
    for name, child in below.items():
        yield from every_command(child, (*path, name))


COMMANDS = [pytest.param(names, id=" ".join(names)) for names, _ in every_command()]


@pytest.mark.parametrize("names", COMMANDS)
def test_help_ends_with_two_examples_and_fits_the_width(names, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = call(*names, "--help").output.splitlines()
    assert max(map(len, lines)) <= 100
    examples = "\n".join(lines[lines.index("  Examples:") + 1 :]).replace("\n      ", " ").splitlines()
    assert len(examples) == 2 and all(f"{line} ".startswith(f"    sedtalker {' '.join(names)} ") for line in examples)


@pytest.mark.parametrize("name", ["animate", "render", "diarize"])
def test_help_is_in_panels(name):
    text = call(name, "--help").output
    titles = re.findall(r"^(\w+):$", text, re.M)
    panels = ["Input", "Emotion", "Motion", "Outputs", "Picture", "Batch", "Machine"]
    assert titles == [title for title in panels if title in titles] and len(titles) >= 5
    place = {title: text.index(f"\n{title}:") for title in titles}
    assert place["Input"] < text.index(" --recursive ") < place["Outputs"] < text.index(" --out ") < place["Batch"]
    assert place["Machine"] < text.index(" --device ") < text.index(" --help ")


def test_list_identities():
    names = call("animate", "--list-identities").stdout.split()
    assert len(names) >= 2


def test_interrupt_is_130(tmp_path, sound, fake_models, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("sedtalker_cli.pipeline.Pipeline.diarize", stop)
    result = call("diarize", sound, "--out", tmp_path / "out", expect=130)
    assert "interrupted" in result.stderr
    assert not (tmp_path / "out").exists()


def test_debug_shows_the_traceback(tmp_path, sound, fake_models, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("sedtalker_cli.pipeline.Pipeline.diarize", fail)
    result = call("diarize", sound, "--out", tmp_path / "out", expect=1)
    assert "internal error: ZeroDivisionError: oops" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in call("diarize", sound, "--out", tmp_path / "out", "--debug", expect=1).stderr


def test_wheel_ships_weights_and_face(tmp_path):
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    assert "sedtalker_cli/face/data/head.npz" in names
    assert {f"sedtalker_cli/outputs/page/viewer.{kind}" for kind in ("html", "css", "js")} <= names
    for path in (ROOT / "weights").rglob("*"):
        if path.is_file():
            assert f"sedtalker_cli/weights/{path.relative_to(ROOT / 'weights').as_posix()}" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests/")]
