"""Measures of face motion, and `evaluate animation` on small data sets."""

import json
import math

import numpy as np
import pytest

from sedtalker_cli.data.talking_heads import read_talking
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.animation.pairs import Pair, masks_of
from sedtalker_cli.evaluation.animation.scores import evaluate_dataset, evaluate_pairs
from sedtalker_cli.evaluation.metrics.animation import (
    SEDTALKER,
    STANDARD,
    Masks,
    extremum_shifts,
    lip_opening,
    lip_scores,
    pool,
    vertex_scores,
)
from tests.conftest import run_cli
from tests.data import talking_sets as sets

MASKS = Masks(np.arange(5), np.arange(5, 20), np.arange(10, 30), {})


def moving(seed, frames=12, vertices=200):
    return np.random.default_rng(seed).normal(size=(frames, vertices, 3)).astype(np.float32)


def test_lve_is_that_of_torchmetrics():
    oracle = pytest.importorskip("torchmetrics.functional.multimodal.lve").lip_vertex_error
    torch = pytest.importorskip("torch")
    x, y = moving(0), moving(1)
    found = vertex_scores(x, y, x[0], MASKS, 30, STANDARD)["lve"]
    assert found == pytest.approx(float(oracle(torch.tensor(y), torch.tensor(x), MASKS.lips.tolist())), rel=1e-5)


def test_standard_measures_by_hand():
    """One vertex of each mask errs by a known amount."""
    template = np.zeros((200, 3))
    x, y = np.zeros((2, 8, 200, 3))
    y[:, 2, 0] = 0.2  # a lip vertex, always
    y[:4, 12, 1] = 0.1  # of upper face and eyes, half of the time
    scores = vertex_scores(x, y, template, MASKS, 10, STANDARD)
    assert scores["lve"] == pytest.approx(0.04)
    assert scores["eve"] == pytest.approx(0.005) and scores["eve_unsquared"] == pytest.approx(0.05)
    assert scores["mve"] == pytest.approx((0.2 + 0.05) / 200)
    assert scores["fdd"] == pytest.approx(-0.005 / 15) and scores["fdd_abs"] == pytest.approx(0.005 / 15)
    assert scores["ve"] == pytest.approx(0.1 / 7 / 200)  # one step in seven
    assert scores["ae"] == pytest.approx(2 * 0.1 / 6 / 200)
    assert scores["jitter"] == pytest.approx((1 + 2 + 1) * 0.1 / 5 / 200 * 1000)
    assert scores["jitter_reference"] == 0


def test_fdd_counts_displacement_from_rest_and_the_authors_count_positions():
    """The same motion far from the origin: displacements do not care, positions do."""
    x, y = moving(0), moving(1)
    here = [vertex_scores(x, y, np.zeros((200, 3)), MASKS, 30, d)["fdd"] for d in (STANDARD, SEDTALKER)]
    far = [vertex_scores(x + 5, y + 5, np.full((200, 3), 5.0), MASKS, 30, d)["fdd"] for d in (STANDARD, SEDTALKER)]
    assert far[0] == pytest.approx(here[0], abs=1e-4)
    assert abs(far[1] - here[1]) > 0.01


def test_authors_definitions():
    x, y = moving(0), moving(1)
    distance = np.linalg.norm(x.astype(float) - y, axis=2)
    scores = vertex_scores(x, y, x[0], MASKS, 30, SEDTALKER)
    lips = [*range(94, 114), *range(146, 178), *range(183, 192)]
    upper = [k for k in range(192) if k not in lips]
    assert scores["lve"] == pytest.approx(distance[:, lips].mean())
    assert scores["eve"] == pytest.approx(distance[:, 36:94].mean())
    apart = [np.std((v[:, upper].astype(float) ** 2).sum(2), 0) for v in (x, y)]
    assert scores["fdd"] == pytest.approx((apart[0] - apart[1]).mean())
    assert scores["fdd_abs"] == pytest.approx(np.abs(apart[0] - apart[1]).mean())
    assert "eve_unsquared" not in scores


