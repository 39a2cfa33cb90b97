"""A user's head with pictures on it, in films, in the page and in files: the picture shows between the vertices."""

import io
import json
import logging

import numpy as np
import pytest
from PIL import Image

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.face.drawn import drawn_vertices
from sedtalker_cli.face.head import Head
from sedtalker_cli.formats.gltf_surface import CLAMP, MIRROR
from sedtalker_cli.formats.gltf_writing import pack_glb
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.glb import SIDE
from sedtalker_cli.outputs.exports.registry import write_exports
from sedtalker_cli.outputs.page import write_page
from sedtalker_cli.render.geometry import frame_head
from sedtalker_cli.render.heat import plain_head
from sedtalker_cli.render.scene import HeadScene
from sedtalker_cli.render.view import View
from tests.browsers import BROWSERS, EACH
from tests.face.gltf_files import GltfBuilder
from tests.face.meshes import unpack
from tests.face.textured import SQUARES, add_picture, board, plate

PIXELS = 240


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.ERROR, "sedtalker")


def squares_of(picture: np.ndarray, head: Head) -> np.ndarray:
    """Colours (SQUARES, SQUARES, 3) in the middles of the plate's squares as seen in a picture (H, W, 3)."""
    middles = (np.arange(SQUARES) + 0.5) / SQUARES * 0.2 - 0.1
    y, x = np.meshgrid(-middles, middles, indexing="ij")
    points = np.stack([x, y, 0.02 - x * x], -1).reshape(-1, 3)
    height, width = picture.shape[:2]
    column, row = frame_head(head, width / height).project(points, width, height).astype(int).T
    return picture[row, column, :3].astype(int).reshape(SQUARES, SQUARES, 3)


def is_board(squares: np.ndarray) -> bool:
    """Red and blue in turn."""
    red = squares[..., 0] > squares[..., 2] + 60
    blue = squares[..., 2] > squares[..., 0] + 60
    odd = np.indices(red.shape).sum(0) % 2 == 1
    return bool((red == ~odd).all() and (blue == odd).all())


def drawn(head: Head, view: View | None = None, colors: np.ndarray | None = None) -> np.ndarray:
    with HeadScene(head, PIXELS, PIXELS, view or View()) as scene:
        return scene.draw(head.neutral, colors=colors)


def still(head: Head) -> Motion:
    weights = np.zeros((10, 52), np.float32)
    return Motion(head, 30, 10, lambda: head.stream(weights), weights)


@pytest.mark.needs("opengl")
def test_a_film_shows_the_picture_between_the_vertices(tmp_path):
    head = load_custom_head(plate(tmp_path / "me.glb"))
    assert len(head.neutral) == 9  # 36 squares
    assert is_board(squares_of(drawn(head), head))
    for view in (View(shadow=True), View(camera="three-quarter")):
        picture = drawn(head, view).astype(int)
        for one, other in ((0, 2), (2, 0)):
            assert (picture[..., one] > picture[..., other] + 60).mean() > 0.2


