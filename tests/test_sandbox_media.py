"""Media of requests: fetched from this machine only, shown and heard if they can be opened, never fatal."""

from __future__ import annotations

import base64
import io
import logging
import math
import socket
import threading
import wave
from array import array
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import pytest
from attrs import evolve
from PIL import Image

from heygen_async.sandbox.plan import Backdrop, Framing, Media, Plan, Scene, Voice, Watermark
from heygen_async.sandbox.render.artist import Artist, Props
from heygen_async.sandbox.render.backdrop import MARGIN
from heygen_async.sandbox.render.fetch import FetchError, fetched, loopback_address
from heygen_async.sandbox.render.fitting import fitted_size
from heygen_async.sandbox.render.footage import Footage
from heygen_async.sandbox.render.library import Library
from heygen_async.sandbox.render.sound import RATE, loudness, seconds_of
from heygen_async.sandbox.render.speech.studio import Studio
from heygen_async.sandbox.render.takes import take_cues, takes_of
from heygen_async.sandbox.render.tasks import perform
from heygen_async.sandbox.scenes import clip_of, picture_of, recorded_scene, silent_scene, spoken_scene
from heygen_async.sandbox.sources import media

BABBLE = Studio({})
WHITE = Backdrop(kind="color", value="#ffffff")
LEFT, RIGHT = (200, 20, 20), (20, 20, 200)


class Handler(BaseHTTPRequestHandler):
    """Serves what the test put into `files`, byte by byte if it is told to be slow."""

    files: dict[str, bytes]
    asked: list[tuple[str, str | None]]

    def do_GET(self):
        self.asked.append((self.path, self.headers["Host"]))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/picture.png")
            self.end_headers()
            return
        body = self.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    files: dict[str, bytes] = {}
    handler = type("OneTest", (Handler,), {"files": files, "asked": []})
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    httpd.url, httpd.files, httpd.asked = f"http://127.0.0.1:{httpd.server_port}", files, handler.asked
    yield httpd
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def picture_bytes(size=(60, 40)) -> bytes:
    """Return a picture with a red left and a blue right half."""
    image = Image.new("RGB", size, LEFT)
    image.paste(RIGHT, (size[0] // 2, 0, *size))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def wav_bytes(seconds=2.0, rate=44_100, channels=2) -> bytes:
    """Return a recording that is loud in its first half and silent in the second."""
    loud = [round(20_000 * math.sin(2 * math.pi * 300 * index / rate)) for index in range(round(seconds / 2 * rate))]
    samples = array("h", [sample for level in loud + [0] * len(loud) for sample in [level] * channels])
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def clip_bytes(*, sound=True, frames=20, fps=10) -> bytes:
    """Return two seconds of film: red, then blue in its second half, with a hum."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "qp": "10"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for number in range(frames):
            colour = LEFT if number < frames // 2 else RIGHT
            container.mux(video.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 48), colour))))
        for start in range(0, frames * RATE // fps if audio else 0, 1024):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            hum = array("f", [0.5 * math.sin(2 * math.pi * 200 * (start + index) / RATE) for index in range(1024)])
            frame.planes[0].update(hum.tobytes())
            frame.pts, frame.sample_rate, frame.time_base = start, RATE, Fraction(1, RATE)
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        if audio:
            container.mux(audio.encode(None))
    return out.getvalue()


@pytest.fixture
def stored(tmp_path):
    """Return a maker of files that media can name."""

    def store(name: str, data: bytes) -> Media:
        (tmp_path / name).write_bytes(data)
        return Media(name=name, path=str(tmp_path / name))

    return store


def plan(*scenes: Scene, **changes) -> Plan:
    return Plan(**{"width": 128, "height": 96, "scenes": scenes, **changes})


def take(scene: Scene, **changes):
    (made,) = takes_of(plan(scene, **changes), BABBLE, Library())
    return made


def test_files_of_this_machine_are_fetched(server):
    """With the host that was named; a name below localhost needs no resolver."""
    server.files["/a"] = b"hello"
    assert fetched(f"{server.url}/a") == b"hello"
    assert fetched(f"http://media.localhost:{server.server_port}/a") == b"hello"
    assert server.asked[1] == ("/a", f"media.localhost:{server.server_port}")


def test_data_urls_hold_their_own_file():
    """As base64; anything else is refused."""
    assert fetched("data:image/png;base64," + base64.b64encode(b"png").decode()) == b"png"
    with pytest.raises(FetchError, match="not base64"):
        fetched("data:image/png;base64,???")
    with pytest.raises(FetchError, match="larger than 1 MB"):
        fetched("data:x;base64," + "A" * 1_500_000, max_bytes=1024 * 1024)


def test_redirects_errors_and_large_files_are_refused(server):
    """A redirect could lead anywhere."""
    server.files["/large"] = bytes(2 * 1024 * 1024)
    with pytest.raises(FetchError, match="HTTP 302"):
        fetched(f"{server.url}/moved")
    with pytest.raises(FetchError, match="HTTP 404"):
        fetched(f"{server.url}/none")
    with pytest.raises(FetchError, match="larger than 1 MB"):
        fetched(f"{server.url}/large", max_bytes=1024 * 1024)
    with pytest.raises(FetchError, match="too slow"):
        fetched(f"{server.url}/large", patience=-1.0)


def test_names_that_lead_elsewhere_are_refused_whatever_they_are_called(monkeypatch):
    """All addresses of a name must be of this machine."""
    answers = {"evil": ["127.0.0.1", "10.0.0.1"], "good": ["::1", "127.0.0.1"]}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *_, **__: [(0, 0, 0, "", (address, 80)) for address in answers[host]]
    )
    assert loopback_address("good") == "127.0.0.1"
    with pytest.raises(FetchError, match="not on this machine"):
        loopback_address("evil")


def test_a_port_where_nobody_answers_is_told_as_such():
    """The reason goes into the log, not to the user's terminal as a traceback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a"
    with pytest.raises(FetchError, match="ConnectError"):
        fetched(url)


def test_a_video_asks_for_each_file_once(server):
    """However many scenes show it."""
    server.files["/picture.png"] = picture_bytes()
    library = Library()
    shown = [library.picture(Media(name="p", url=f"{server.url}/picture.png")) for _ in range(3)]
    assert [picture.size for picture in shown] == [(60, 40)] * 3
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ["picture", "sound", "clip_seconds"])
@pytest.mark.parametrize(
    "data", [b"", b"nonsense", picture_bytes()[:90], wav_bytes()[:20], b"\x00\x00\x00\x18ftypisom"], ids=range(5)
)
def test_broken_media_are_told_in_the_log_and_nothing_else_happens(stored, caplog, kind, data):
    """Empty, foreign or cut files."""
    with caplog.at_level(logging.WARNING):
        assert getattr(Library(), kind)(stored("broken.bin", data)) is None
    assert "a stand-in is used" in caplog.text
    assert "'broken.bin'" in caplog.text


def test_media_of_other_machines_are_not_worth_a_word(caplog):
    """That nothing is fetched is the rule, not a fault."""
    with caplog.at_level(logging.DEBUG):
        assert Library().picture(media("https://example.com/a.png")) is None
    assert caplog.text == ""


def test_a_picture_without_sound_is_no_recording(stored, caplog):
    """And a recording is no clip: the log says what is missing."""
    library = Library()
    assert library.sound(stored("mute.mp4", clip_bytes(sound=False))) is None
    assert library.clip_seconds(stored("voice.wav", wav_bytes())) is None
    assert "it has no sound" in caplog.text
    assert "it has no pictures" in caplog.text


def test_pictures_are_upright_and_keep_their_transparency(stored):
    """Cameras store on their side what they saw upright."""
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 40)).save(out, "JPEG", exif=exif)
    assert Library().picture(stored("side.jpg", out.getvalue())).size == (40, 60)
    out = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(out, "PNG")
    assert Library().picture(stored("clear.png", out.getvalue())).mode == "RGBA"


