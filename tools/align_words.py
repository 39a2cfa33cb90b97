"""Phone times inside the words of captured recordings, learned from the recordings themselves.

    python tools/align_words.py --captures grid_s1 --out PHONES

writes NAME.csv (phone,onset,offset,release,stress) for every clip. Each phone has two states, each state one Gaussian
over encoder features (shared covariance, thus linear discriminants); the words' pronunciations and times are known.
Training starts with phones of equal length in each word and repeats: best path, new Gaussians (Viterbi training,
Rabiner 1989). The path may leave the given word times by SLACK.
"""

import argparse
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.data.capture_sources import read_grid
from sedtalker_cli.data.captures import Capture
from sedtalker_cli.formats.phones import Phone, write_phones

SLACK = 0.06  # how far a phone may reach beyond the given times of its word [s]
STEP = 0.01  # of the path [s]
DIMENSIONS = 64  # principal components of the features
UNSTRESSED = frozenset(["at", "by", "in", "with"])
VOWELS = frozenset("iɪeɛæəʌɑɒɔoʊua")
# Pronunciations of the corpus's 51 words (southern British); several where speakers differ.
WORDS = {
    "bin": ["b ɪ n"],
    "lay": ["l eɪ"],
    "place": ["p l eɪ s"],
    "set": ["s ɛ t"],
    "blue": ["b l u"],
    "green": ["ɡ ɹ i n"],
    "red": ["ɹ ɛ d"],
    "white": ["w aɪ t"],
    "at": ["æ t", "ə t"],
    "by": ["b aɪ"],
    "in": ["ɪ n"],
    "with": ["w ɪ ð", "w ɪ θ"],
    "zero": ["z ɪ ɹ oʊ"],
    "one": ["w ʌ n"],
    "two": ["t u"],
    "three": ["θ ɹ i"],
    "four": ["f ɔ"],
    "five": ["f aɪ v"],
    "six": ["s ɪ k s"],
    "seven": ["s ɛ v ə n"],
    "eight": ["eɪ t"],
    "nine": ["n aɪ n"],
    "again": ["ə ɡ ɛ n", "ə ɡ eɪ n"],
    "now": ["n aʊ"],
    "please": ["p l i z"],
    "soon": ["s u n"],
    "a": ["eɪ"],
    "b": ["b i"],
    "c": ["s i"],
    "d": ["d i"],
    "e": ["i"],
    "f": ["ɛ f"],
    "g": ["dʒ i"],
    "h": ["eɪ tʃ"],
    "i": ["aɪ"],
    "j": ["dʒ eɪ"],
    "k": ["k eɪ"],
    "l": ["ɛ l"],
    "m": ["ɛ m"],
    "n": ["ɛ n"],
    "o": ["oʊ"],
    "p": ["p i"],
    "q": ["k j u"],
    "r": ["ɑ"],
    "s": ["ɛ s"],
    "t": ["t i"],
    "u": ["j u"],
    "v": ["v i"],
    "x": ["ɛ k s"],
    "y": ["w aɪ"],
    "z": ["z ɛ d"],
    "sil": ["sil"],
    "sp": ["sil"],
}


State = tuple[int, float, float]  # column of the scores, earliest and latest time [s]


def plan(capture: Capture, choice: dict[str, int], inventory: list[str]) -> tuple[list[State], list[tuple[str, str]]]:
    """Two states for each phone of a capture's words, with the times that bind them, and (phone, word) of each phone.

    Args:
        capture: with words.
        choice: word -> number of the pronunciation.
        inventory: names of the phones.
    """
    states, phones = [], []
    for number, (word, start, end) in enumerate(capture.words):
        low = 0.0 if number == 0 else start - SLACK
        high = np.inf if number == len(capture.words) - 1 else end + SLACK
        for phone in WORDS[word][choice.get(word, 0)].split():
            column = 2 * inventory.index(phone)
            states += [(column, low, high), (column + 1, low, high)]
            phones.append((phone, word))
    return states, phones


def flat_start(capture: Capture, states: int) -> np.ndarray:
    """State of each step (T,) with all states of a word equally long."""
    steps = np.arange(round(len(capture.weights) / capture.fps / STEP))
    path, first = np.zeros(len(steps), int), 0
    for word, start, end in capture.words:
        count = 2 * len(WORDS[word][0].split())
        inside = (steps * STEP >= start) | (first == 0)
        share = (steps * STEP - start) / max(end - start, STEP)
        path[inside] = first + np.clip(share[inside] * count, 0, count - 1).astype(int)
        first += count
    return np.clip(path, 0, states - 1)


def best_paths(scores: list[np.ndarray], plans: list[list[State]]) -> tuple[list[np.ndarray], np.ndarray]:
    """Viterbi, left to right without skips, for all captures at once.

    Args:
        scores: (T, P) log likelihood at every step, for each capture.
        plans: states of each capture.

    Returns:
        State of each step (T,) for each capture, and the scores of the paths.
    """
    count, longest = max(map(len, plans)), max(map(len, scores))
    emission = np.full((longest, len(plans), count), -1e4, np.float32)
    for row, (score, states) in enumerate(zip(scores, plans, strict=True)):
        columns, low, high = (np.array(x) for x in zip(*states, strict=True))
        times = np.arange(len(score))[:, None] * STEP
        emission[: len(score), row, : len(states)] = score[:, columns] - 50.0 * ((times < low) | (times >= high))
    total = np.full((len(plans), count), -1e9, np.float32)
    total[:, 0] = emission[0, :, 0]
    moved = np.zeros(emission.shape, bool)
    totals = [total]
    for step in range(1, longest):
        before = np.concatenate([np.full((len(plans), 1), -1e9, np.float32), total[:, :-1]], 1)
        moved[step] = before > total
        total = np.maximum(before, total) + emission[step]
        totals.append(total)
    paths, ends = [], []
    for row, (score, states) in enumerate(zip(scores, plans, strict=True)):
        path, state = np.zeros(len(score), int), len(states) - 1
        ends.append(totals[len(score) - 1][row, state])
        for step in range(len(score) - 1, -1, -1):
            path[step] = state
            state -= int(moved[step, row, state])
        paths.append(path)
    return paths, np.array(ends)


