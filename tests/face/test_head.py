"""The shipped head: shapes, identities, closures."""

import itertools

import numpy as np
import pytest

from sedtalker_cli.errors import UsageError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.asset import DATA, load_asset
from sedtalker_cli.face.head import Head, load_head
from sedtalker_cli.face.identity import list_identities, local_ranges, parse_identity
from sedtalker_cli.face.regions import eye_distance, lid_gap, lip_gap, lip_opening, lip_width
from sedtalker_cli.face.transfer import lid_margin_gap


def pose(head: Head, **weights: float) -> np.ndarray:
    """Vertices (1, V, 3) of one pose."""
    frame = np.zeros((1, len(ARKIT_NAMES)), np.float32)
    for name, weight in weights.items():
        frame[0, ARKIT_INDEX[name]] = weight
    return head.vertices(frame)


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


@pytest.fixture(scope="module", params=list_identities())
def anyone(request) -> Head:
    return load_head(request.param)


def test_data_file_is_small_and_documented():
    assert DATA.stat().st_size < 1_500_000
    assert "CC0" in (DATA.parent / "PROVENANCE.md").read_text()


def test_names_and_arrays(head):
    assert len(set(ARKIT_NAMES)) == 52 and head.shape_names == ARKIT_NAMES
    assert ARKIT_NAMES[0] == "eyeBlinkLeft" and ARKIT_NAMES[17] == "jawOpen" and ARKIT_NAMES[-1] == "tongueOut"
    count = len(head.neutral)
    assert head.neutral.dtype == head.deltas.dtype == np.float32 and head.faces.dtype == np.int32
    assert head.deltas.shape == (52, count, 3) and head.colors.shape == (count, 3)
    assert np.isfinite(head.neutral).all() and np.isfinite(head.deltas).all()
    assert np.abs(head.deltas).max(axis=(1, 2)).min() > 0.001, "a shape that does nothing"
    assert np.array_equal(np.unique(head.faces), np.arange(count)), "a vertex without a face"


def test_parts_tile_the_faces(head):
    ranges = sorted(head.parts.values())
    assert ranges[0][0] == 0 and ranges[-1][1] == len(head.faces)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(ranges))
    assert {"skin", "lips", "mouth", "eye_left", "eye_right", "teeth_upper", "teeth_lower", "tongue"} <= set(head.parts)


def test_axes_and_size(anyone):
    neutral = anyone.neutral
    eyes = {s: np.unique(anyone.faces[slice(*anyone.parts[f"eye_{s}"])]) for s in ("left", "right")}
    assert neutral[eyes["left"], 0].min() > 0 > neutral[eyes["right"], 0].max()
    assert neutral[anyone.regions["nose"], 2].max() > neutral[:, 2].max() - 1e-6  # the nose's tip is foremost
    assert 0.2 < np.ptp(neutral[:, 1]) < 0.32 and 0.13 < np.ptp(neutral[:, 0]) < 0.25
    assert neutral[anyone.regions["jaw"], 1].mean() < neutral[anyone.regions["lips"], 1].mean() < -0.04
    assert neutral[anyone.regions["brows"], 1].min() > 0.005


def test_neck_edge_is_a_flat_smooth_loop(anyone):
    edge = anyone.neutral[load_asset().neck_loop].astype(float)
    centred = edge - edge.mean(0)
    normal = np.linalg.svd(centred, full_matrices=False)[2][2]
    assert np.abs(centred @ normal).max() < 0.0005
    steps = np.roll(edge, -1, 0) - edge
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    assert (steps * np.roll(steps, -1, 0)).sum(1).min() > 0.5, "a spike in the neck's edge"


def test_zero_weights_are_exactly_neutral(anyone):
    assert np.array_equal(pose(anyone)[0], anyone.neutral)
    assert np.array_equal(anyone.vertices(np.zeros(52)), anyone.neutral)