def test_short_sequences_have_no_differences():
    scores = vertex_scores(moving(0, 1), moving(1, 1), moving(0, 1)[0], MASKS, 30, STANDARD)
    assert math.isnan(scores["ve"]) and math.isnan(scores["jitter"]) and scores["fdd"] == 0


def test_pooling():
    rows, frames = [{"lve": 1.0, "fdd": 1.0}, {"lve": 4.0, "fdd": 3.0, "ae": math.nan}], [30, 10]
    assert pool(rows, frames, STANDARD)["lve"] == pytest.approx(1.75)
    assert pool(rows, frames, STANDARD)["fdd"] == pytest.approx(2)
    assert pool(rows, frames, SEDTALKER)["lve"] == pytest.approx(2.5)
    assert math.isnan(pool(rows, frames, STANDARD)["ae"])


@pytest.mark.parametrize("late", [-0.04, 0.0, 0.025, 0.1])
def test_timing_of_extrema(late):
    """A whole shift comes back to a millisecond, between frames too."""
    time = np.arange(120) / 30

    def opening(t):
        return np.sin(2 * np.pi * 1.3 * t) + 0.2 * np.sin(2 * np.pi * 2.1 * t)

    shifts, count = extremum_shifts(opening(time), opening(time - late), 30)
    assert count - 2 <= len(shifts) <= count
    assert np.median(shifts) == pytest.approx(late, abs=1e-3)
    scores = lip_scores(opening(time), opening(time - late), 30)
    assert scores["lip_timing_ms"] == pytest.approx(1000 * abs(late), abs=4)


def test_a_still_mouth_matches_nothing():
    scores = lip_scores(np.sin(np.arange(60) / 3), np.zeros(60), 30, np.sin(np.arange(60) / 3))
    assert scores["lip_matched"] == 0 and math.isnan(scores["lip_timing_ms"])
    assert scores["lip_speech_r"] == 0 and scores["lip_speech_r_reference"] == pytest.approx(1)


def test_correlation_does_not_care_for_the_unit():
    """Lips that hardly move, in metres, correlate as well as large ones."""
    x, y = np.sin(np.arange(60) / 3), np.sin(np.arange(60) / 3 + 0.5)
    large = lip_scores(x, y, 30)["lip_r"]
    assert lip_scores(4e-3 * x, 1e-8 * y, 30)["lip_r"] == pytest.approx(large) and 0.8 < large < 0.9
    assert lip_scores(x, np.full(60, 0.1), 30)["lip_r"] == 0


def test_lip_opening_of_a_ring():
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    rest = np.stack([0.03 * np.cos(angle), 0.01 * np.sin(angle), 0 * angle], 1)
    opened = np.stack([rest, rest])
    opened[1, rest[:, 1] < 0, 1] -= 0.008
    found = lip_opening(opened + 0.2, rest + 0.2, np.arange(40))
    assert found == pytest.approx([0, 0.008], abs=1e-6)
    trembling = (opened[:1] + 0.2 + np.linspace(0, 1e-3, 9)[:, None, None]).astype(np.float32)
    assert not lip_opening(trembling, rest + 0.2, np.arange(40)).any()  # all lips alike, but for rounding


def test_lip_opening_follows_the_gap_of_landmarks():
    from sedtalker_cli.face.arkit import ARKIT_INDEX
    from sedtalker_cli.face.head import load_head
    from sedtalker_cli.face.regions import lip_gap

    head = load_head("kofi")
    weights = np.zeros((40, 52), np.float32)
    weights[:, ARKIT_INDEX["jawOpen"]] = 0.3 + 0.3 * np.sin(np.arange(40) / 3)
    weights[:, ARKIT_INDEX["mouthSmileLeft"]] = weights[:, ARKIT_INDEX["mouthSmileRight"]] = np.linspace(0, 0.5, 40)
    vertices = head.vertices(weights)
    found = lip_opening(vertices, head.neutral, head.regions["lips"])
    assert np.corrcoef(found, lip_gap(vertices, head))[0, 1] > 0.99


