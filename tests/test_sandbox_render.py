"""The rendered files are real: decoded again, looked at pixel by pixel, and marked as what they are."""

from __future__ import annotations

import io
import json

import av
import httpx
import pytest
from PIL import Image

from heygen_async.sandbox import Backdrop, Plan, Sandbox, Scene
from heygen_async.sandbox.render.artist import Artist, wrapped
from heygen_async.sandbox.render.geometry import Box, Geometry
from heygen_async.sandbox.render.look import look_of
from heygen_async.sandbox.render.pen import text_width
from heygen_async.sandbox.render.planes import Patch
from heygen_async.sandbox.render.pose import Pose
from heygen_async.sandbox.render.tasks import perform, serve
from heygen_async.sandbox.script import speak
from heygen_async.sandbox.v2_orders import order_v2
from tests.sandbox_fakes import quick_start

GREEN, NAVY = (0, 128, 0), (26, 43, 60)
BODY = quick_start(
    dimension={"width": 641, "height": 360},
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
def folder(plan, tmp_path_factory):
    """Return the files of one clip, rendered once for all tests."""
    target = tmp_path_factory.mktemp("render") / "clip"
    assert perform({"plan": plan.to_json(), "folder": str(target)}) == {"error": None}
    return target


@pytest.fixture(scope="module")
def frames(folder) -> list[Image.Image]:
    with av.open(str(folder / "video.mp4")) as clip:
        return [frame.to_image() for frame in clip.decode(video=0)]


def test_the_video_is_h264_of_the_right_size_and_length(folder, plan):
    """yuv420p, even size, 25 frames a second, a silent AAC track of the same length."""
    with av.open(str(folder / "video.mp4")) as clip:
        video, audio = clip.streams.video[0], clip.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height, video.frames, float(video.average_rate)) == (640, 360, plan.frames, 25.0)
        assert clip.duration / 1e6 == pytest.approx(plan.seconds, abs=0.001) == 3.6
        assert audio.codec_context.name == "aac"
        assert float(audio.duration * audio.time_base) == pytest.approx(plan.seconds, abs=0.1)
        heard = [memoryview(frame.planes[0]).cast("f")[: frame.samples].tolist() for frame in clip.decode(audio=0)]
        assert max(abs(level) for levels in heard for level in levels) < 1e-4


def test_the_index_comes_first_so_that_browsers_can_start_at_once(folder):
    """`moov` before `mdat`."""
    data = (folder / "video.mp4").read_bytes()
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_metadata_says_what_it_is(folder):
    """Title and comment, in the file itself."""
    with av.open(str(folder / "video.mp4")) as clip:
        assert clip.metadata["title"] == clip.metadata["comment"] == "SANDBOX - not HeyGen"


def test_each_scene_has_its_background_colour_in_the_corners(frames):
    """Green for two seconds, navy for the rest; compared after encoding."""
    for picture, colour in [(frames[0], GREEN), (frames[49], GREEN), (frames[50], NAVY), (frames[-1], NAVY)]:
        for corner in [(637, 2), (2, 357), (637, 357)]:
            assert close_to(picture.getpixel(corner), colour), (corner, picture.getpixel(corner), colour)


def test_every_frame_carries_the_mark(frames):
    """An amber plate with dark letters on it, at the top left of each sampled frame."""
    mark = Geometry.of(640, 360).mark
    for picture in frames[::6]:
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
    pairs = [(frames[number], frames[number + 8]) for number in range(2, 40, 4)]
    assert sum(differs(first, second, geometry.face) > 0 for first, second in pairs) > 5
    assert sum(differs(first, second, geometry.arm) > 0 for first, second in pairs) > 5
    assert all(differs(first, second, still) == 0 for first, second in pairs)


def test_the_script_is_shown_while_it_is_said(frames):
    """White letters on a dark panel; the second scene shows other words than the first."""
    caption = Geometry.of(640, 360).caption
    blank = Image.new("RGB", (640, 360), GREEN)
    assert differs(frames[10], blank, caption) > 500
    assert differs(frames[10], frames[40], caption) == 0
    assert differs(frames[10], frames[60], caption) > 300


def test_the_side_files_are_what_they_say(folder):
    """Captions, a thumbnail, a moving preview."""
    assert "Welcome to the HeyGen API!" in (folder / "captions.srt").read_text()
    assert "Dialogue:" in (folder / "captions.ass").read_text()
    with Image.open(folder / "thumbnail.jpg") as thumbnail, Image.open(folder / "preview.gif") as preview:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (640, 360))
        assert (preview.format, preview.size, preview.n_frames) == ("GIF", (240, 135), 8)


