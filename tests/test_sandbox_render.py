"""The rendered files are real: decoded again, looked at pixel by pixel, and marked as what they are."""

from __future__ import annotations

import io
import json
from array import array

import av
import httpx
import pytest
from PIL import Image

from heygen_async.sandbox import Backdrop, Plan, Sandbox, Scene
from heygen_async.sandbox.plan import Framing, Overlay
from heygen_async.sandbox.render import fonts
from heygen_async.sandbox.render.artist import Artist
from heygen_async.sandbox.render.fonts import font_for
from heygen_async.sandbox.render.geometry import CIRCLE_DROP, CIRCLE_RADIUS, Box, Geometry
from heygen_async.sandbox.render.lettering import wrapped
from heygen_async.sandbox.render.lips import TEETH
from heygen_async.sandbox.render.look import look_of
from heygen_async.sandbox.render.pen import text_width
from heygen_async.sandbox.render.planes import Patch
from heygen_async.sandbox.render.pose import Pose
from heygen_async.sandbox.render.sound import loudness
from heygen_async.sandbox.render.speech.studio import Studio
from heygen_async.sandbox.render.tasks import perform, serve
from heygen_async.sandbox.script import speak
from heygen_async.sandbox.v2_orders import order_v2
from tests.sandbox_fakes import quick_start

GREEN, NAVY = (0, 128, 0), (26, 43, 60)
BODY = quick_start(
    dimension={"width": 641, "height": 360},
    caption=True,
    video_inputs=[
        quick_start()["video_inputs"][0],
        {
            "character": {"type": "talking_photo", "talking_photo_id": "Ada"},
            "voice": {"type": "text", "input_text": "Żółć, Ελλάδα и €uro.", "voice_id": "v"},
            "background": {"type": "color", "value": "#1a2b3c"},
        },
    ],
)


def scene(**changes) -> Scene:
    speech = speak("Hello there.")
    values = {"seconds": 1.0, "presenter": "a", "utterances": speech.utterances}
    return Scene(**{"backdrop": Backdrop(kind="color", value="#ffffff"), **values, **changes})


BABBLE = Studio({})
"""Without real voices lengths are the same everywhere."""


def close_to(pixel, colour, *, by: int = 6) -> bool:
    return all(abs(one - other) <= by for one, other in zip(pixel, colour, strict=True))


def differs(first: Image.Image, second: Image.Image, box: Box) -> int:
    """Count the pixels of a box that clearly differ between two pictures."""
    crops = [
        picture.crop((box.left, box.top, box.right, box.bottom)).convert("L").tobytes() for picture in (first, second)
    ]
    return sum(abs(one - other) > 24 for one, other in zip(*crops, strict=True))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return order_v2(BODY).plan


@pytest.fixture(scope="module")
def made(plan, tmp_path_factory):
    """Return what was answered for one clip, rendered once for all tests, and its folder."""
    target = tmp_path_factory.mktemp("render") / "clip"
    return perform({"plan": plan.to_json(), "folder": str(target)}, BABBLE), target


@pytest.fixture(scope="module")
def folder(made):
    return made[1]


@pytest.fixture(scope="module")
def seconds(made) -> float:
    return made[0]["seconds"]


def frames_of(path) -> list[Image.Image]:
    with av.open(str(path)) as clip:
        return [frame.to_image() for frame in clip.decode(video=0)]


@pytest.fixture(scope="module")
def frames(folder) -> list[Image.Image]:
    return frames_of(folder / "video.mp4")


@pytest.fixture(scope="module")
def captioned(folder) -> list[Image.Image]:
    return frames_of(folder / "captioned.mp4")


@pytest.fixture(scope="module")
def second(folder) -> int:
    """Return the first frame of the second scene: where its caption begins."""
    minutes, rest = (folder / "captions.srt").read_text().split("\n")[5].split(" --> ")[0].split(":")[1:]
    return round((60 * int(minutes) + float(rest.replace(",", "."))) * 25)


