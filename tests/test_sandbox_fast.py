"""Fast mode: valid files of exact length and size without an encoder, made on demand, as large as wanted."""

from __future__ import annotations

import io
import logging
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from fractions import Fraction

import httpx
import pytest
from attrs import evolve

from heygen_async import AsyncHeyGen, AvatarVideo, PollPolicy
from heygen_async.sandbox import Plan, Sandbox
from heygen_async.sandbox.fast import SMALLEST, FastRenderer, Padding
from heygen_async.sandbox.modes import chosen_mode
from heygen_async.sandbox.plan import Backdrop, Scene
from heygen_async.sandbox.render.timeline import plan_cues, srt
from heygen_async.sandbox.scenes import spoken_scene
from heygen_async.sandbox.still.card import card
from heygen_async.sandbox.still.h264 import DARK, LIGHT, encode
from heygen_async.sandbox.still.mp4 import mp4
from heygen_async.sandbox.still.padding import pad, pattern
from heygen_async.sandbox.still.pictures import _lzw, _sub_blocks, gif, jpeg
from heygen_async.sandbox.still.webm import shape_of, webm
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process

BLACK = Backdrop(kind="color", value="#000000")
POLLING = PollPolicy(first_after=0, growth=1, max_interval=0.01, jitter=0)
NOT_LOADED = ("av", "PIL", "numpy")

# Width, height, frames, frames a second: landscape, portrait, square, odd blocks, tiny, one frame, many groups.
CLIPS = [
    (1280, 720, 60, 25),
    (1080, 1920, 20, 25),
    (1080, 1080, 1, 25),
    (426, 240, 333, 60),
    (130, 98, 13, 12),
    (64, 64, 251, 1),
    (3840, 2160, 3, 30),
]


def boxes(data: bytes) -> list[tuple[str, int, int]]:
    """Return name, start and size of the boxes of an MP4's first level."""
    found, position = [], 0
    while position < len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
        found.append((name.decode(), position, size))
        position += size
    return found


def plan(width: int = 1280, height: int = 720, *, alpha: bool = False, text: str = "One two three four five.") -> Plan:
    scene = spoken_scene(text, backdrop=BLACK, presenter="anyone")
    return Plan(width=width, height=height, scenes=(scene,), alpha=alpha)


@pytest.fixture
def renderer():
    renderer = FastRenderer()
    yield renderer
    renderer.close()


@pytest.fixture(params=[False, True], ids=["mp4", "webm"])
def video_path(request, tmp_path):
    """Return a video of fast mode on disk."""
    path = tmp_path / ("video.webm" if request.param else "video.mp4")
    make = webm if request.param else mp4
    path.write_bytes(make(width=640, height=360, frames=50, fps=25))
    return path