@pytest.mark.needs("opengl")
def test_alpha_cuts_out(tmp_path):
    transparent = View(background="transparent")
    head = load_custom_head(plate(tmp_path / "me.glb", alpha=True, alphaMode="MASK"))
    seen = drawn(head, transparent)
    squares = squares_of(np.repeat(seen[..., 3:], 3, 2), head)[..., 0]
    assert np.array_equal(squares > 128, np.indices(squares.shape).sum(0) % 2 == 0)
    # alpha that does not count, and a pane of glass through which everything is seen
    assert is_board(squares_of(drawn(load_custom_head(plate(tmp_path / "solid.glb", alpha=True))), head))
    glass = {"alphaMode": "BLEND", "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0.1]}}
    pane = load_custom_head(plate(tmp_path / "glass.glb", **glass))
    assert not drawn(pane, transparent)[..., 3].any()


@pytest.mark.needs("opengl")
def test_heat_maps_show_errors_not_pictures(tmp_path):
    head = plain_head(load_custom_head(plate(tmp_path / "me.glb")))
    squares = squares_of(drawn(head, colors=np.full((9, 3), (0, 200, 0), np.uint8)), head)
    assert (squares[..., 1] > squares[..., [0, 2]].max(-1) + 60).all()


@pytest.mark.parametrize("browser", EACH)
def test_the_page_shows_the_picture_between_the_vertices(tmp_path, browser):
    pytest.importorskip("websocket")
    names = {"solid": {}, "cut": {"alpha": True, "alphaMode": "MASK"}}
    heads = {name: load_custom_head(plate(tmp_path / f"{name}.glb", **facts)) for name, facts in names.items()}
    seen = {}
    with BROWSERS[browser](tmp_path) as page:
        for name, head in heads.items():
            write_page(tmp_path / f"{name}.html", still(head))
            page.open(tmp_path / f"{name}.html", 480, 560)
            page.settle()
            assert page.said == []
            page.screenshot(tmp_path / f"{name}.png")
            box = page.place("#face")
            picture = np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB"))
            # the canvas, square around its middle as the camera sees it
            side = int(min(box["width"], box["height"]))
            left, top = (int(box[a] + (box[b] - side) / 2) for a, b in (("x", "width"), ("y", "height")))
            seen[name] = squares_of(picture[top : top + side, left : left + side], head)
    assert is_board(seen["solid"])
    red = seen["cut"][..., 0] > seen["cut"][..., 2] + 60
    assert np.array_equal(red, np.indices(red.shape).sum(0) % 2 == 0)


def test_pictures_of_the_page_are_small(tmp_path):
    """4,000 pixels wide in the file, at most `SIDE` in the page's model; a picture of two parts is in it once."""
    build = GltfBuilder()
    picture = add_picture(build, board().resize((4000, 1000)), wrapS=CLAMP, wrapT=MIRROR)
    corners = np.array([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    for k, name in enumerate(("Head", "Body")):
        mesh = build.mesh(name, corners - k * 0.1, faces, 0.1 * corners[None] - 0.02, ["jawOpen"], material=name)
        place = build.accessor(corners[:, :2] * 20)
        build.content["meshes"][mesh]["primitives"][0]["attributes"]["TEXCOORD_0"] = place
        build.content["materials"][k]["pbrMetallicRoughness"] = {"baseColorTexture": {"index": picture}}
        build.node(mesh=mesh, name=name)
    source = build.write(tmp_path / "me.glb")
    head = load_custom_head(source)
    assert head.textures["Head"].image.shape == (512, 2048, 3)  # as films show it
    assert head.textures["Head"].wrap == (CLAMP, MIRROR)
    # a .gltf file of the same content is written anew, with its pictures
    content, body = unpack(source)
    (tmp_path / "me.bin").write_bytes(body)
    content["buffers"][0] |= {"uri": "me.bin"}
    (tmp_path / "me.gltf").write_text(json.dumps(content))
    write_exports(tmp_path / "out", still(load_custom_head(tmp_path / "me.gltf")), ["glb"])
    pygltflib = pytest.importorskip("pygltflib")
    made = pygltflib.GLTF2().load(tmp_path / "out.glb")
    assert len(made.images) == len(made.textures) == 1 and made.images[0].mimeType == "image/jpeg"
    assert (made.samplers[0].wrapS, made.samplers[0].wrapT) == (CLAMP, MIRROR)
    assert [material.pbrMetallicRoughness.baseColorTexture.index for material in made.materials] == [0, 0]
    view = made.bufferViews[made.images[0].bufferView]
    data = made.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (SIDE, SIDE // 4)


def test_places_on_the_picture_are_kept_where_vertices_are_joined(tmp_path):
    """Two halves that meet: one vertex of the head has a place on either side of the seam."""
    build = GltfBuilder()
    x, y = (values.ravel() for values in np.meshgrid([-0.1, 0.0, 0.0, 0.1], [-0.1, 0.1]))
    vertices = np.stack([x, y, np.zeros(8)], 1)
    faces = np.array([[0, 1, 5], [0, 5, 4], [2, 3, 7], [2, 7, 6]])
    across = np.tile([0.0, 0.5, 0.25, 1.0], 2)
    jaw = np.where(y < 0, 0.01, 0.0)[None, :, None] * [0, -1, 0]
    mesh = build.mesh("Head", vertices, faces, jaw, ["jawOpen"], material="a")
    attributes = build.content["meshes"][mesh]["primitives"][0]["attributes"]
    uv = np.stack([across, 0.5 - 5 * y], 1).astype(np.float32)
    attributes["TEXCOORD_0"] = build.accessor(uv)
    tint = np.tile(np.array([[1, 1, 1, 1]], np.float32), (8, 1))
    tint[3] = 0.2140411, 0.2140411, 0.2140411, 1  # 0.5 as sRGB has it
    attributes["COLOR_0"] = build.accessor(tint)
    build.content["materials"][0]["pbrMetallicRoughness"] = {"baseColorTexture": {"index": add_picture(build, board())}}
    build.node(mesh=mesh)
    head = load_custom_head(build.write(tmp_path / "me.glb"))
    assert len(head.neutral) == 6
    shown = drawn_vertices(head)
    assert len(shown.source) == 8
    for file_face, face, own in zip(faces, shown.faces, head.faces, strict=True):
        np.testing.assert_allclose(shown.uv[face], uv[file_face])
        np.testing.assert_allclose(head.neutral[shown.source[face]], vertices[file_face], atol=1e-7)
        assert np.array_equal(shown.source[face], own)
        np.testing.assert_allclose(shown.colors[face, 0], np.where(file_face == 3, 128, 255), atol=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["samplers"][0].update(wrapS=1), "wrapped by 1"),
        (lambda c: c["materials"][0].update(alphaMode="MASK", alphaCutoff=-1), "alphaCutoff is -1"),
        (lambda c: c["meshes"][0]["primitives"][0]["attributes"].update(TEXCOORD_0=0), "TEXCOORD_0 has"),
        (lambda c: c["textures"][0].update(sampler=-1), "no index of samplers"),
    ],
)
def test_damaged_pictures_are_named(tmp_path, change, said):
    content, body = unpack(plate(tmp_path / "me.glb"))
    change(content)
    (tmp_path / "damaged.glb").write_bytes(pack_glb(content, body))
    with pytest.raises(InputError, match=rf"damaged\.glb: is damaged glTF.*{said}"):
        load_custom_head(tmp_path / "damaged.glb")