def test_masks_prefer_the_published_lists():
    flame = {"lips": np.array([1]), "forehead": np.array([2]), "eye_region": np.array([3])}
    assert masks_of(flame, "x").lips.tolist() == [1] and masks_of(flame, "x").upper_face.tolist() == [2, 3]
    masks = masks_of(flame | {"lve": np.array([7]), "fdd": np.array([8])}, "x")
    assert (masks.lips.tolist(), masks.upper_face.tolist(), masks.eyes.tolist()) == ([7], [8], [2, 3])
    assert masks.origin["lips"] == "lve (1 vertices, x)"
    with pytest.raises(InputError, match="no region of lips; put regions/lve"):
        masks_of({"fdd": np.array([8])}, "here")


def test_a_model_needs_only_a_function(tmp_path):
    data = read_talking("emovoca", sets.emovoca(tmp_path / "emo", frames=80))
    asked = []

    def predict(sequence):
        asked.append(sequence.name)
        return sequence.vertices + np.float32(0.001 * sequence.intensity)

    report = evaluate_dataset(data, "test", predict, STANDARD)
    assert len(asked) == 6 and all(name.startswith(sets.TEST) for name in asked)
    assert set(report.emotions) == {"happy", "sad"}
    assert list(report.intensities) == ["happy 0.33", "happy 0.67", "happy 1.00", "sad 0.33", "sad 0.67", "sad 1.00"]
    assert report.intensities["sad 1.00"]["lve"] == pytest.approx(3e-6, rel=1e-3)  # 1 mm along each axis
    assert report.intensities["sad 0.33"]["mve"] == pytest.approx(math.sqrt(3) * 1e-3 / 3, rel=1e-3)
    assert report.overall["still face"]["lve"] > report.overall["prediction"]["lve"]
    assert report.overall["prediction"]["lip_speech_r"] == pytest.approx(
        report.overall["prediction"]["lip_speech_r_reference"]
    )
    json.dumps(report.to_dict(), allow_nan=False)


def _pair(reference, prediction, template=None, fps=30.0):
    template = reference[0] if template is None else template
    return Pair("a", lambda: reference, lambda: prediction, template, fps)


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        (moving(1, 24), r"24 frames predicted, 12 in the reference at 30 a second; .* looks like 60 a second"),
        (moving(1, 12, 150), r"prediction has 150 vertices, the reference 200"),
        (np.full((12, 200, 3), np.nan, np.float32), r"the prediction holds values that are not finite"),
    ],
)
def test_pairs_that_do_not_fit(prediction, words):
    with pytest.raises(InputError, match=words):
        evaluate_pairs([_pair(moving(0), prediction)], MASKS, STANDARD)


def test_predictions_at_25_for_references_at_30():
    """Cut to the shorter, both would be compared at other times; one that ends early is no other rate."""
    long, short = moving(0, 60), moving(1, 50)
    with pytest.raises(
        InputError, match=r"predictions: .* 0\.833 times the frames .* look like 25 a second, bring them to 30"
    ):
        evaluate_pairs([_pair(long, short)] * 3, MASKS, STANDARD)
    report = evaluate_pairs([_pair(long, short), *[_pair(long, long)] * 2], MASKS, STANDARD)
    assert any("cut to the shorter" in note for note in report.notes)


def test_pairs_are_of_one_topology():
    other = moving(0, 12, 150)
    with pytest.raises(InputError, match="x: b has 150 vertices, a 200; score one topology at a time"):
        pairs = [_pair(moving(0), moving(1)), Pair("b", lambda: other, lambda: other, other[0], 30.0)]
        evaluate_pairs(pairs, MASKS, STANDARD, source="x")


def test_authors_masks_need_their_vertices():
    with pytest.raises(InputError, match="name vertices up to 191, the meshes have 100"):
        evaluate_pairs([_pair(moving(0, 5, 100), moving(1, 5, 100))], MASKS, SEDTALKER)


