"""`sedtalker train make-dataset`: a talking-head data set of one's own, in EmoVOCA's layout."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.stages import stage_bar

EXAMPLES = """\b
speech/ holds NAME.wav beside NAME.csv with phone times (phone,onset,offset in s; IPA, sil is
silence). The subjects take turns: each recording is spoken by one of them, in every emotion at
three intensities (neutral once). Sizes on disk: 6 MB a second of sequence for the bundled head at
60 frames a second. The README.md in the result describes its files and their licences; read it
with --dataset emovoca=OUT.

\b
Examples:
  sedtalker train make-dataset speech/ --out heads/ --licence "CC BY 4.0, Some Corpus"
  sedtalker train make-dataset speech/ --out mine/ --head me.glb --fps 30 --curves csv,npy"""


def make_dataset(
    speech: Annotated[list[Path], typer.Argument(metavar="SPEECH", help="Folders of speech with phone times.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The data set; a new folder.")],
    identity: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC", help="Face of the bundled head, as for animate; repeatable. Default: all named ones."
        ),
    ] = None,
    head: opt.HeadFile = None,
    emotions: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Emotions; default: all that the face knows.")
    ] = None,
    fps: Annotated[int, typer.Option(min=10, max=120, help="Frames a second; EmoVOCA has 60.")] = 60,
    limit: Annotated[int, typer.Option(min=0, help="Number of recordings at most; 0 takes all.")] = 0,
    curves: Annotated[
        str, typer.Option(metavar="FORMAT,...", help="Also write ARKit coefficients: csv (Live Link Face), npy.")
    ] = "",
    idle: Annotated[opt.Switch, typer.Option(help="Blinks, gaze, brows and breath.")] = opt.Switch.on,
    licence: Annotated[str, typer.Option(metavar="TEXT", help="Licence of the speech, for the README.")] = "",
    seed: opt.Seed = 0,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Make a talking-head data set from speech with phone times and a head."""
    with session(quiet, False, debug):
        from sedtalker_cli.data.talking_heads import generate
        from sedtalker_cli.data.talking_heads.recipe import check_face
        from sedtalker_cli.tasks.named_files import given_head

        check_face(head, identity or ())
        recipe = generate.Recipe(
            speech=tuple(speech),
            out=out,
            identities=tuple(identity or ()),
            head=given_head(head),
            emotions=tuple(dict.fromkeys(name.strip() for name in emotions.split(",")))
            if emotions
            else generate.OFFERED,
            fps=fps,
            limit=limit,
            curves=tuple(name.strip() for name in curves.split(",") if name.strip()),
            idle=idle is opt.Switch.on,
            licence=licence,
            seed=seed,
        )
        with stage_bar(quiet) as (log, progress):
            count = generate.make_dataset(recipe, progress)
            log(f"wrote {count} sequences to {out}")
