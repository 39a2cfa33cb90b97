"""The command line `sedtalker`; importing it is cheap, the commands import what they need when they run."""

import os


def main() -> None:
    """Entry point of the `sedtalker` command."""
    # NumPy's BLAS cuts sums between its threads, which round differently; and a process without threads can be forked.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from sedtalker_cli.cli.app import app

    app(prog_name="sedtalker")