def test_vertices_are_linear_and_fill_out(head):
    weights = np.random.default_rng(0).uniform(0, 1, (300, 52)).astype(np.float32)
    expected = head.neutral + np.einsum("k,kvi->vi", weights[299], head.deltas)
    out = np.empty((300, *head.neutral.shape), np.float32)
    assert head.vertices(weights, out=out) is out
    np.testing.assert_allclose(out[299], expected, atol=2e-6)
    np.testing.assert_allclose(np.concatenate(list(head.stream(weights, block=128))), out, atol=1e-6)
    with pytest.raises(ValueError, match="52"):
        head.vertices(np.zeros((4, 51)))


def test_left_is_left(head):
    for name in ARKIT_NAMES:
        paired = name.endswith(("Left", "Right")) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
        if paired:
            sign = 1 if name.endswith("Left") else -1
            size = np.linalg.norm(head.deltas[ARKIT_INDEX[name]], axis=1)
            assert sign * (size * head.neutral[:, 0]).sum() > 0, name
    for name, sign in (("jawLeft", 1), ("jawRight", -1), ("mouthLeft", 1), ("mouthRight", -1)):
        assert sign * head.deltas[ARKIT_INDEX[name]][head.regions["lips"], 0].mean() > 0.001, name


def test_jaw_carries_lower_teeth_and_tongue(anyone):
    moved = (pose(anyone, jawOpen=1.0)[0] - anyone.neutral)[:, 1]
    part = {p: np.unique(anyone.faces[slice(*anyone.parts[p])]) for p in ("teeth_upper", "teeth_lower", "tongue")}
    assert moved[part["teeth_lower"]].mean() < -0.01 and moved[part["tongue"]].mean() < -0.01
    assert np.abs(moved[part["teeth_upper"]]).max() < 1e-6


def both_sides(**weights: float) -> dict[str, float]:
    """Names without a side stand for both."""
    return {
        full: value
        for name, value in weights.items()
        for full in ([name] if name in ARKIT_INDEX else [f"{name}Left", f"{name}Right"])
    }


def test_lips_close(anyone):
    """In the units of the lip gap of real captures: 0.003-0.005 at closures, 0.075-0.12 on open vowels."""
    assert -0.006 < lip_opening(anyone)[0] < 0  # at rest they overlap, by a third of a millimetre
    assert lip_gap(pose(anyone), anyone)[0] == 0
    gaps = [lip_gap(pose(anyone, jawOpen=w), anyone)[0] for w in (0.05, 0.2, 0.5, 1.0)]
    assert 0.01 < gaps[0] < 0.03 < 0.06 < gaps[1] < 0.12 < 0.15 < gaps[2] < gaps[3]
    for w in (0.25, 0.5, 1.0):
        assert lip_gap(pose(anyone, jawOpen=w, mouthClose=w), anyone)[0] < 0.003
        half = lip_gap(pose(anyone, jawOpen=w, mouthClose=w / 2), anyone)[0]
        assert half == pytest.approx(lip_gap(pose(anyone, jawOpen=w / 2), anyone)[0], rel=0.05)


