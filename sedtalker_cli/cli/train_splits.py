"""`sedtalker train splits`: folds of speakers for cross-validation, in one table for training and evaluation."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import say, session
from sedtalker_cli.errors import UsageError

EXAMPLES = """\b
Every speaker is in exactly one fold; each corpus's speakers, and where it is known its genders,
are dealt evenly. The same corpora and seed give the same table. Cross-validation, for K from 0 to
folds - 1:
  sedtalker train diarizer --corpus ... --splits splits.csv --fold K --out runs/K
  sedtalker evaluate diarization --corpus ... --splits splits.csv --fold K
    --model runs/K/checkpoint
Fold K is the test, the next one validates, the rest trains. The column split is that of --fold 0.

\b
Examples:
  sedtalker train splits --corpus ravdess=PATH --corpus emodb=PATH --out splits.csv
  sedtalker train splits --corpus esd=PATH --folds 10 --seed 3 --out folds10.csv"""


def splits(
    corpus: opt.Corpora,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="CSV", help="The table.")],
    folds: Annotated[int, typer.Option(min=3, help="Number of folds.")] = 5,
    seed: opt.Seed = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a table that is there.")] = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Deal the speakers of corpora to folds."""
    with session(quiet, False, debug):
        from sedtalker_cli.batch.ownership import refuse_existing
        from sedtalker_cli.batch.run import check_folder
        from sedtalker_cli.data.corpora import draw_folds, parse_corpus, read_corpus, write_splits

        if out.is_dir():
            raise UsageError(f"--out {out}: is a folder; name a table (.csv)")
        check_folder(out.parent, f"--out {out}")
        refuse_existing([out], overwrite)
        names = [name for name, _ in map(parse_corpus, corpus)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise UsageError(f"--corpus {twice}: is given twice")
        readings = [read_corpus(*parse_corpus(text)) for text in corpus]
        write_splits(out, readings, folds, seed)
        if quiet:
            return
        for reading in readings:
            counts = [0] * folds
            for fold in draw_folds(reading, folds, seed).values():
                counts[fold] += 1
            say(f"{reading.summary()}; speakers in folds: {' '.join(map(str, counts))}")
        say(f"wrote {out}")