def test_the_answer_tells_true_length_and_voice(made, plan):
    """Spoken words take as long as they take, which is not what the plan said."""
    answer, _ = made
    assert answer["error"] is None
    assert answer["voice"] == "babble"
    assert 3 < answer["seconds"] < 8
    assert answer["seconds"] != plan.seconds


@pytest.mark.parametrize("name", ["video.mp4", "captioned.mp4"])
def test_the_video_is_h264_of_the_right_size_and_length(folder, seconds, name):
    """yuv420p, even size, 25 frames a second, an AAC track of the same length."""
    with av.open(str(folder / name)) as clip:
        video, audio = clip.streams.video[0], clip.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height, float(video.average_rate)) == (640, 360, 25.0)
        assert video.frames == round(25 * seconds)
        assert float(video.duration * video.time_base) == pytest.approx(seconds, abs=0.001)
        assert clip.duration / 1e6 == pytest.approx(seconds, abs=0.05)
        assert (audio.codec_context.name, audio.codec_context.sample_rate) == ("aac", 24_000)
        assert float(audio.duration * audio.time_base) == pytest.approx(seconds, abs=0.05)


def heard(path, per_second: int = 25) -> list[float]:
    """Return the loudness of each frame."""
    sound = array("f")
    with av.open(str(path)) as clip:
        for frame in clip.decode(audio=0):
            sound.frombytes(bytes(frame.planes[0])[: 4 * frame.samples])
    return loudness(sound, per_second)


def test_the_words_are_heard_and_the_pauses_are_silent(folder, second):
    """Loud where a caption stands, quiet between the scenes."""
    levels = heard(folder / "video.mp4")
    assert sum(level > 0.05 for level in levels[: second - 8]) > 0.6 * (second - 8)
    assert max(levels[second - 4 : second - 1]) < 0.02
    assert max(levels[second : second + 10]) > 0.1


def test_the_lips_move_with_the_sound(frames, folder, second):
    """The mouth is another than the closed one where it is loud, and closed again at the end of the scene."""
    face = Geometry.of(640, 360).face
    levels = heard(folder / "video.mp4")
    closed = frames[second - 2]
    loud = [number for number in range(second - 2) if levels[number] > 0.15]
    assert len(loud) > 10
    assert sum(differs(frames[number], closed, face) > 0 for number in loud) > 0.9 * len(loud)
    assert differs(frames[second - 3], closed, face) == 0


def test_the_index_comes_first_so_that_browsers_can_start_at_once(folder):
    """`moov` before `mdat`."""
    data = (folder / "video.mp4").read_bytes()
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_metadata_says_what_it_is(folder):
    """Title and comment, in the files themselves."""
    for name in ("video.mp4", "captioned.mp4"):
        with av.open(str(folder / name)) as clip:
            assert clip.metadata["title"] == clip.metadata["comment"] == "SANDBOX - not HeyGen"


def test_each_scene_has_its_background_colour_in_the_corners(frames, second):
    """Green first, navy after; compared after encoding."""
    for number, colour in [(0, GREEN), (second - 2, GREEN), (second + 1, NAVY), (-1, NAVY)]:
        for corner in [(637, 2), (2, 357), (637, 357)]:
            seen = frames[number].getpixel(corner)
            assert close_to(seen, colour), (number, corner, seen, colour)


def test_every_frame_carries_the_mark(frames, captioned):
    """An amber plate with dark letters on it, at the top left of each sampled frame."""
    mark = Geometry.of(640, 360).mark
    for picture in frames[::6] + captioned[::6]:
        plate = picture.crop((mark.left, mark.top, mark.right, mark.bottom))
        pixels = list(zip(*[iter(plate.tobytes())] * 3, strict=True))
        amber = sum(close_to(pixel, (255, 184, 28), by=40) for pixel in pixels) / len(pixels)
        dark = sum(max(pixel) < 100 for pixel in pixels) / len(pixels)
        assert amber > 0.5
        assert dark > 0.08


