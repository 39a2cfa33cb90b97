"""A talking-head data set of one's own in EmoVOCA's layout: any speech with phone times, on any head with ARKit shapes.

The mouth is that of `data.coarticulation.dominance`, the emotion that of `motion.expression`, blinks, gaze and brows
those of `motion.idle`. Everything is drawn from a seed: the same inputs make the same bytes.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile as sf

from sedtalker_cli.audio.files import header_duration
from sedtalker_cli.audio.loudness import LevelMeter
from sedtalker_cli.clock import HOP, SAMPLE_RATE
from sedtalker_cli.data.coarticulation.generated import Speech, check_phones, find_spoken, speak
from sedtalker_cli.data.talking_heads.describe import describe
from sedtalker_cli.data.talking_heads.layouts import LEVELS
from sedtalker_cli.data.talking_heads.reading import SOUND, TEMPLATES
from sedtalker_cli.data.talking_heads.recipe import LEAD, MIXTURES, OFFERED, TAIL, WORDS, Recipe, Sentence
from sedtalker_cli.data.talking_heads.regions import write_region
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import UsageError
from sedtalker_cli.face.head import Head, load_head
from sedtalker_cli.face.identity import NAMED, list_identities, parse_identity
from sedtalker_cli.formats.array_pickle import write_arrays
from sedtalker_cli.formats.atomic import atomic_folder
from sedtalker_cli.formats.live_link import write_live_link
from sedtalker_cli.formats.motion import write_vertices
from sedtalker_cli.formats.phones import SILENCE
from sedtalker_cli.motion.expression import articulation_gain, blend_expression, expression_curves
from sedtalker_cli.motion.idle import add_idle
from sedtalker_cli.motion.lips import speech_activity
from sedtalker_cli.progress import Progress, silent

SPARE = 1.02  # room on disk beyond the vertices


def make_dataset(recipe: Recipe, progress: Progress = silent) -> int:
    """Write the data set, whole or not at all.

    Args:
        recipe: what is made.
        progress: called as (stage, done, total) with sequences.

    Returns:
        How many sequences were written.

    Raises:
        UsageError: the recipe is invalid, the folder is not free, or the disk is too small.
        InputError: a recording cannot be used.
    """
    heads = cast(recipe)
    sentences = deal(recipe, list(heads))
    heads = {name: heads[name] for name in dict.fromkeys(sentence.subject for sentence in sentences)}
    check(recipe, sentences, len(next(iter(heads.values())).neutral))
    takes = [(emotion, level) for emotion in recipe.emotions for level in levels_of(emotion)]
    recipe.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(recipe.out) as root:
        for folder in ("sequences", "label", "intensity", SOUND, "regions", *(["curves"] if recipe.curves else [])):
            (root / folder).mkdir()
        done = 0
        for place, sentence in enumerate(sentences):
            rng = np.random.default_rng([recipe.seed, place])
            speech = speak(sentence.table, sentence.sound, recipe.fps, load_head(), rng)
            for emotion, level in takes:
                weights = perform(speech, recipe, emotion, level / LEVELS, place)
                _write_take(root, sentence, heads[sentence.subject], weights, speech, emotion, level, recipe)
                done += 1
                progress("sequences", done, len(sentences) * len(takes))
        first = next(iter(heads.values()))
        write_arrays(root / TEMPLATES, {name: head.neutral for name, head in heads.items()})
        for name, indices in regions_of(first).items():
            write_region(root / "regions" / f"{name}.txt", indices)
        np.save(root / "faces.npy", first.faces.astype(np.int32))
        describe(root, recipe, heads, sentences)
    return done


def cast(recipe: Recipe) -> dict[str, Head]:
    """Subject -> head.

    Raises:
        UsageError: an invalid identity, the same one twice, or a head without shapes or lips.
    """
    if recipe.head is not None:
        if not recipe.head.shape_names or "lips" not in recipe.head.regions:
            raise UsageError(f"--head {recipe.head.name}: lacks ARKit's shapes of the lips; a talking head needs them")
        return {_subject(recipe.head.identity): recipe.head}
    specs = list(recipe.identities or list_identities())
    names = [
        _subject(spec) if parse_identity(spec).name in NAMED else f"person{k:02d}" for k, spec in enumerate(specs, 1)
    ]
    twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if twice:
        raise UsageError(f"--identity {twice}: is given twice; every subject needs a face of its own")
    return {name: load_head(spec) for name, spec in zip(names, specs, strict=True)}


def _subject(text: str) -> str:
    """A name that can begin a file's."""
    return re.sub(r"[^0-9A-Za-z]+", "-", text.strip().lower()).strip("-") or "subject"