class TestMp4:
    @pytest.mark.parametrize("clip", CLIPS, ids=str)
    def test_a_decoder_finds_exactly_what_was_asked_for(self, clip):
        """Size, number of pictures, length; the sound is silence and covers the video."""
        av = pytest.importorskip("av")
        width, height, frames, fps = clip
        data = mp4(width=width, height=height, frames=frames, fps=fps)
        with av.open(io.BytesIO(data)) as file:
            video, audio = file.streams.video[0], file.streams.audio[0]
            assert (video.width, video.height, video.average_rate) == (width, height, fps)
            assert video.duration * video.time_base == pytest.approx(frames / fps, abs=1e-9)
            assert audio.duration * audio.time_base == pytest.approx(frames / fps, abs=1 / 24_000)
            pictures = list(file.decode(video))
        assert len(pictures) == frames
        assert [picture.pts * picture.time_base for picture in pictures] == [
            Fraction(number, fps) for number in range(frames)
        ]
        with av.open(io.BytesIO(data)) as file:
            sound = list(file.decode(audio=0))
        assert {bytes(frame.planes[0]).strip(b"\x00") for frame in sound} == {b""}
        assert sum(frame.samples for frame in sound) >= frames * 24_000 // fps

    @pytest.mark.parametrize("clip", CLIPS, ids=str)
    def test_every_picture_is_the_card_in_two_greys(self, clip):
        """Across the borders of the groups too: the first picture, the last, and all in between are equal."""
        av = pytest.importorskip("av")
        width, height, frames, fps = clip
        with av.open(io.BytesIO(mp4(width=width, height=height, frames=frames, fps=fps))) as file:
            lines = {
                tuple(bytes(picture.planes[0])[y * picture.planes[0].line_size :][:width] for y in range(0, height, 16))
                for picture in file.decode(video=0)
            }
        (seen,) = lines
        grid = card(-(-width // 16), -(-height // 16))
        expected = [b"".join(bytes([LIGHT if cell else DARK]) * 16 for cell in row)[:width] for row in grid]
        assert list(seen) == expected

    def test_the_decoder_has_nothing_to_complain_about(self, tmp_path, caplog):
        """Not even as a warning."""
        av = pytest.importorskip("av")
        av.logging.set_level(av.logging.WARNING)
        try:
            with (
                caplog.at_level(logging.WARNING),
                av.open(io.BytesIO(mp4(width=640, height=360, frames=99, fps=25))) as file,
            ):
                assert sum(1 for _ in file.decode(video=0)) == 99
        finally:
            av.logging.set_level(None)
        assert caplog.records == []

    def test_the_index_comes_first(self):
        """A player can start before the file is there."""
        data = mp4(width=1280, height=720, frames=100, fps=25)
        names = [name for name, _, _ in boxes(data)]
        assert names == ["ftyp", "moov", "mdat"]
        assert sum(size for _, _, size in boxes(data)) == len(data)

    def test_a_long_video_is_small(self):
        """Ten minutes are a table of numbers."""
        assert len(mp4(width=1280, height=720, frames=15_000, fps=25)) < 100_000

    def test_it_says_what_it_is(self):
        """In the picture and in the metadata."""
        assert b"SANDBOX - not HeyGen" in mp4(width=64, height=64, frames=1, fps=25)

    def test_neighbouring_key_frames_differ_in_their_id_only(self):
        """As the standard demands; the repeats are the same."""
        first, second = encode(640, 360, 25).groups
        assert first[0] != second[0]
        assert len(first[0]) == len(second[0])
        assert first[1:] == second[1:]
        assert len(first) == 50


class TestCard:
    @pytest.mark.parametrize(("columns", "rows"), [(80, 45), (45, 80), (68, 68), (27, 15), (11, 31), (240, 135)])
    def test_the_word_is_complete(self, columns, rows):
        """Seven letters in any shape: 118 light cells at size 1, a square multiple of it above."""
        grid = card(columns, rows)
        assert (len(grid), {len(row) for row in grid}) == (rows, {columns})
        light = sum(map(sum, grid))
        assert light > 0
        assert (light / 118) ** 0.5 in {1, 2, 3, 4, 5, 6, 7, 8, 9}

    def test_a_tiny_one_is_blank(self):
        """There is no room for a letter."""
        assert sum(map(sum, card(4, 4))) == 0


class TestWebm:
    @pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (1080, 1080)])
    @pytest.mark.parametrize("frames", [1, 130])
    def test_a_decoder_finds_length_and_transparency(self, width, height, frames):
        """VP9 with alpha and Opus."""
        av = pytest.importorskip("av")
        data = webm(width=width, height=height, frames=frames, fps=25)
        with av.open(io.BytesIO(data)) as file:
            assert file.duration == frames * 40_000
            assert sum(1 for _ in file.decode(video=0)) == frames
        with av.open(io.BytesIO(data)) as file:
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            pictures = [picture for packet in file.demux(video=0) for picture in decoder.decode(packet)]
        assert {picture.format.name for picture in pictures} == {"yuva420p"}
        clear = {
            bytes(picture.planes[3]) for picture in pictures
        }  # few differ, and a look at each pixel takes its time
        assert all(max(plane) > 250 > 5 > min(plane) for plane in clear)

    def test_the_wanted_size_is_the_one_to_show(self):
        """The coded picture is smaller; whoever shows the file scales it."""
        data = webm(width=1920, height=1080, frames=1, fps=25)
        assert b"\x54\xb0\x82" + (1920).to_bytes(2, "big") in data
        assert b"\x54\xba\x82" + (1080).to_bytes(2, "big") in data

    @pytest.mark.parametrize(
        ("size", "shape"), [((1280, 720), "wide"), ((720, 1280), "tall"), ((1000, 1000), "square"), ((5, 4), "wide")]
    )
    def test_the_nearest_shape_is_taken(self, size, shape):
        """5:4 is nearer to a landscape than to a square."""
        assert shape_of(*size) == shape