def test_the_presenter_moves_and_the_rest_stands_still(frames):
    """Face and arm change within a scene; the corner does not."""
    geometry = Geometry.of(640, 360)
    still = Box(500, 20, 620, 100)
    pairs = [(frames[number], frames[number + 7]) for number in range(2, 30, 3)]
    assert sum(differs(first, second, geometry.face) > 0 for first, second in pairs) > 5
    assert sum(differs(first, second, geometry.arm) > 0 for first, second in pairs) > 5
    assert all(differs(first, second, still) == 0 for first, second in pairs)


def test_only_the_captioned_film_shows_the_script(frames, captioned, second):
    """White letters on a dark panel while something is said; the plain film is the same picture without them."""
    caption = Geometry.of(640, 360).caption
    assert differs(captioned[10], frames[10], caption) > 500
    assert differs(captioned[10], captioned[second + 10], caption) > 300
    assert differs(captioned[second - 2], frames[second - 2], caption) < 20
    assert differs(captioned[10], frames[10], Box(0, 0, 640, caption.top - 16)) < 60


def test_the_side_files_are_what_they_say(folder):
    """Captions, a thumbnail, a moving preview."""
    assert "Welcome to the HeyGen API!" in (folder / "captions.srt").read_text()
    assert "Dialogue:" in (folder / "captions.ass").read_text()
    with Image.open(folder / "thumbnail.jpg") as thumbnail, Image.open(folder / "preview.gif") as preview:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (640, 360))
        assert (preview.format, preview.size) == ("GIF", (320, 180))
        assert 8 < preview.n_frames <= 14  # frames that look alike are stored as one


