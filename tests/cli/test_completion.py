"""Completion in a shell: the script that `--install-completion` installs, and its answers."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT, run_cli

SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
def test_show_completion(shell):
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # by the argument, not by the parent process
    done = run_cli("--show-completion", shell, environment=named)
    assert done.returncode == 0, done.stderr
    assert "_SEDTALKER_COMPLETE" in done.stdout and "sedtalker" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_completion_is_installed_and_answers(tmp_path):
    """In a bash of its own, with a home of its own: installed, read at its start, asked as by the Tab key."""
    program = tmp_path / "bin/sedtalker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sedtalker_cli "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "HOME": str(tmp_path), "PATH": path, "PYTHONPATH": str(ROOT)}

    def bash(script: str) -> str:
        command = ["bash", "--norc", "-c", script]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert "completion installed" in bash("sedtalker --install-completion; true")
    ask = "source ~/.bashrc; COMP_WORDS=(%s); COMP_CWORD=%d; _sedtalker_completion sedtalker; echo ${COMPREPLY[@]}"
    assert bash(ask % ("sedtalker ren", 1)).split() == ["render"]
    assert bash(ask % ("sedtalker animate --emotion-o", 2)).split() == ["--emotion-override"]
    assert bash(ask % ("sedtalker animate --expression a", 3)).split() == ["alive"]
    assert bash(ask % ("sedtalker render --export glb,us", 3)).split() == ["glb,usd", "glb,usdz"]