def deal(recipe: Recipe, subjects: Sequence[str]) -> list[Sentence]:
    """Recordings dealt to the subjects in turn, numbered for each of them from 1.

    Raises:
        InputError: a folder holds no recordings with phone times.
    """
    pairs = [pair for folder in recipe.speech for pair in find_spoken(folder)]
    pairs = pairs[: recipe.limit or None]
    used = subjects[: len(pairs)]
    return [Sentence(*pair, used[k % len(used)], k // len(used) + 1) for k, pair in enumerate(pairs)]


def levels_of(emotion: str) -> range:
    """Intensities 1 to 3; neutral has none and stands as 1."""
    return range(1, 2 if emotion == "neutral" else LEVELS + 1)


def check(recipe: Recipe, sentences: Sequence[Sentence], vertex_count: int) -> None:
    """Find what would go wrong before the work.

    Raises:
        UsageError: the folder is not free, an emotion is unknown, or the disk is too small.
        InputError: a table of phones cannot be spoken.
    """
    unknown = next((emotion for emotion in recipe.emotions if emotion not in OFFERED), None)
    if unknown is not None or not recipe.emotions:
        raise UsageError(f"emotion {unknown!r} is unknown: give some of {', '.join(OFFERED)}")
    if recipe.out.exists() and (not recipe.out.is_dir() or any(recipe.out.iterdir())):
        raise UsageError(f"--out {recipe.out}: exists already; name a new folder, or remove it")
    for sentence in sentences:
        check_phones(sentence.table)
    seconds = sum(header_duration(sentence.sound) or 0.0 for sentence in sentences)
    takes = sum(len(levels_of(emotion)) for emotion in recipe.emotions)
    wanted = SPARE * seconds * takes * recipe.fps * vertex_count * 12
    place = recipe.out.absolute().parent
    while not place.exists():
        place = place.parent
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        raise UsageError(f"--out {recipe.out}: {place} is no folder that may be written to; choose another")
    free = shutil.disk_usage(place).free
    if wanted > free:
        raise UsageError(
            f"--out {recipe.out}: needs {wanted / 1e9:.1f} GB, {free / 1e9:.1f} are free; "
            "take fewer recordings (--limit), fewer emotions, or --fps 30"
        )


def envelope(speech: Speech, frames: int, fps: float) -> np.ndarray:
    """Share (T,) of the emotion that is there: it comes before the first word and goes after the last."""
    spoken = [phone for phone in speech.phones if phone.symbol != SILENCE]
    if not spoken:
        return np.ones(frames)
    times = np.arange(frames) / fps
    return ((times >= spoken[0].onset - LEAD) & (times <= spoken[-1].offset + TAIL)).astype(float)


def perform(speech: Speech, recipe: Recipe, emotion: str, intensity: float, place: int) -> np.ndarray:
    """Coefficients (T, 52) of a recording spoken in an emotion.

    Args:
        speech: the recording.
        recipe: rate, seed and idle motion.
        emotion: of `OFFERED`.
        intensity: 0 to 1 while there is speech.
        place: of the recording, for the seed; all emotions and intensities of one blink alike.
    """
    frames, fps = len(speech.mouth), recipe.fps
    shares = MIXTURES.get(emotion, {emotion: 1.0})
    posteriors = np.tile([shares.get(name, 0.0) for name in EMOTIONS], (frames, 1))
    level = np.zeros(frames) if emotion == "neutral" else intensity * envelope(speech, frames, fps)
    meter = LevelMeter()
    meter(speech.waveform)
    heard = meter.loudness()
    loudness = np.interp(np.arange(frames) / fps, (np.arange(len(heard)) + 0.5) * HOP, heard)
    expression = expression_curves(posteriors, level, EMOTIONS, fps, loudness)
    weights = blend_expression(speech.mouth, expression, fps, articulation_gain(posteriors, level, EMOTIONS, fps))
    if recipe.idle:
        seed = int(np.random.default_rng([recipe.seed, place, 1]).integers(2**31))
        weights = add_idle(weights, fps, seed, level, speech_activity(speech.mouth, fps, load_head()))
    return weights


def regions_of(head: Head) -> dict[str, np.ndarray]:
    """Masks of the measures: lips (`lve`), upper face (`fdd`), eyes and forehead (`eve`), where the head has them."""
    upper = [head.regions[name] for name in ("upper_face", "eyes") if name in head.regions]
    found = {"lve": head.regions["lips"]}
    if upper:
        found |= {"fdd": head.regions.get("upper_face", upper[0]), "eve": np.unique(np.concatenate(upper))}
    return found


def _write_take(
    root: Path,
    sentence: Sentence,
    head: Head,
    weights: np.ndarray,
    speech: Speech,
    emotion: str,
    level: int,
    recipe: Recipe,
) -> None:
    word, number = WORDS[emotion]
    name = f"{sentence.name}_{word}_{level}"
    write_vertices(root / "sequences" / f"{name}.npy", _blocks(head, weights), (len(weights), *head.neutral.shape))
    np.save(root / "label" / f"{name}.npy", np.int64(number))
    np.save(root / "intensity" / f"{name}.npy", np.int64(level))
    sf.write(root / SOUND / f"{name}.wav", speech.waveform, SAMPLE_RATE, subtype="PCM_16")
    if "csv" in recipe.curves:
        write_live_link(root / "curves" / f"{name}.arkit.csv", weights, head.shape_names, recipe.fps)
    if "npy" in recipe.curves:
        np.save(root / "curves" / f"{name}.npy", weights)


def _blocks(head: Head, weights: np.ndarray) -> Iterator[np.ndarray]:
    return head.stream(np.asarray(weights, np.float32))
