"""The command line called in this process, and what it leaves."""

from typer.testing import CliRunner

from sedtalker_cli.cli.app import app
from tests.conftest import tree

MOTION_FILES = [
    "speech.emotion.csv",
    "speech.faces.npy",
    "speech.json",
    "speech.npy",
    "speech.rttm",
    "speech.weights.npy",
]


def invoke(*arguments):
    """The command's result, whatever its status."""
    return CliRunner().invoke(app, [str(a) for a in arguments])


def call(*arguments, expect: int = 0):
    """The result of a command that ends with the expected status."""
    result = invoke(*arguments)
    assert result.exit_code == expect, result.output + str(result.exception)
    return result


def made(folder) -> list[str]:
    return [name for name in tree(folder) if not name.startswith(".sedtalker")]