def test_webm_has_a_transparent_background(tmp_path):
    """VP9 with an alpha plane: nothing in the corner, the presenter opaque, the mark there as well."""
    plan = Plan(width=320, height=180, scenes=(scene(seconds=0.4),), alpha=True)
    assert perform({"plan": plan.to_json(), "folder": str(tmp_path / "clip")}, BABBLE)["error"] is None
    with av.open(str(tmp_path / "clip" / "video.webm")) as clip:
        stream = clip.streams.video[0]
        assert "webm" in clip.format.name
        assert clip.streams.audio[0].codec_context.name == "opus"
        assert (stream.codec_context.name, stream.metadata["alpha_mode"]) == ("vp9", "1")
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        frame = next(frame for packet in clip.demux(stream) for frame in decoder.decode(packet))
    plane = frame.planes[3]
    alpha = bytes(plane)
    assert frame.format.name == "yuva420p"
    assert alpha[2 * plane.line_size + 316] < 8
    assert alpha[170 * plane.line_size + 160] > 247
    mark = Geometry.of(320, 180).mark
    assert alpha[(mark.top + 3) * plane.line_size + (mark.left + mark.right) // 2] > 247


@pytest.mark.parametrize(
    "size", [(1280, 720), (720, 1280), (720, 720), (720, 900), (3840, 2160), (640, 360), (426, 240)]
)
@pytest.mark.parametrize("style", ["normal", "circle", "closeUp"])
def test_the_face_is_in_the_frame_and_free_of_mark_and_captions(size, style):
    """In every shape and style, as long as nothing is scaled or moved."""
    geometry = Geometry.of(*size, Framing(style=style))
    face = geometry.face
    assert face.size[0] == pytest.approx(1.4 * geometry.unit, abs=5)
    assert face.size[1] == pytest.approx(1.24 * geometry.unit, abs=5)
    assert not face.meets(geometry.mark)
    assert not face.meets(geometry.caption)


ALL_AT_ONCE = Pose(mouth=4, blink=True, arm=8, wave=0, caption="Hello there.")


@pytest.mark.parametrize("size", [(128, 128), (4096, 128), (128, 4096)])
@pytest.mark.parametrize("framing", [Framing(), Framing(style="circle"), Framing(scale=5, offset_x=2, offset_y=-3)])
def test_odd_shapes_are_drawn_all_the_same(size, framing):
    """Whatever v2 allows: pieces stay inside the frame and have even corners."""
    artist = Artist(Plan(width=size[0], height=size[1], scenes=()), scene(framing=framing))
    assert artist.base().size == size
    for piece in artist.pieces(ALL_AT_ONCE, captions=True):
        box = piece.box
        assert 0 <= box.left <= box.right <= size[0]
        assert 0 <= box.top <= box.bottom <= size[1]
        assert {edge % 2 for edge in (box.left, box.top, box.right, box.bottom)} == {0}
        if not box.is_empty:
            assert artist.draw(piece, ALL_AT_ONCE, captions=True).size == box.size


def painted(artist: Artist, pose: Pose, *, captions: bool = False) -> Image.Image:
    """Return a whole picture, put together from its pieces."""
    picture = artist.base()
    for piece in artist.pieces(pose, captions=captions):
        picture.paste(artist.draw(piece, pose, captions=captions), (piece.box.left, piece.box.top))
    return picture


SMALL = Plan(width=320, height=180, scenes=())


def test_pieces_that_overlap_show_one_another():
    """A face that was moved into the captions: either piece redraws what both share."""
    artist = Artist(SMALL, scene(framing=Framing(scale=1.5, offset_y=0.45)))
    assert artist.geometry.face.meets(artist.geometry.caption)
    closed, opened = (Pose(mouth=mouth, blink=False, arm=4, wave=0, caption="Hello.") for mouth in (0, 4))
    first, second = ([*artist.pieces(pose, captions=True)] for pose in (closed, opened))
    assert sum(one != other for one, other in zip(first, second, strict=True)) >= 2
    backwards = artist.base()
    for piece in reversed(second):
        backwards.paste(artist.draw(piece, opened, captions=True), (piece.box.left, piece.box.top))
    assert backwards.tobytes() == painted(artist, opened, captions=True).tobytes()


def test_the_mark_is_on_top_of_whatever_is_moved_there():
    """A presenter in the upper left corner does not cover it."""
    framed = scene(framing=Framing(scale=2, offset_x=-0.4, offset_y=-0.2))
    pictures = [painted(Artist(SMALL, one), ALL_AT_ONCE) for one in (framed, scene(presenter=None))]
    mark = Geometry.of(320, 180).mark
    inside = Box(mark.left + 4, mark.top + 4, mark.right - 4, mark.bottom - 4)
    assert differs(*pictures, inside) == 0
    assert differs(*pictures, Box(0, mark.bottom + 4, 160, 180)) > 500


def skin_box(framing: Framing) -> tuple[int, int, int, int]:
    """Return where a presenter in front of white is seen, below the mark."""
    picture = Artist(SMALL, scene(framing=framing)).base().convert("L").point(lambda level: 255 * (level < 245))
    return picture.crop((0, 24, 320, 180)).getbbox()


def test_scale_and_offset_move_the_presenter():
    """Half the size is half as wide; a tenth to the right is 32 pixels."""
    usual, small, moved = skin_box(Framing()), skin_box(Framing(scale=0.5)), skin_box(Framing(offset_x=0.1))
    assert small[2] - small[0] == pytest.approx((usual[2] - usual[0]) / 2, abs=3)
    assert [moved[0] - usual[0], moved[2] - usual[2]] == pytest.approx([32, 32], abs=2)
    assert moved[1] == usual[1]


def test_close_ups_are_larger_and_circles_are_round():
    """The circle has its own colour inside and the backdrop outside."""
    usual, close = (Geometry.of(320, 180, Framing(style=style)) for style in ("normal", "closeUp"))
    assert close.unit > 1.5 * usual.unit
    framing = Framing(style="circle", circle_color="#00ff00")
    picture, geometry = Artist(SMALL, scene(framing=framing)).base(), Geometry.of(320, 180, framing)
    middle = round(geometry.head_y + CIRCLE_DROP * geometry.unit)
    left, right = (round(geometry.head_x + side * CIRCLE_RADIUS * geometry.unit) for side in (-1, 1))
    assert [picture.getpixel((x, middle)) for x in (left + 3, right - 3)] == [(0, 255, 0)] * 2
    assert [picture.getpixel((x, middle)) for x in (left - 3, right + 3)] == [(255, 255, 255)] * 2
    assert picture.getpixel((left + 3, middle + 40)) == (255, 255, 255)


def test_mouths_do_not_look_alike():
    """Closed, four widths, and teeth."""
    artist = Artist(SMALL, scene())
    seen = {
        painted(artist, Pose(mouth=mouth, blink=False, arm=4, wave=0, caption="")).tobytes()
        for mouth in range(TEETH + 1)
    }
    assert len(seen) == 6


def test_overlays_are_written_where_they_are_asked_for():
    """In their colour; at the place of the mark they move below it."""
    plain = Artist(SMALL, scene(presenter=None)).base()
    lower = Overlay(text="Hello World", x=160, y=120, size=20, color="#ff0000", width=150)
    picture = Artist(SMALL, scene(presenter=None, overlay=lower)).base()
    assert differs(picture, plain, Box(160, 118, 310, 150)) > 100
    assert differs(picture, plain, Box(0, 0, 320, 110)) == 0
    wrapped_text = Overlay(text="Hello World", x=160, y=120, size=20, color="#ff0000", width=80)
    two_lines = Artist(SMALL, scene(presenter=None, overlay=wrapped_text)).base()
    assert differs(two_lines, plain, Box(160, 146, 310, 170)) > 50
    corner = Artist(SMALL, scene(presenter=None, overlay=Overlay(text="Hello", color="#ff0000", size=20))).base()
    mark = Geometry.of(320, 180).mark
    assert differs(corner, plain, Box(mark.left, mark.top, mark.right, mark.bottom)) == 0
    assert differs(corner, plain, Box(0, mark.bottom, 100, mark.bottom + 34)) > 50


@pytest.mark.parametrize("kind", ["image", "video"])
def test_pictures_and_clips_that_cannot_be_opened_are_drawn_stand_ins(kind):
    """With a label; a scene without presenter shows bars that move with the voice."""
    artist = Artist(SMALL, scene(backdrop=Backdrop(kind=kind, value="b.png"), presenter=None))
    poses = [Pose(mouth=mouth, blink=False, arm=0, wave=mouth, caption="") for mouth in (0, 3)]
    assert painted(artist, poses[0]).tobytes() != painted(artist, poses[1]).tobytes()
    assert len(artist.base().convert("L").getcolors(256)) > 20
    other = Artist(SMALL, scene(backdrop=Backdrop(kind=kind, value="c.png"), presenter=None))
    assert artist.base().tobytes() != other.base().tobytes()


def test_long_captions_break_into_two_lines_of_about_the_same_width():
    """A word without spaces is broken in the middle."""
    text = "and this caption does not fit"
    lines = wrapped(text, 20, 0.6 * text_width(text, 20))
    assert (len(lines), " ".join(lines)) == (2, text)
    assert wrapped("x" * 40, 20, 100) == ["x" * 20, "x" * 20]
    assert wrapped("short", 20, 1000) == ["short"]


def test_the_shipped_font_writes_most_of_europe_and_the_systems_the_far_east(monkeypatch):
    """Each letter has a shape of its own, not the box of a missing one; without a system font nothing breaks."""
    missing = font_for("a", 20).getmask("\U0010fffd").getbbox(), bytes(font_for("a", 20).getmask("\U0010fffd"))
    for letter in "éñßœÿ€–„ŁžőĞŞąěΩλЖящ":
        mask = font_for(letter, 20).getmask(letter)
        assert (mask.getbbox(), bytes(mask)) != missing, letter
    font_for("世", 20).getmask("世")
    fonts._east_asian.cache_clear()
    monkeypatch.setattr(fonts, "_OF_SYSTEMS", ("surely-not-a-font.ttc", str(fonts._SHIPPED)))
    assert font_for("世", 20).path == str(fonts._SHIPPED)
    fonts._east_asian.cache_clear()
    monkeypatch.setattr(fonts, "_OF_SYSTEMS", ())
    assert font_for("世", 20).path == str(fonts._SHIPPED)
    fonts._east_asian.cache_clear()


def test_patches_change_their_box_and_nothing_else():
    """A red square on black, on the planes of one frame."""
    frame = av.VideoFrame(64, 48, "yuv420p")
    Patch.of(Image.new("RGB", (64, 48)), Box(0, 0, 64, 48)).paste(frame)
    Patch.of(Image.new("RGB", (10, 6), (255, 0, 0)), Box(20, 10, 30, 16)).paste(frame)
    picture = frame.to_image()
    red = [(x, y) for y in range(48) for x in range(64) if picture.getpixel((x, y))[0] > 128]
    assert (min(red), max(red), len(red)) == ((20, 10), (29, 15), 60)


def test_a_plan_that_cannot_be_drawn_fails_and_leaves_nothing(tmp_path):
    """The worker answers with the reason and takes the next task."""
    bad = Plan(width=64, height=64, scenes=(scene(backdrop=Backdrop(kind="color", value="nonsense")),)).to_json()
    good = Plan(width=64, height=64, scenes=(scene(seconds=0.2),)).to_json()
    tasks: list[dict] = [
        {"warm": True},
        {"plan": bad, "folder": str(tmp_path / "bad")},
        {"plan": good, "folder": str(tmp_path / "good")},
    ]
    answers = io.BytesIO()
    serve(io.BytesIO(b"".join(json.dumps(task).encode() + b"\n" for task in tasks)), answers, BABBLE)
    warmed, first, second = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert warmed == {"error": None}
    assert first["error"].startswith("ValueError")
    assert (second["error"], second["seconds"]) == (None, 0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def test_the_quick_start_comes_out_of_the_server_as_a_playable_file():
    """The whole way: request, render process, status with the true length, presigned links, decoder, voice."""
    with (
        Sandbox() as sandbox,
        httpx.Client(base_url=sandbox.url, headers={"X-Api-Key": "k"}, trust_env=False) as client,
    ):
        body = quick_start(dimension={"width": 320, "height": 180}, caption=True)
        video_id = client.post("/v2/video/generate", json=body).json()["data"]["video_id"]
        sandbox.wait_rendered()
        data = client.get("/v1/video_status.get", params={"video_id": video_id}).json()["data"]
        assert (data["status"], data["error"]) == ("completed", None)
        plain = httpx.get(data["video_url"], trust_env=False)
        captioned = httpx.get(data["video_url_caption"], trust_env=False)
        assert sandbox.jobs[video_id].duration == data["duration"]
    assert plain.headers["x-sandbox-voice"] in {"hibari", "espeak", "babble"}
    assert plain.content != captioned.content
    for answer in (plain, captioned):
        with av.open(io.BytesIO(answer.content)) as clip:
            assert sum(1 for _ in clip.decode(video=0)) == round(25 * data["duration"])


@pytest.mark.parametrize("style", ["short", "long", "bun", "curly"])
def test_every_hair_style_is_drawn(style):
    """Four presenters that cannot be taken for one another."""
    presenter = next(name for name in map(str, range(100)) if look_of(name).style == style)
    plan = Plan(width=320, height=180, scenes=())
    bald = Artist(plan, scene(presenter=None)).base()
    assert differs(bald, Artist(plan, scene(presenter=presenter)).base(), Box(100, 20, 220, 120)) > 500
