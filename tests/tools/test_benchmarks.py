"""The benchmarks start; what they measure is not a matter of tests."""

import subprocess
import sys
from pathlib import Path


def test_every_section_can_be_imported():
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "nothing"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no section nothing; there are start-up, speed" in done.stderr