def test_a_picture_that_is_too_large_to_be_honest_is_not_opened(stored, caplog, monkeypatch):
    """A small file can unpack to gigabytes."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert Library().picture(stored("bomb.png", picture_bytes())) is None
    assert "DecompressionBomb" in caplog.text


@pytest.mark.parametrize(
    ("fit", "size"), [("cover", (135, 90)), ("crop", (135, 90)), ("contain", (120, 80)), ("none", (60, 40))]
)
def test_pictures_fill_the_frame_lie_in_it_or_stay_as_they_are(fit, size):
    """60 x 40 in 120 x 90."""
    assert fitted_size((60, 40), (120, 90), fit) == size


def test_a_picture_is_shown_behind_the_presenter(stored):
    """Filling the frame, or with dark margins."""
    picture = Library().picture(stored("p.png", picture_bytes()))
    corners = {}
    for fit in ("cover", "contain"):
        scene = silent_scene(1, backdrop=Backdrop(kind="image", value="p.png", fit=fit))
        base = Artist(plan(scene), scene, Props(backdrop=picture)).base()
        corners[fit] = [base.getpixel(place) for place in ((1, 48), (126, 48), (1, 94))]
    assert corners == {"cover": [LEFT, RIGHT, LEFT], "contain": [LEFT, RIGHT, MARGIN]}


def test_a_watermark_lies_in_its_corner(stored):
    """Half transparent, twice as large, a little off."""
    mark = Image.new("RGB", (20, 10), (255, 0, 0))
    scene = silent_scene(1, backdrop=WHITE)

    def box(**changes):
        watermark = Watermark(image=Media(name="m"), **changes)
        base = Artist(plan(scene, watermark=watermark), scene, Props(watermark=mark)).base()
        red = base.getchannel("G").point(lambda level: 255 * (level < 200))
        return red.crop((0, 20, 128, 96)).getbbox(), min(base.crop((0, 20, 128, 96)).getchannel("G").tobytes())

    (left, top, right, bottom), darkest = box()
    assert (right - left, bottom - top) == (19, 10)
    assert (right, bottom) == (125, 73)
    assert darkest == 0
    assert box(scale=2)[0][0] == pytest.approx(125 - 38, abs=1)
    assert box(opacity=0.5)[1] == pytest.approx(128, abs=2)
    assert box(corner="bottom_left", offset_x=0.1)[0][0] == pytest.approx(2 + 13, abs=2)


def test_a_recording_gives_the_scene_its_length_and_its_lips(stored):
    """Two seconds: loud, then silent."""
    made = take(recorded_scene(stored("voice.wav", wav_bytes()), backdrop=WHITE, presenter="a"))
    assert (made.frames, made.seconds, list(made.voices)) == (50, 2.0, ["recording"])
    assert len(made.sound) == 2 * RATE
    assert set(made.mouths[2:23]) == {4}
    assert set(made.mouths[28:]) == {0}
    assert [cue.text for cue in made.cues] == ["♪ voice.wav"]


def test_a_recording_that_cannot_be_had_is_babbled_for_its_planned_length():
    """Not silent, and of the length that was announced."""
    made = take(recorded_scene(media("https://example.com/song.mp3"), backdrop=WHITE, presenter="a"))
    assert (made.seconds, list(made.voices)) == (5.0, ["babble"])
    assert max(loudness(made.sound, 4)) > 0.05
    assert max(made.mouths) == 4


def test_volume_makes_the_sound_quieter_and_leaves_the_lips(stored):
    """v3 has such a setting."""
    full = recorded_scene(stored("voice.wav", wav_bytes()), backdrop=WHITE, presenter="a")
    quiet = evolve(full, voice=Voice(volume=0.25))
    usual, soft = take(full), take(quiet)
    assert max(soft.sound) == pytest.approx(max(usual.sound) / 4, rel=0.01)
    assert soft.mouths == usual.mouths


def test_a_clip_scene_lasts_as_long_as_its_clip_and_has_its_sound(stored):
    """Two seconds instead of the planned five; muted if it was asked for."""
    backdrop = clip_of(stored("clip.mp4", clip_bytes()), play_style="full_video")
    made = take(silent_scene(5, backdrop=backdrop, lasts="clip", clip_volume=0.5))
    assert made.seconds == pytest.approx(2.0, abs=0.05)
    assert max(loudness(made.sound, 4)) == pytest.approx(0.25 / 2**0.5, rel=0.1)
    muted = take(silent_scene(5, backdrop=backdrop, lasts="clip"))
    assert max(muted.sound) == 0
    foreign = clip_of(media("https://example.com/c.mp4"), play_style="full_video")
    assert take(silent_scene(5, backdrop=foreign, lasts="clip", clip_volume=1.0)).seconds == 5


RED, BLUE = "red", "blue"


def colours(stored, play_style, times, *, scene_seconds=8.0, data=None, fit="cover") -> list[str]:
    """Return which half of the clip is shown at some times."""
    backdrop = clip_of(stored("clip.mp4", data or clip_bytes(sound=False)), play_style=play_style, fit=fit)
    seen = []
    with Footage(backdrop, Library(), size=(128, 96), clip_seconds=2.0, scene_seconds=scene_seconds) as footage:
        for moment in times:
            light, blueness, redness = (plane.getpixel((plane.width // 2, 2)) for plane in footage.at(moment))
            seen.append("black" if light < 20 else RED if redness > blueness else BLUE)
    return seen


@pytest.mark.parametrize(
    ("play_style", "seen"),
    [
        ("loop", [RED, BLUE, RED, BLUE, RED]),
        ("freeze", [RED, BLUE, BLUE, BLUE, BLUE]),
        ("full_video", [RED, BLUE, BLUE, BLUE, BLUE]),
        ("once", [RED, BLUE, "black", "black", "black"]),
        ("fit_to_scene", [RED, RED, RED, RED, BLUE]),
    ],
)
def test_clips_are_played_as_they_are_asked_to_be(stored, play_style, seen):
    """A clip of two seconds in a scene of eight."""
    assert colours(stored, play_style, [0.5, 1.5, 2.5, 3.5, 4.5]) == seen


def test_a_clip_that_breaks_off_keeps_its_last_picture(stored):
    """What follows the first picture was overwritten with zeros."""
    data = clip_bytes(sound=False)
    start, end = data.index(b"mdat") + 4, data.rindex(b"moov") - 4
    with av.open(io.BytesIO(data)) as clip:
        start += next(clip.demux(video=0)).size
    broken = data[:start] + bytes(end - start) + data[end:]
    assert colours(stored, "freeze", [0.05, 1.5, 1.9], data=broken) == [RED] * 3


def test_small_clips_have_margins_if_they_are_not_to_fill_the_frame(stored):
    """64 x 48 in 128 x 96: nothing to see at the upper edge."""
    assert colours(stored, "loop", [0.5], fit="none") == ["black"]


def test_the_presenter_stands_before_a_running_clip(stored, tmp_path):
    """The whole way: red and blue in the corners, the same presenter in the middle, captions in their own film."""
    data = stored("clip.mp4", clip_bytes())
    scene = spoken_scene("Hello there, hello there.", backdrop=clip_of(data, play_style="loop"), presenter="a")
    asked = plan(evolve(scene, framing=Framing(scale=1.2)), width=192, height=144, captions=True)
    assert perform({"plan": asked.to_json(), "folder": str(tmp_path / "out")}, BABBLE)["error"] is None
    films = []
    for name in ("video.mp4", "captioned.mp4"):
        with av.open(str(tmp_path / "out" / name)) as film:
            films.append([frame.to_image() for frame in film.decode(video=0)])
    plain, captioned = films
    for number, colour in ((5, LEFT), (33, RIGHT)):
        assert all(
            abs(one - other) < 12 for one, other in zip(plain[number].getpixel((188, 4)), colour, strict=True)
        ), number
    neck = plain[5].getpixel((96, 80)), plain[33].getpixel((96, 80))
    assert all(abs(one - other) < 30 for one, other in zip(*neck, strict=True))
    assert plain[5].tobytes() != captioned[5].tobytes()


def test_a_video_of_broken_media_is_made_all_the_same(stored, tmp_path):
    """Picture, clip, recording and watermark: each has a stand-in."""
    broken = stored("broken.bin", b"nonsense")
    scenes = (
        silent_scene(0.4, backdrop=picture_of(broken)),
        silent_scene(0.4, backdrop=clip_of(broken)),
        evolve(recorded_scene(broken, backdrop=WHITE, presenter="a"), seconds=0.4),
    )
    asked = plan(*scenes, watermark=Watermark(image=broken))
    answer = perform({"plan": asked.to_json(), "folder": str(tmp_path / "out")}, BABBLE)
    assert (answer["error"], answer["seconds"]) == (None, 1.2)


def test_a_script_is_said_sentence_by_sentence_with_its_pauses():
    """Captions stand while their sentence is heard; a break is silent and has none."""
    made = take(spoken_scene('One two. Three four.<break time="1s"/> Five six.', backdrop=WHITE, presenter="a"))
    assert [cue.text for cue in made.cues] == ["One two.", "Three four.", "Five six."]
    gaps = [made.cues[1].start - made.cues[0].end, made.cues[2].start - made.cues[1].end]
    assert gaps == pytest.approx([0.2, 1.0], abs=0.01)
    levels = loudness(made.sound, 100)
    for cue in made.cues:
        assert max(levels[round(100 * cue.start) : round(100 * cue.end)]) > 0.1
    assert max(levels[round(100 * made.cues[1].end) + 2 : round(100 * made.cues[2].start) - 2]) < 0.001


def test_captions_of_the_whole_video_are_on_one_clock():
    """The second scene's come after the first one's frames."""
    scenes = [spoken_scene(text, backdrop=WHITE, presenter="a") for text in ("One two three.", "Four five six.")]
    takes = takes_of(plan(*scenes), BABBLE, Library())
    first, second = take_cues(takes)
    assert (first.start, second.start) == (0.0, takes[0].seconds)
    assert sum(len(one.sound) for one in takes) == round(sum(one.seconds for one in takes) * RATE)
    assert seconds_of(takes[0].sound) == pytest.approx(takes[0].seconds, abs=0.001)


def test_nothing_is_longer_than_five_minutes():
    """However slowly the words are said, and however many scenes there are."""
    scenes = [silent_scene(200, backdrop=WHITE), silent_scene(200, backdrop=WHITE), silent_scene(9, backdrop=WHITE)]
    takes = takes_of(plan(*scenes), BABBLE, Library())
    assert [one.seconds for one in takes] == [200, 100]


def test_scenes_of_silence_have_silence():
    """As long as they are, with a closed mouth."""
    made = take(silent_scene(1.5, backdrop=WHITE, presenter="a"))
    assert (made.frames, set(made.mouths), set(made.sound), list(made.voices)) == (38, {0}, {0.0}, [])