def test_webm_has_a_transparent_background(tmp_path):
    """VP9 with an alpha plane: nothing in the corner, the presenter opaque, the mark there as well."""
    plan = Plan(width=320, height=180, scenes=(scene(seconds=0.4),), alpha=True)
    assert perform({"plan": plan.to_json(), "folder": str(tmp_path / "clip")})["error"] is None
    with av.open(str(tmp_path / "clip" / "video.webm")) as clip:
        stream = clip.streams.video[0]
        assert "webm" in clip.format.name
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
def test_moving_pieces_do_not_overlap(size):
    """Each is pasted on its own, so none may cover another or the mark."""
    geometry = Geometry.of(*size)
    boxes = [geometry.face, geometry.arm, geometry.caption, geometry.mark]
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = (
                one.right <= other.left or other.right <= one.left or one.bottom <= other.top or other.bottom <= one.top
            )
            assert apart, (one, other)


@pytest.mark.parametrize("size", [(128, 128), (4096, 128), (128, 4096)])
def test_odd_shapes_are_drawn_all_the_same(size):
    """Whatever v2 allows: pieces stay inside the frame and have even corners."""
    artist = Artist(Plan(width=size[0], height=size[1], scenes=()), scene())
    assert artist.base().size == size
    for box, piece in artist.pieces(Pose(mouth=4, blink=True, arm=8, wave=0, caption="Hello there.")):
        assert 0 <= box.left <= box.right <= size[0]
        assert 0 <= box.top <= box.bottom <= size[1]
        assert {edge % 2 for edge in (box.left, box.top, box.right, box.bottom)} == {0}
        if 0 not in box.size:
            assert artist.draw(box, piece).size == box.size


@pytest.mark.parametrize("kind", ["image", "video"])
def test_pictures_and_clips_are_drawn_stand_ins(kind):
    """Nothing is fetched; a scene without presenter shows bars that move."""
    artist = Artist(
        Plan(width=320, height=180, scenes=()), scene(backdrop=Backdrop(kind=kind, value="b.png"), presenter=None)
    )
    poses = [Pose(mouth=0, blink=False, arm=0, wave=wave, caption="") for wave in (0, 3)]
    first, second = [dict(artist.pieces(pose)) for pose in poses]
    box = artist.geometry.wave
    assert artist.draw(box, first[box]).tobytes() != artist.draw(box, second[box]).tobytes()
    assert len(artist.base().convert("L").getcolors(256)) > 20


def test_long_captions_break_into_two_lines_of_about_the_same_width():
    """A word without spaces is broken in the middle."""
    text = "and this caption does not fit"
    lines = wrapped(text, 20, 0.6 * text_width(text, 20))
    assert (len(lines), " ".join(lines)) == (2, text)
    assert wrapped("x" * 40, 20, 100) == ["x" * 20, "x" * 20]
    assert wrapped("short", 20, 1000) == ["short"]


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
    tasks = [{"plan": bad, "folder": str(tmp_path / "bad")}, {"plan": good, "folder": str(tmp_path / "good")}]
    answers = io.BytesIO()
    serve(io.BytesIO(b"".join(json.dumps(task).encode() + b"\n" for task in tasks)), answers)
    first, second = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert first["error"].startswith("ValueError")
    assert second["error"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def test_the_quick_start_comes_out_of_the_server_as_a_playable_file():
    """The whole way: request, render process, status, presigned link, decoder."""
    with (
        Sandbox() as sandbox,
        httpx.Client(base_url=sandbox.url, headers={"X-Api-Key": "k"}, trust_env=False) as client,
    ):
        body = quick_start(dimension={"width": 320, "height": 180})
        video_id = client.post("/v2/video/generate", json=body).json()["data"]["video_id"]
        sandbox.wait_rendered()
        data = client.get("/v1/video_status.get", params={"video_id": video_id}).json()["data"]
        assert (data["status"], data["error"]) == ("completed", None)
        payload = httpx.get(data["video_url"], trust_env=False).content
    with av.open(io.BytesIO(payload)) as clip:
        assert clip.duration / 1e6 == pytest.approx(data["duration"], abs=0.001)
        assert sum(1 for _ in clip.decode(video=0)) == 50


@pytest.mark.parametrize("style", ["short", "long", "bun", "curly"])
def test_every_hair_style_is_drawn(style):
    """Four presenters that cannot be taken for one another."""
    presenter = next(name for name in map(str, range(100)) if look_of(name).style == style)
    plan = Plan(width=320, height=180, scenes=())
    bald = Artist(plan, scene(presenter=None)).base()
    assert differs(bald, Artist(plan, scene(presenter=presenter)).base(), Box(100, 20, 220, 120)) > 500