@pytest.mark.parametrize("size", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("names", [("mouthPress",), ("mouthRollUpper",), ("mouthRollLower",)], ids="".join)
def test_pressed_and_rolled_lips_are_closed(anyone, names, size):
    """Alone, and over a jaw that mouthClose holds shut; a jaw that opens parts them all the same."""
    pressing = both_sides(**dict.fromkeys(names, size))
    assert lip_gap(pose(anyone, **pressing), anyone)[0] == 0
    assert lip_gap(pose(anyone, jawOpen=0.3, mouthClose=0.3, **pressing), anyone)[0] == 0
    assert lip_gap(pose(anyone, jawOpen=0.4, **pressing), anyone)[0] > 0.05


def test_gap_is_the_distance_of_the_lips_that_nothing_presses(anyone):
    upper, lower = (anyone.regions[f"inner_lips_{lip}"][0] for lip in ("upper", "lower"))
    for weights in ({"jawOpen": 0.3}, {"jawOpen": 0.3, "mouthClose": 0.1}, {"mouthFunnel": 0.4, "jawOpen": 0.1}):
        posed = pose(anyone, **weights)
        distance = np.linalg.norm(posed[0, upper] - posed[0, lower]) / eye_distance(posed, anyone)[0]
        assert lip_gap(posed, anyone)[0] == pytest.approx(distance, rel=0.02)


def test_lip_width_follows_the_corners(anyone):
    rest = lip_width(pose(anyone), anyone)[0]
    assert 0.4 < rest < 0.75
    assert lip_width(pose(anyone, mouthStretchLeft=1, mouthStretchRight=1), anyone)[0] > rest * 1.03
    assert lip_width(pose(anyone, mouthPucker=1), anyone)[0] < rest * 0.9


def test_blink_closes(anyone):
    asset = load_asset()
    for side in ("left", "right"):
        blink = {f"eyeBlink{side.capitalize()}": 1.0}
        assert lid_gap(pose(anyone), anyone, side)[0] > 0.004
        assert lid_margin_gap(asset, pose(anyone, **blink)[0], side).max() < -0.001
        half = {name: 0.5 for name in blink}
        assert lid_gap(pose(anyone, **half), anyone, side)[0] > 0.0005


def test_gaze_turns_the_eyeballs(anyone):
    turns = {"In": (-24, 0), "Out": (24, 0), "Up": (0, 17), "Down": (0, -22)}
    for side, sign in (("left", 1), ("right", -1)):
        ball = np.unique(anyone.faces[slice(*anyone.parts[f"eye_{side}"])])
        rest = anyone.neutral[ball[0]] - anyone.neutral[ball[-1]]
        np.testing.assert_allclose(rest[:2] / rest[2], 0, atol=1e-3)  # straight ahead
        for where, (yaw, pitch) in turns.items():
            posed = pose(anyone, **{f"eyeLook{where}{side.capitalize()}": 1.0})[0]
            gaze = posed[ball[0]] - posed[ball[-1]]
            assert np.degrees(np.arctan2(gaze[0], gaze[2])) == pytest.approx(sign * yaw, abs=0.3)
            assert np.degrees(np.arcsin(gaze[1] / np.linalg.norm(gaze))) == pytest.approx(pitch, abs=0.3)
            assert np.linalg.norm(gaze) == pytest.approx(np.linalg.norm(rest), rel=0.002)


def test_identities_are_distinct_people():
    names = list_identities()
    assert len(names) >= 12 and names[0] == load_head().identity
    shapes = {n: load_head(n).neutral for n in names}
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            assert np.linalg.norm(shapes[a] - shapes[b], axis=1).mean() > 0.001, (a, b)


def test_motion_is_proportioned():
    small, large = load_head("mouth-scale-horiz=-1,sex=0"), load_head("mouth-scale-horiz=1,sex=0")

    def measures(head: Head) -> tuple[float, float]:
        pucker = head.deltas[ARKIT_INDEX["mouthPucker"]][head.regions["mouth_corner_points"], 0]
        return float(np.abs(pucker).sum()), float((lip_width(pose(head), head) * eye_distance(pose(head), head))[0])

    (motion_a, width_a), (motion_b, width_b) = measures(small), measures(large)
    assert width_b > 1.15 * width_a
    assert motion_b > 1.1 * motion_a


def test_seed_is_reproducible_and_varies():
    assert np.array_equal(load_head("7").neutral, load_head("7").neutral)
    assert np.abs(load_head("7").neutral - load_head("8").neutral).max() > 0.001
    for seed in range(6):
        head = load_head(str(seed))
        assert -0.006 < lip_opening(head)[0] < 0
        assert lid_margin_gap(load_asset(), pose(head, eyeBlinkLeft=1.0)[0], "left").max() < 0


def test_key_values():
    person = parse_identity(" Sex=1, age=60, african=1, nose-hump=-0.5 ")
    assert (person.sex, person.age, person.mix.tolist()) == (1.0, 60.0, [1.0, 0.0, 0.0])
    assert person.local == {"nose-hump": -0.5}
    assert np.ptp(load_head("sex=1").neutral[:, 1]) > np.ptp(load_head("sex=0").neutral[:, 1])
    dark, light = (load_head(s).colors.astype(float).mean() for s in ("african=1", "caucasian=1"))
    assert dark < light - 20
    ranges = local_ranges()
    assert ranges["head-oval"] == (0.0, 1.0) and ranges["nose-hump"] == (-1.0, 1.0) and len(ranges) > 80


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("nobody", "robin"),
        ("sex=2", "0..1"),
        ("age=12", "20..80"),
        ("sex=much", "not a number"),
        ("sex=nan", "0..1"),
        ("nose-hmp=0.2", "nose-hump"),
        ("head-oval=-0.5", "0..1"),
        ("african=0,asian=0,caucasian=0", "at least one"),
        ("sex=1,sex=0", "twice"),
        ("sex=1,,age=30", "''"),
        ("-3", "seed"),
    ],
)
def test_wrong_specs_name_the_remedy(spec, says):
    with pytest.raises(UsageError) as caught:
        load_head(spec)
    assert says in str(caught.value) and "\n" not in str(caught.value)


