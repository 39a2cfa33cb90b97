"""Prints which emotions were heard in the recordings of a folder of results: a row for each `.emotion.csv`.

python tools/show_heard.py demo
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

SHARE = 0.05  # of the time; an emotion heard for less is not named


def heard(path: Path) -> tuple[str, float]:
    """Emotions of an `.emotion.csv` with their shares of the time, the longest first, and the mean intensity."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names, counts = np.unique([row["emotion"] for row in rows], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    shares = [(names[k], counts[k] / len(rows)) for k in order if counts[k] / len(rows) >= SHARE]
    words = ", ".join(f"{name} {share:.0%}" for name, share in shares)
    return words, float(np.mean([float(row["intensity"]) for row in rows]))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where diarize or animate wrote")
    table = Table(title="What was heard", title_justify="left")
    for name in ("recording", "emotions, shares of the time"):
        table.add_column(name)
    table.add_column("mean intensity", justify="right")
    for path in sorted(parser.parse_args().folder.glob("*.emotion.csv")):
        words, intensity = heard(path)
        table.add_row(path.name.removesuffix(".emotion.csv"), words, f"{intensity:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
