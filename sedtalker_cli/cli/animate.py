"""`sedtalker animate`: a 3D face that says and means what is heard."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.companions import given_captions, given_head, given_template
from sedtalker_cli.cli.console import session

if TYPE_CHECKING:
    from sedtalker_cli.inputs import Job

VERTICES = "vertex-animator"  # type of checkpoints that `train animator --dataset` writes
EXAMPLES = """\b
Examples:
  sedtalker animate speech.wav --render
  sedtalker animate speech.wav --emotion-override happy:0.8 --out happy/
  sedtalker animate speech.wav --emotion-override "0-2.5=angry:0.9,2.5-=sad:0.4"
  sedtalker animate speech.wav --emotion-override edited.emotion.csv --identity anna
  sedtalker animate speech.wav --lip-gain 1.3 --smooth 0.1 --head-motion on --render
  sedtalker animate speech.wav --render --captions speech.srt
  sedtalker animate --list speakers.csv --adapt --out results/
  sedtalker animate speech.wav --head me.glb --export glb,arkit-csv --html
  sedtalker animate speech.wav --animator runs/emovoca/checkpoint --head FLAME_sample.ply --render
  sedtalker animate recordings/ --recursive --fps 60 --out results/ --resume

\b
Every input leads to STEM.npy (vertices), STEM.json (what they are), STEM.weights.npy (ARKit
coefficients), STEM.faces.npy (triangles), STEM.rttm and STEM.emotion.csv (the emotions used);
with --render to STEM.mp4, with --html to STEM.html, with --head-motion on to STEM.head.npy (a 4 x 4
matrix a frame; vertices stay in the head's frame, films, page, glb and usd apply it), with --export to what other
programs open: arkit-csv STEM.arkit.csv, glb STEM.glb, usd STEM.usd, pc2 and mdd STEM.pc2 and STEM.mdd
with STEM.neutral.obj, obj (or --obj) the folder STEM.obj/.

\b
An override without intensity shows the emotion in full (1.0; neutral: 0). Its edges are
cross-faded over 0.2 s; time that it does not cover keeps what was detected.

\b
The rows of a CSV --list may have their own emotion_override and identity, which win over the
options, and the speaker for --adapt; sedtalker diarize --help says what that needs."""


def animate(
    inputs: opt.Inputs = None,
    list_file: opt.ListFile = None,
    recursive: opt.Recursive = False,
    out: opt.Out = Path("."),
    emotion_override: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="EMOTION[:INTENSITY], START-END=EMOTION[:INTENSITY],... in seconds, or a .rttm or .emotion.csv file.",
        ),
    ] = None,
    emotion_gain: Annotated[
        float,
        typer.Option(metavar="X", help="Factor of the emotion's intensity (result kept within 0 and 1)."),
    ] = 1.0,
    lip_gain: Annotated[
        float,
        typer.Option(metavar="X", help="Factor of the mouth's movements of speech; closed lips stay closed."),
    ] = 1.0,
    smooth: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Even out movements shorter than this, without delay; 0 (off) to 1."),
    ] = 0.0,
    identity: Annotated[str | None, typer.Option(metavar="NAME", help="Whose face; see --list-identities.")] = None,
    head: opt.HeadFile = None,
    list_identities: Annotated[
        bool, typer.Option("--list-identities", help="List the built-in identities and exit.")
    ] = False,
    fps: Annotated[int, typer.Option(metavar="25|30|50|60", help="Frames a second.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Seed of blinks and small movements.")] = 0,
    idle: Annotated[opt.Switch, typer.Option(help="Blinks and small movements, breath in pauses.")] = opt.Switch.on,
    head_motion: Annotated[
        opt.Switch, typer.Option(help="Gentle motion of the whole head, as matrices in STEM.head.npy.")
    ] = opt.Switch.off,
    obj: Annotated[bool, typer.Option("--obj", help="Same as --export obj.")] = False,
    export: opt.Export = None,
    html: opt.Html = False,
    render: Annotated[bool, typer.Option("--render", help="Also film it: STEM.mp4 with the sound.")] = False,
    size: opt.Size = "512x512",
    captions: opt.CaptionFile = None,
    encoder: opt.Encoder = None,
    model: opt.Model = None,
    animator: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Animator checkpoint instead of the bundled one; one of vertices needs --head TEMPLATE and may "
            "be given as --model, too.",
        ),
    ] = None,
    animator_encoder: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Encoder of a vertex animator, where its checkpoint cannot name it."),
    ] = None,
    scan_backend: opt.ScanBackend = opt.Scan.auto,
    adapt: opt.Adapt = False,
    device: opt.DeviceOption = opt.Device.auto,
    overwrite: opt.Overwrite = False,
    resume: opt.Resume = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Animate a 3D face from recordings: mesh motion, ARKit coefficients, and a film if wanted."""
    with session(quiet, as_json, debug) as console:
        if list_identities:
            from sedtalker_cli.face.identity import list_identities as names

            typer.echo("\n".join(names()))
            raise typer.Exit
        from sedtalker_cli import audio, batch, outputs
        from sedtalker_cli import inputs as found
        from sedtalker_cli import pipeline as pipes
        from sedtalker_cli.errors import UsageError
        from sedtalker_cli.exports import parse_formats
        from sedtalker_cli.model.kernels import choose_scan
        from sedtalker_cli.overrides import is_override_file, parse_override
        from sedtalker_cli.weights import checkpoint_type

        if model and animator is None and checkpoint_type(model) == VERTICES:
            model, animator = None, model
        makes_vertices = animator is not None and checkpoint_type(animator) == VERTICES
        pipes.check_options(fps=fps, emotion_gain=emotion_gain, lip_gain=lip_gain, smooth=smooth)
        jobs, bad = found.collect_jobs(
            inputs or [], accepts=audio.is_sound_name, list_file=list_file, recursive=recursive
        )
        formats = parse_formats([*(export or []), *(["obj"] if obj else [])])
        moves = head_motion is opt.Switch.on
        if makes_vertices:
            from sedtalker_cli.vertex_animation import check_vertex_options

            asked = {"--lip-gain": lip_gain != 1, "--smooth": smooth > 0, "--head-motion": moves, "--html": html}
            check_vertex_options(asked, formats)
        if captions is not None and not render:
            raise UsageError("--captions is for the film: add --render")
        words = given_captions(captions, len(jobs) + len(bad))
        suffixes = outputs.animation_suffixes(
            exports=formats, page=html, film=render, head_motion=moves, weights=not makes_vertices
        )
        overrides = {emotion_override, *(job.emotion_override for job in jobs)} - {None}
        protected = (
            *sorted(Path(spec) for spec in overrides if is_override_file(spec)),
            *(path for path in (head, captions) if path),
        )
        plan = batch.Plan("animate", out, suffixes, overwrite, resume, protected)
        batch.check_plan(jobs, plan)
        # All that can be wrong with the options and the list is found before the models are loaded.
        classes = pipes.known_emotions(model) if overrides else ()
        if emotion_override is not None:
            parse_override(emotion_override, classes)
        if makes_vertices:
            given_template(head, identity, animator)
        else:
            given_head(head, identity, animated=True)
        _check_rows(jobs, classes, head)
        common, pipeline, adaptation = {}, None, None
        if jobs:
            from sedtalker_cli.adaptation import Adaptation
            from sedtalker_cli.face.custom import head_checksum

            if render:
                from sedtalker_cli.render import choose_renderer

                choose_renderer()
            own = {"animator_encoder": animator_encoder} if animator_encoder else {}
            pipeline = pipes.Pipeline.load(device.value, encoder=encoder, diarizer=model, animator=animator, **own)
            choose_scan(scan_backend.value, pipeline.device)
            common = {
                "version": pipeline.version,
                "models": pipeline.models(animate=True),
                "emotion_gain": emotion_gain,
                "lip_gain": lip_gain,
                "smooth": smooth,
                "fps": fps,
                "seed": seed,
                "idle": idle.value,
                "head_motion": head_motion.value,
                "size": list(size) if render else None,
                "head": head_checksum(head) if head else None,
                "exports": formats,
                "captions": batch.file_checksum(captions) if captions else None,
            }
            adaptation = Adaptation(jobs, pipeline.listen) if adapt else None
        checksum = cache(batch.file_checksum)

        def settings(job: found.Job) -> dict:
            spec = job.emotion_override or emotion_override
            from_file = spec is not None and is_override_file(spec)
            return {
                **common,
                "emotion_override": checksum(Path(spec)) if from_file else spec,
                "identity": job.identity or identity,
                **(adaptation.settings(job) if adaptation else {}),
            }

        def work(job: found.Job, stem: Path, progress) -> dict:
            voice = adaptation.voice(job, progress) if adaptation else None
            animation = pipeline.animate(
                job.source,
                emotion_override=job.emotion_override or emotion_override,
                emotion_gain=emotion_gain,
                lip_gain=lip_gain,
                smooth=smooth,
                identity=job.identity or identity,
                head_file=head,
                fps=fps,
                seed=seed,
                idle=idle is opt.Switch.on,
                head_motion=moves,
                progress=progress,
                voice=voice,
            )
            final = out / job.name.parent
            wanted = {"exports": formats, "page": html, "film_size": size if render else None, "captions": words}
            outputs.write_animation(stem, animation, job.source, final, **wanted, progress=progress)
            return {
                **outputs.describe_timeline(animation.timeline),
                "frames": animation.shape[0],
                "fps": fps,
            }

        with console.progress_bars(len(jobs)):
            results = batch.run_batch(jobs, plan, work, settings, console, bad=bad)
        console.summary(results)
        raise typer.Exit(batch.exit_status(results))


def _check_rows(jobs: "Sequence[Job]", classes: Sequence[str], head: Path | None) -> None:
    """Find overrides and identities of a list that cannot be meant; rows that are alike are read once.

    Raises:
        UsageError: names the input.
    """
    from sedtalker_cli.errors import UsageError
    from sedtalker_cli.face.identity import parse_identity
    from sedtalker_cli.overrides import parse_override

    seen = set()
    for job in jobs:
        values = job.emotion_override, job.identity
        if values in seen:
            continue
        seen.add(values)
        try:
            if head is not None and job.identity is not None:
                raise UsageError(f"identity {job.identity!r} is for the built-in head; leave it out with --head")
            parse_identity(job.identity)
            if job.emotion_override is not None:
                parse_override(job.emotion_override, classes)
        except UsageError as error:
            raise UsageError(f"--list, {job.source}: {error}") from error