PEOPLE = (*list_identities(), *map(str, range(12)))


def test_neutral_pose_is_kept_through_the_files(tmp_path):
    """A face at rest in NPY, OBJ and glTF is the identity's own, to a hundredth of a millimetre."""
    import trimesh

    from sedtalker_cli.motion.motion import Motion
    from sedtalker_cli.outputs.exports.registry import write_exports

    rest = np.zeros((1, 52), np.float32)
    for person in ("walter", "7"):
        head = load_head(person)
        write_exports(
            tmp_path / person, Motion(head, 30, 1, lambda h=head: h.stream(rest), rest), ("glb", "npy", "obj")
        )
        corners = head.neutral[head.faces.ravel()]
        meshes = trimesh.load(tmp_path / f"{person}.glb").geometry.values()
        obj = trimesh.load(tmp_path / f"{person}.obj/000000.obj", process=False)
        for found in (
            np.load(tmp_path / f"{person}.npy")[0][head.faces.ravel()],
            np.asarray(obj.vertices)[head.faces.ravel()],
            np.concatenate([mesh.vertices[mesh.faces.ravel()] for mesh in meshes]),
        ):
            assert np.linalg.norm(found - corners, axis=1).max() < 1e-5


@pytest.mark.parametrize(
    ("name", "moved", "axis", "parts", "spread"),
    [
        ("mouthPucker", "mouth_corner_points", 0, ("mouth_corner_points",), 0.02),
        ("mouthStretchLeft", "mouth_corner_points", 0, ("mouth_corner_points",), 0.02),
        ("jawOpen", "inner_lips_lower", 1, ("nose", "jaw"), 0.08),
        ("browInnerUp", "brows", 1, ("upper_face",), 0.08),
    ],
)
def test_motion_scales_with_the_face(name, moved, axis, parts, spread):
    """Over many faces the size of a motion is the same share of the part of the face that it moves."""
    shares = []
    for person in PEOPLE:
        head = load_head(person)
        size = np.ptp(head.neutral[np.concatenate([head.regions[part] for part in parts]), axis])
        shares.append(np.abs(head.deltas[ARKIT_INDEX[name]][head.regions[moved], axis]).max() / size)
    assert np.std(shares) < spread * np.mean(shares)
    sizes = [np.ptp(load_head(person).neutral[:, 0]) for person in PEOPLE]
    assert np.std(sizes) > 0.03 * np.mean(sizes)  # they are different faces


@pytest.mark.parametrize(
    ("name", "region", "axis", "least", "most"),
    [
        ("browInnerUp", "brows", 1, 8, 14),
        ("browOuterUpLeft", "brows", 1, 8, 13),
        ("browDownLeft", "brows", 1, -12, -6),
        ("mouthSmileLeft", "mouth_corner_points", 1, 8, 15),
        ("mouthFrownLeft", "mouth_corner_points", 1, -11, -6),
        ("noseSneerLeft", "nose", 1, 3, 7),
        ("eyeWideLeft", "lid_upper_left", 1, 2, 5),
    ],
)
def test_shapes_move_as_far_as_in_people(name, region, axis, least, most):
    """Largest movement [mm] at coefficient 1: brows of people rise and mouth corners move by about a centimetre."""
    head = load_head()
    moved = 1000 * head.deltas[ARKIT_INDEX[name]][head.regions[region], axis]
    assert least < moved[np.abs(moved).argmax()] < most
