"""The fast encoder changes no label and no lip on real speech; `python -m benchmarks.equality` compares more of it."""

import os
from pathlib import Path

import pytest

from benchmarks.equality import compare
from tests.conftest import ROOT, needs_animator

DATA = Path(os.environ.get("SEDTALKER_DATA", ROOT.parents[1] / "shared" / "data")) / "speech"
RECORDINGS = ("emodb", "emotale", "nemo", "ravdess")  # some of each corpus


def check(paths):
    found = compare(paths, lips=2)
    assert found["frames"] >= 150 * len(paths) / 4
    assert found["equal"] >= 0.999
    assert 0 < found["posterior"] <= 0.002  # above zero: two encoders were compared
    assert found["lips"] <= 0.05e-3


@needs_animator
def test_examples():
    check([ROOT / f"examples/{name}.flac" for name in ("party", "promise")])


@needs_animator
@pytest.mark.skipif(not (DATA / "manifest.csv").is_file(), reason="no speech data (set SEDTALKER_DATA)")
def test_recordings_of_unseen_speakers():
    import pandas as pd

    table = pd.read_csv(DATA / "manifest.csv", dtype=str)
    test = table[table.split == "test"]
    chosen = [test[test.corpus == corpus].path.iloc[::30].head(4) for corpus in RECORDINGS]
    check([DATA / path for paths in chosen for path in paths])