@pytest.fixture
def predicted(tmp_path):
    """VOCASET with predictions of both test sentences, one in two styles, one shorter."""
    names = [
        f"{sets.TRAIN}_sentence01",
        f"{sets.TEST}_sentence21",
        f"{sets.TEST}_sentence22",
        f"{sets.TEST}_sentence23",
    ]
    root = sets.vocaset(tmp_path / "voca", names, frames=80)
    folder = tmp_path / "results"
    folder.mkdir()
    for sequence in read_talking("vocaset", root).of("test")[:2]:
        vertices = sequence.vertices + np.float32(0.001)
        if sequence.sentence == 21:
            for style in (sets.TRAIN, sets.VAL):
                np.save(folder / f"{sequence.name}_condition_{style}.npy", vertices.reshape(len(vertices), -1))
        else:
            np.save(folder / f"{sequence.name}.npy", vertices[:-5])
    return root, folder


def test_command_on_a_dataset(predicted, tmp_path):
    root, folder = predicted
    done = run_cli("evaluate", "animation", "--dataset", f"vocaset={root}", "--predictions", folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"note: {sets.TEST}_sentence23: without a prediction, left out" in done.stderr
    assert "cut to the shorter" in done.stderr and "definitions: standard" in done.stdout
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert len(report["sequences"]) == 3
    assert report["overall"]["prediction"]["lve"] == pytest.approx(3e-6, rel=1e-3)
    assert report["masks"]["lips"].startswith("lips (254 vertices")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "lip openings over time" in page and "largest |x-y|^2 among lip vertices" in page
    other = run_cli(
        *("evaluate", "animation", "--dataset", f"vocaset={root}", "--predictions", folder),
        *("--definitions", "sedtalker", "--json", "--out", tmp_path / "other"),
    )
    content = json.loads(other.stdout)
    assert content["overall"]["prediction"]["lve"] == pytest.approx(math.sqrt(3) * 1e-3, rel=1e-3)
    assert "neither largest nor squared" in content["measures"]["lve"]
    assert "whatever their rate" in (tmp_path / "other" / "report.html").read_text()


def test_command_on_folders(predicted, tmp_path):
    root, folder = predicted
    truth = tmp_path / "truth"
    truth.mkdir()
    name = f"{sets.TEST}_sentence22"
    np.save(truth / f"{name}.npy", np.load(root / "vertices_npy" / f"{name}.npy")[::2])
    command = ("evaluate", "animation", "--reference", truth, "--predictions", folder, "--out", tmp_path / "report")
    more = ("--fps", 30, "--templates", root / "templates.pkl", "--regions", root)
    done = run_cli(*command, *more)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["sequences"][name]["lve"] == pytest.approx(3e-6, rel=1e-3)
    for left_out, words in (
        (0, "has no sidecar"),
        (2, "names no head; give the face at rest with --templates"),
        (4, "no region of lips"),
    ):
        failed = run_cli(*command, "--overwrite", *more[:left_out], *more[left_out + 2 :])
        assert failed.returncode == 1 and words in failed.stderr and failed.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "references come from one side"),
        (("--dataset", "vocaset=x", "--reference", "y"), "references come from one side"),
        (("--dataset", "voca=x"), "should be NAME=PATH with NAME one of vocaset, emovoca, biwi"),
        (("--dataset", "vocaset=x", "--fps", "30"), "--fps belongs to --reference"),
        (("--dataset", "vocaset=x", "--encoder", "y"), "--encoder belongs to --model"),
        (("--dataset", "vocaset=x", "--split", "dev"), "--split 'dev' is none of train, val, test"),
    ],
)
def test_wrong_usage(options, words, tmp_path):
    done = run_cli("evaluate", "animation", "--predictions", tmp_path, *options, cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1


def test_films_need_the_topology(predicted, tmp_path):
    root, folder = predicted
    command = ("evaluate", "animation", "--dataset", f"vocaset={root}", "--predictions", folder, "--films", 1)
    done = run_cli(*command, cwd=tmp_path)
    assert done.returncode == 2 and "motions have 5023 vertices, sedtalker-head has 9983" in done.stderr
    assert not (tmp_path / "report").exists()


def test_films_of_an_earlier_report_do_not_stay_beside_a_new_one(tmp_path, monkeypatch):
    """Those that a report made and nobody changed go; the others are named."""
    from sedtalker_cli.evaluation.animation import films
    from sedtalker_cli.face.head import load_head
    from sedtalker_cli.formats.motion import write_motion
    from tests.commands import call

    monkeypatch.setattr(films, "write_film", lambda *_, audio: _[3].write_text(f"film of {_[3].name}"))
    head = load_head("anna")
    for name in ("a", "b", "c"):
        for folder, shift in (("truth", 0.0), ("same", 0.001)):
            (tmp_path / folder).mkdir(exist_ok=True)
            vertices = np.repeat(head.neutral[None], 5, 0) + np.float32(shift * (1 + ord(name)))
            sidecar = {"fps": 30, "head": head.name, "identity": "anna"}
            write_motion(tmp_path / folder / f"{name}_sentence01.npy", [vertices], vertices.shape, sidecar)
    folder = tmp_path / "report/films"
    command = ("evaluate", "animation", "--out", tmp_path / "report")
    command = (*command, "--reference", tmp_path / "truth", "--predictions", tmp_path / "same")
    call(*command, "--films", 3)
    names = [f"{name}_sentence01.compare.mp4" for name in "abc"]
    assert [path.name for path in sorted(folder.glob("*"))] == [".sedtalker", *names]
    (folder / names[1]).write_text("mine")
    (folder / "old.compare.mp4").write_text("of a version that recorded nothing")
    (folder / "notes.mp4").write_text("not a film of a report")
    result = call(*command, "--films", 1, "--overwrite")
    (kept,) = {names[0], names[2]} & {path.name for path in folder.glob("*")}
    (gone,) = {names[0], names[2]} - {kept}
    assert sorted(result.stderr.splitlines()) == sorted(
        [
            f"wrote {folder}/{kept}",
            f"removed {folder}/{gone}: of an earlier report",
            f"{folder}/{names[1]} is not of this report, and stays",
            f"{folder}/old.compare.mp4 is not of this report, and stays",
        ]
    )
    assert (folder / names[1]).read_text() == "mine" and (folder / "notes.mp4").exists()
    result = call(*command, "--overwrite")  # a report without films has none of an earlier one
    assert f"removed {folder}/{kept}: of an earlier report" in result.stderr
    assert [path.name for path in sorted(folder.glob("*"))][1:] == [names[1], "notes.mp4", "old.compare.mp4"]


def test_motions_of_animate_bring_their_head(tmp_path):
    """Vertex count, face at rest and masks come from the sidecar's head."""
    from sedtalker_cli.face.head import load_head
    from sedtalker_cli.formats.motion import write_motion

    head = load_head("anna")
    weights = np.random.default_rng(0).random((12, 52)).astype(np.float32) * 0.3
    for folder, shift, fps in (("truth", 0.0, 30), ("same", 0.002, 30), ("fast", 0.0, 60)):
        (tmp_path / folder).mkdir()
        vertices = head.vertices(weights) + np.float32(shift)
        sidecar = {"fps": fps, "head": head.name, "identity": "anna"}
        write_motion(tmp_path / folder / "a_sentence01_Sad1_2.npy", [vertices], vertices.shape, sidecar)
    command = ("evaluate", "animation", "--reference", tmp_path / "truth", "--out", tmp_path / "report")
    done = run_cli(*command, "--predictions", tmp_path / "same", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["overall"]["prediction"]["lve"] == pytest.approx(3 * 0.002**2, rel=1e-3)
    assert report["overall"]["prediction"]["lip_r"] == pytest.approx(1)
    assert list(report["intensities"]) == ["sad 0.67"]
    assert report["masks"]["lips"].startswith(f"lips ({len(head.regions['lips'])} vertices")
    done = run_cli(*command, "--predictions", tmp_path / "fast", "--overwrite")
    assert done.returncode == 1 and "has 60 frames a second, the reference 30; animate with --fps 30" in done.stderr
