"""What lies beside a generated data set: `README.md`, `dataset.json` and `splits.csv`."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sedtalker_cli.data.corpora import Utterance, assign_splits
from sedtalker_cli.data.talking_heads.reading import DESCRIPTION, SPLIT_TABLE
from sedtalker_cli.data.talking_heads.recipe import LEAD, TAIL, WORDS, Recipe, Sentence
from sedtalker_cli.formats.motion import AXES, UNITS
from sedtalker_cli.version import __version__

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

SHARE = 1 / 6  # of the subjects for validation, and for the test, as VOCASET's 2 of 12
README = """# Talking heads, generated

{count} sentences by {subjects} in the emotions {emotions}; made by sedtalker {version} with seed {seed}.
The layout is that of EmoVOCA, so what reads EmoVOCA reads this, but for the mesh ({vertices} vertices, `{topology}`).
Files are called `SUBJECT_sentenceNN_EXPRESSION_K`.

| what | where |
|---|---|
| vertices (T, {vertices}, 3) float32, {units}, {fps} frames a second; {axes} | `sequences/` |
| number of the expression ({numbers}) | `label/`, same name |
| intensity K, 1 to 3 (neutral: 1) | `intensity/`, same name |
| sound, 16 kHz mono; the same for all expressions of a sentence | `wav/`, same name |
| faces at rest, a pickled dictionary of numpy arrays | `templates.pkl` |
| triangles (F, 3) | `faces.npy` |
| vertices of lips (`lve`), upper face (`fdd`), eyes and forehead (`eve`) | `regions/` |
| train, validation and test | `splits.csv` |
| rate, topology, subjects, and which recording each sentence is | `dataset.json` |
{curves}
Read it with `--dataset emovoca=FOLDER`.

## How it was made

The mouth follows the phone times by dominance functions fitted to captured motion, closures are exact; the expression
is a pose of the emotion that comes {lead} s before the first word and goes {tail} s after the last, with onset and
decay of its own, and accents on loud syllables. {idle}Nothing here was recorded from a face: a model that learns from
it learns these rules. The voice does not change with the expression.

## Licences

- Head: {head_licence}
- Speech: {speech_licence}
- Motion: made by rules from the two; it carries the conditions of the speech where its licence says so.
"""


def describe(root: Path, recipe: Recipe, heads: Mapping[str, Head], sentences: Sequence[Sentence]) -> None:
    """Write the three files.

    Args:
        root: of the data set.
        recipe: what was made.
        heads: subject -> head, all of one topology, each with sentences.
        sentences: in order.
    """
    head = next(iter(heads.values()))
    content: dict[str, Any] = {
        "format": "sedtalker-talking-heads",
        "version": __version__,
        "seed": recipe.seed,
        "fps": recipe.fps,
        "vertices": len(head.neutral),
        "topology": head.name,
        "units": UNITS,
        "axes": AXES,
        "idle": recipe.idle,
        "emotions": {emotion: WORDS[emotion][0] for emotion in recipe.emotions},
        "subjects": {name: head.identity for name, head in heads.items()},
        "sentences": {sentence.name: sentence.sound.name for sentence in sentences},
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (root / DESCRIPTION).write_text(text, encoding="utf-8")
    with (root / SPLIT_TABLE).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("subject", "split", "sentences"))
        rows.writerows(split_rows(sentences, recipe.seed))
    own = "the sedtalker head, CC0 1.0 (MakeHuman community)"
    curves = "| ARKit coefficients | `curves/`, same name |\n" if recipe.curves else ""
    facts = {
        "count": len(sentences),
        "subjects": f"{len(heads)} subject{'s' if len(heads) > 1 else ''}",
        "emotions": ", ".join(recipe.emotions),
        "numbers": ", ".join(f"{WORDS[emotion][0]} {WORDS[emotion][1]}" for emotion in recipe.emotions),
        "idle": "Blinks, gaze, drifting brows and breath are drawn from the seed. " if recipe.idle else "",
        "head_licence": own if head.source is None else f"{head.name}, as its owner has licensed it",
        "speech_licence": recipe.licence or "not stated when this was made; look it up before you pass this on",
        **{key: content[key] for key in ("version", "seed", "fps", "vertices", "topology", "units", "axes")},
        **{"lead": LEAD, "tail": TAIL, "curves": curves},
    }
    (root / "README.md").write_text(README.format(**facts), encoding="utf-8")


def split_rows(sentences: Sequence[Sentence], seed: int) -> list[tuple[str, str, str]]:
    """(subject, split, sentences): by subject if there are three or more, else by sentence with the last held out."""
    counts = Counter(sentence.subject for sentence in sentences)
    if len(counts) >= 3:
        people = [Utterance(Path(name), "generated", name, "neutral") for name in counts]
        return [(person.speaker, person.split, "") for person in assign_splits(people, seed, SHARE, SHARE)]
    rows = []
    for subject, count in counts.items():
        held = max(1, round(SHARE * count)) if count >= 3 else 0
        edges = (0, count - 2 * held, count - held, count)
        for split, first, last in zip(("train", "val", "test"), edges, edges[1:], strict=False):
            if last > first:
                rows.append((subject, split, f"{first + 1}-{last}"))
    return rows