def gaussians(inputs: np.ndarray, columns: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood up to a constant of `count` Gaussians with a shared covariance as weights (D, P) and bias (P,)."""
    frequency = np.bincount(columns, minlength=count)
    means = np.zeros((count, inputs.shape[1]))
    np.add.at(means, columns, inputs)
    means = (means + inputs.mean(0)) / (frequency + 1.0)[:, None]
    rest = inputs - means[columns]
    precision = np.linalg.inv(rest.T @ rest / len(inputs) + 1e-4 * np.eye(inputs.shape[1]))
    weights = precision @ means.T
    return weights, -0.5 * (means.T * weights).sum(0)


def align(captures: list[Capture], inputs: list[np.ndarray], rounds: int) -> list[list[Phone]]:
    """Phones of every capture; they tile the recording.

    Args:
        captures: with words.
        inputs: (T, D) features of each at steps of STEP.
        rounds: of training.
    """
    inventory = sorted({p for choices in WORDS.values() for c in choices for p in c.split()})
    choices: list[dict[str, int]] = [{} for _ in captures]
    plans = [plan(c, k, inventory) for c, k in zip(captures, choices, strict=True)]
    paths = [flat_start(c, len(p[0])) for c, p in zip(captures, plans, strict=True)]
    stacked = np.concatenate(inputs)
    for turn in range(rounds):
        columns = np.concatenate([np.array([s[0] for s in p[0]])[q] for p, q in zip(plans, paths, strict=True)])
        weights, bias = gaussians(stacked, columns, 2 * len(inventory))
        scores = [x @ weights + bias for x in inputs]
        paths, values = best_paths(scores, [p[0] for p in plans])
        print(f"round {turn + 1}: mean score {values.mean():.2f}", flush=True)
        if turn == rounds - 2:  # now that sounds are known, choose among pronunciations
            for word in [w for w, p in WORDS.items() if len(p) > 1]:
                rows = [i for i, c in enumerate(captures) if any(w == word for w, _, _ in c.words)]
                other = [plan(captures[i], choices[i] | {word: 1}, inventory) for i in rows]
                found, better = best_paths([scores[i] for i in rows], [p[0] for p in other])
                for i, candidate, path, value in zip(rows, other, found, better, strict=True):
                    if value > values[i]:
                        choices[i][word], plans[i], paths[i], values[i] = 1, candidate, path, value
    return [spans(p[1], path) for p, path in zip(plans, paths, strict=True)]


def spans(phones: list[tuple[str, str]], path: np.ndarray) -> list[Phone]:
    """Times of phones from the state at each step (T,)."""
    edges = np.searchsorted(path, np.arange(0, 2 * len(phones) + 1, 2)) * STEP
    return [
        Phone(phone, float(begin), float(end), None, int(phone[0] in VOWELS and word not in UNSTRESSED))
        for (phone, word), begin, end in zip(phones, edges[:-1], edges[1:], strict=True)
        if end > begin
    ]


def main() -> None:
    """Aligns every capture with known words."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captures", type=Path, required=True, help="folder of the tracked GRID clips")
    parser.add_argument("--encoder", default="weights/encoder")
    parser.add_argument("--splits", nargs="+", default=["train", "val"])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--cache", type=Path, help="keeps features (NAME.npy) between runs")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    captures = [c for c in read_grid(args.captures) if c.split in args.splits and c.words]
    encoder, features = None, []
    for capture in captures:
        kept = args.cache / f"{capture.name}.npy" if args.cache else None
        if kept and kept.exists():
            features.append(np.load(kept))
            continue
        if encoder is None:
            from sedtalker_cli.model.encoder import SpeechEncoder

            encoder = SpeechEncoder.load(args.encoder)
        features.append(encoder.encode([load_audio(capture.audio)])[:, -1].numpy())  # the upper layer knows sounds best
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.save(kept, features[-1])
    stacked = np.concatenate([f[::2] for f in features]).astype(np.float32)
    mean = stacked.mean(0)
    values, vectors = np.linalg.eigh(np.cov(stacked - mean, rowvar=False))
    basis = vectors[:, -DIMENSIONS:] / np.sqrt(values[-DIMENSIONS:])
    inputs = []
    for capture, feature in zip(captures, features, strict=True):
        low = (feature.astype(np.float32) - mean) @ basis
        fine = (np.arange(round(len(capture.weights) / capture.fps / STEP)) + 0.5) * STEP
        centres = (np.arange(len(low)) + 0.5) * 0.02
        inputs.append(np.stack([np.interp(fine, centres, column) for column in low.T], 1))
    for capture, phones in zip(captures, align(captures, inputs, args.rounds), strict=True):
        write_phones(args.out / f"{capture.name}.csv", phones)


if __name__ == "__main__":
    main()