class TestPictures:
    @pytest.mark.parametrize("make", [jpeg, gif], ids=["jpeg", "gif"])
    @pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (1080, 1080), (640, 480)])
    def test_they_show_the_card_in_the_shape_of_the_video(self, make, width, height):
        """In the two greys, up to the rounding of a decoder."""
        image_module = pytest.importorskip("PIL.Image")
        image = image_module.open(io.BytesIO(make(width, height)))
        grey = image.convert("L")
        assert image.width / image.height == pytest.approx(width / height, rel=0.03)
        cell = image.width // (80 * width // max(width, height))
        grid = card(image.width // cell, image.height // cell)
        seen = [[grey.getpixel((x * cell, y * cell)) for x in range(len(grid[0]))] for y in range(len(grid))]
        assert all(
            abs(seen[y][x] - (LIGHT if grid[y][x] else DARK)) <= 1
            for y in range(len(grid))
            for x in range(len(grid[0]))
        )

    def test_the_gif_compressor_starts_a_new_table_when_one_is_full(self):
        """Cards never fill one; noise does, several times."""
        image_module = pytest.importorskip("PIL.Image")
        side = 200
        noise = bytes(value % 4 for value in random.Random(5).randbytes(side * side))
        whole = gif(side, side)
        head, size = whole.index(b"\x2c"), struct.pack("<HH", side, side)
        image = b"\x2c" + bytes(4) + size + b"\x00\x02" + _sub_blocks(_lzw(noise)) + b"\x3b"
        decoded = image_module.open(io.BytesIO(whole[:6] + size + whole[10:head] + image))
        assert (decoded.mode, decoded.tobytes()) == ("P", noise)


class TestPadding:
    @pytest.mark.parametrize("size", [SMALLEST, 1_234_567, 5 << 30], ids=["1 MiB", "odd", "5 GiB"])
    def test_a_padded_file_has_exactly_that_size_and_plays(self, video_path, size):
        """Also beyond what 32 bits can say, without using the disk."""
        av = pytest.importorskip("av")
        pad(video_path, size)
        assert video_path.stat().st_size == size
        assert video_path.stat().st_blocks * 512 < SMALLEST
        if video_path.suffix == ".webm" and size > 1 << 32:
            return  # ffmpeg skips the filling of a WebM by reading all of it
        with av.open(str(video_path)) as file:
            assert sum(1 for _ in file.decode(video=0)) == 50

    def test_the_box_says_its_size(self, tmp_path):
        """A `free` box up to the end of the file, with the long form of its size where it is needed."""
        path = tmp_path / "video.mp4"
        for size, first in ((3 << 20, None), (5 << 30, 1)):
            path.write_bytes(mp4(width=64, height=64, frames=5, fps=25))
            start = path.stat().st_size
            pad(path, size)
            with path.open("rb") as file:
                file.seek(start)
                short, name, long = struct.unpack(">I4sQ", file.read(16))
            assert name == b"free"
            assert (short, long) == (1, size - start) if first else short == size - start

    def test_a_pattern_has_no_two_places_alike(self, video_path):
        """A chunk that ends up somewhere else is found; the same seed gives the same bytes."""
        start = video_path.stat().st_size + 16
        pad(video_path, 3 * SMALLEST, seed=7)
        data = video_path.read_bytes()
        assert len(data) == 3 * SMALLEST
        assert data[start:] == pattern(7, start, len(data))
        pieces = [data[offset : offset + 4096] for offset in range(-(-start // 4096) * 4096, len(data), 4096)]
        assert len(set(pieces)) == len(pieces)
        assert pattern(8, 0, 64) != pattern(7, 0, 64)

    @pytest.mark.parametrize("seed", [None, 1])
    def test_a_file_that_is_large_enough_stays_as_it_is(self, video_path, seed):
        """Nothing is cut off."""
        before = video_path.read_bytes()
        pad(video_path, len(before) - 1, seed=seed)
        assert video_path.read_bytes() == before

    def test_settings_that_make_no_sense_are_refused(self):
        """Before anything is made."""
        with pytest.raises(ValueError, match="file_size: give at least 1048576 bytes"):
            Sandbox(mode="fast", file_size=1000)
        with pytest.raises(ValueError, match="file_pattern"):
            Sandbox(mode="fast", file_pattern=3)
        with pytest.raises(ValueError, match="only Sandbox\\(mode='fast'\\)"):
            Sandbox(renderer=_Never(), file_size=SMALLEST)
        with pytest.raises(ValueError, match="only Sandbox\\(mode='fast'\\)"):
            Sandbox(renderer=_Never()).file_size = SMALLEST


class _Never:
    def submit(self, plan):
        raise AssertionError("not asked for")

    def close(self):
        pass


class TestRenderer:
    def test_everything_is_done_at_once_and_nothing_is_made_before_it_is_asked_for(self, renderer):
        """Ten thousand jobs over seven plans are seven renders and no file."""
        renders = [renderer.submit(plan(text="word " * (1 + number % 7))) for number in range(10_000)]
        assert {(render.done_at, render.error) for render in renders} == {(0.0, None)}
        assert len({id(render) for render in renders}) == 7
        assert renderer._root is None
        renders[0].file("captions.srt")
        assert [path.name for path in renderer._root.rglob("*") if path.is_file()] == ["captions.srt"]

    @pytest.mark.parametrize("alpha", [False, True])
    def test_it_has_every_file_that_a_real_render_has(self, renderer, alpha):
        """The video in its own format only; no other name leads anywhere."""
        render = renderer.submit(plan(alpha=alpha))
        names = ("thumbnail.jpg", "preview.gif", "captions.srt", "captions.ass", f"video.{render.plan.suffix}")
        assert [render.file(name).stat().st_size > 0 for name in names] == [True] * 5
        other = "video.mp4" if alpha else "video.webm"
        captioned = f"captioned.{render.plan.suffix}"
        assert [render.file(name) for name in (other, captioned, "../secret", "", "making-video.mp4")] == [None] * 5
        spoken = renderer.submit(evolve(render.plan, captions=True))
        assert spoken.file(captioned).read_bytes() == spoken.file(f"video.{render.plan.suffix}").read_bytes()

    def test_a_file_is_made_once(self, renderer):
        """Its time stamp is part of the ETag, so that a download can be continued."""
        render = renderer.submit(plan())
        first = render.file("video.mp4").stat()
        assert render.file("video.mp4").stat().st_mtime_ns == first.st_mtime_ns

    def test_captions_are_those_of_the_real_render(self, renderer):
        """What was said, when it was said."""
        text = renderer.submit(plan(text="Hello there. And goodbye.")).file("captions.srt").read_text()
        assert text == srt(plan_cues(plan(text="Hello there. And goodbye.")))
        assert "Hello there." in text

    def test_a_new_file_size_is_for_new_videos(self, renderer):
        """What has been promised keeps its length."""
        small = renderer.submit(plan())
        renderer.padding = Padding(size=2 * SMALLEST)
        large = renderer.submit(plan())
        assert large.file("video.mp4").stat().st_size == 2 * SMALLEST
        assert small.file("video.mp4").stat().st_size < SMALLEST
        assert large.file("thumbnail.jpg").stat().st_size < SMALLEST

    def test_closing_removes_the_files(self, renderer):
        """And ends what is asked for afterwards."""
        render = renderer.submit(plan())
        path = render.file("video.mp4")
        renderer.close()
        renderer.close()
        assert not path.exists()
        assert render.file("video.mp4") is None
        assert renderer.submit(plan()).error == "the sandbox was stopped"

    def test_many_threads_get_one_file(self, renderer):
        """The second waits for the first."""
        render, found = renderer.submit(plan()), []
        threads = [threading.Thread(target=lambda: found.append(render.file("video.mp4"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(set(found)) == 1


class TestModes:
    def test_auto_takes_what_there_is(self, monkeypatch, caplog):
        """Without the libraries it says once what it does and what would help."""
        monkeypatch.setattr("heygen_async.sandbox.modes.missing", lambda *names: [])
        assert chosen_mode("auto") == "real"
        monkeypatch.setattr("heygen_async.sandbox.modes.missing", lambda *names: ["av"])
        with caplog.at_level("WARNING", "heygen_async.sandbox"):
            assert (chosen_mode("auto"), chosen_mode("fast")) == ("fast", "fast")
        (record,) = caplog.records
        assert "fast mode" in record.message
        assert "av not installed" in record.message
        assert "pip install 'heygen-async[sandbox]'" in record.message

    def test_an_unknown_mode_is_refused(self):
        """With the known ones."""
        with pytest.raises(ValueError, match="'auto', 'real' or 'fast', not 'quick'"):
            Sandbox(mode="quick")

    def test_the_way_through_fast_mode_loads_no_picture_library(self):
        """Start, create, look, fetch everything: in a process of its own."""
        code = f"""
import sys, httpx
from heygen_async.sandbox import Sandbox
from tests.sandbox_fakes import avatar_video
with Sandbox(mode="fast") as sandbox, httpx.Client(trust_env=False, headers={{"X-Api-Key": "k"}}) as client:
    body = avatar_video(caption={{"style": "default"}})
    created = client.post(sandbox.url + "/v3/videos", json=body).json()["data"]
    video = client.get(sandbox.url + "/v3/videos/" + created["video_id"]).json()["data"]
    del client.headers["X-Api-Key"]
    for name in ("video_url", "captioned_video_url", "subtitle_url", "thumbnail_url", "gif_url"):
        assert client.get(video[name]).status_code == 200, name
print([name for name in {NOT_LOADED!r} if name in sys.modules])
"""
        assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.anyio
class TestInProcess:
    async def test_the_whole_way_works_without_a_port(self, tmp_path):
        """Create, wait and save through `httpx.ASGITransport`; the length of the file is the one announced."""
        sandbox = Sandbox(mode="fast", progress="polls=2")
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(sandbox)) as http,
            AsyncHeyGen(
                "k", base_url="http://127.0.0.1", http_client=http, download_client=http, polling=POLLING
            ) as heygen,
        ):
            job = await heygen.videos.create(AvatarVideo(avatar_id="a", voice_id="v", script="Hello, sandbox."))
            video = await job.wait()
            saved = await job.save(tmp_path / "video.mp4")
        sandbox.stop()
        assert saved.size == (tmp_path / "video.mp4").stat().st_size
        assert [name for name, _, _ in boxes((tmp_path / "video.mp4").read_bytes())] == ["ftyp", "moov", "mdat"]
        assert video.duration == sandbox.jobs[job.id].duration

    async def test_a_large_file_is_announced_and_sent_in_ranges(self):
        """4 GiB and more, of which only the end is asked for."""
        sandbox = Sandbox(mode="fast", file_size=5 << 30)
        async with in_process(sandbox) as api, in_process(sandbox, key=None) as host:
            video_id = (await api.post("/v3/videos", json=avatar_video())).json()["data"]["video_id"]
            url = (await api.get(f"/v3/videos/{video_id}")).json()["data"]["video_url"]
            head = await host.head(url)
            end = await host.get(url, headers={"Range": f"bytes={(5 << 30) - 3}-"})
        sandbox.stop()
        assert head.headers["content-length"] == str(5 << 30)
        assert (end.status_code, end.content) == (206, bytes(3))

    async def test_the_size_can_be_changed_and_a_reset_changes_it_back(self):
        """Back to the setting of the start."""
        sandbox = Sandbox(mode="fast", file_size=SMALLEST, file_pattern=3)
        sandbox.file_size = 2 * SMALLEST
        assert (sandbox.file_size, sandbox._service.renderer.padding.pattern) == (2 * SMALLEST, 3)
        sandbox.file_size = None
        assert sandbox.file_size is None
        sandbox.reset()
        assert sandbox.file_size == SMALLEST
        sandbox.stop()


class TestServer:
    def test_a_stopped_server_is_gone_at_once_even_with_idle_connections(self):
        """Kept-alive connections do not hold it up; the port is closed."""
        with httpx.Client(trust_env=False) as client:
            sandbox = Sandbox(mode="fast").start()
            url = sandbox.url
            assert client.get(url).status_code == 200
            sandbox.stop()
            with pytest.raises(httpx.ConnectError):
                httpx.get(url, trust_env=False)

    def test_a_client_that_leaves_in_the_middle_of_an_upload_is_one_line_in_the_log(self, caplog, capfd):
        """No traceback, no answer; the next client is served."""
        with caplog.at_level("INFO"), Sandbox(mode="fast") as sandbox:
            with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2]))) as upload:
                upload.sendall(
                    b"POST /v3/videos HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: k\r\n"
                    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
                )
                _until(lambda: len(sandbox.requests) == 1)
            _until(lambda: any("left" in record.message for record in caplog.records))
            assert httpx.get(sandbox.url, trust_env=False).status_code == 200
            call = sandbox.requests[0]
        said = [record.getMessage() for record in caplog.records if record.name == "heygen_async.sandbox"]
        assert said == ["POST /v3/videos: the client left before it was answered"]
        assert not any(record.exc_info or record.levelname == "ERROR" for record in caplog.records)
        assert "Traceback" not in capfd.readouterr().err
        assert call.status is None

    def test_a_client_that_leaves_in_the_middle_of_a_download_makes_no_noise(self, caplog, capfd):
        """It is not an error of the server."""
        with caplog.at_level("INFO"), Sandbox(mode="fast", file_size=64 << 20) as sandbox:
            with httpx.Client(base_url=sandbox.url, headers={"X-Api-Key": "k"}, trust_env=False) as api:
                video_id = api.post("/v3/videos", json=avatar_video()).json()["data"]["video_id"]
                url = api.get(f"/v3/videos/{video_id}").json()["data"]["video_url"]
            with httpx.stream("GET", url, trust_env=False) as answer:
                next(answer.iter_raw(1000))
            assert httpx.get(sandbox.url, trust_env=False).status_code == 200
        assert not any(record.exc_info or record.levelname == "ERROR" for record in caplog.records)
        assert "Traceback" not in capfd.readouterr().err


class TestClock:
    def test_a_clock_can_be_set_back(self):
        """To the first reading and the first rate."""
        with Sandbox(mode="fast", start_time=1000.0, speed=0.0) as sandbox:
            sandbox.advance(500)
            sandbox.clock.rate = 7.0
            sandbox.clock.restart()
            assert (sandbox.clock.now(), sandbox.clock.rate) == (1000.0, 0.0)

    def test_a_link_does_not_outlive_its_lifetime_by_a_fraction_of_a_second(self):
        """Whatever the clock reads when it is made."""
        with (
            Sandbox(mode="fast", start_time=1000.6, speed=0.0, url_lifetime=100.0) as sandbox,
            httpx.Client(trust_env=False) as client,
        ):
            headers = {"X-Api-Key": "k"}
            created = client.post(sandbox.url + "/v3/videos", json=avatar_video(), headers=headers).json()["data"]
            video = client.get(f"{sandbox.url}/v3/videos/{created['video_id']}", headers=headers).json()["data"]
            assert client.get(video["video_url"]).status_code == 200
            sandbox.advance(100)
            assert client.get(video["video_url"]).status_code == 403

    def test_a_render_from_before_the_clock_was_set_back_does_not_come_from_the_future(self, tmp_path):
        """The video that shares it is completed now, not then."""
        renderer = InstantRenderer(tmp_path)
        renderer.hold = True
        with Sandbox(renderer=renderer, start_time=1000.0, speed=0.0) as sandbox:
            httpx.post(sandbox.url + "/v3/videos", json=avatar_video(), headers={"X-Api-Key": "k"}, trust_env=False)
            renderer.release(at=5000.0)
            (job,) = sandbox.jobs
        assert (job.status, job.completed_at) == ("completed", 1000.0)


def _until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def test_a_scene_without_words_has_empty_captions(renderer):
    """An empty file, not a missing one."""
    silent = Plan(width=64, height=64, scenes=(Scene(seconds=1.0, backdrop=BLACK, presenter=None),))
    assert renderer.submit(silent).file("captions.srt").read_text() == ""
