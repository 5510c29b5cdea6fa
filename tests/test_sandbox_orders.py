"""What requests ask to be shown and heard, field by field, and where its media come from: all pure."""

from __future__ import annotations

from pathlib import Path

import pytest

from heygen_async.sandbox.plan import Framing, Media, Overlay, Plan, Voice
from heygen_async.sandbox.sources import asset_media, is_local, label, media
from heygen_async.sandbox.v2_orders import order_v2
from heygen_async.sandbox.v3_orders import order_v3
from tests.sandbox_fakes import avatar_video, quick_start

FILES = {"asset-1": Path("/files/one.png"), "https://sandbox.test/two.mp4": Path("/files/two.mp4")}
LOCAL = "http://127.0.0.1:8000/beach.png?key=secret"


def v3(**changes) -> Plan:
    return order_v3(avatar_video(**changes), idempotency_key=None, resolve=FILES.get).plan


def v2_scene(**changes):
    body = quick_start(video_inputs=[{**quick_start()["video_inputs"][0], **changes}])
    return order_v2(body, resolve=FILES.get).plan.scenes[0]


def test_labels_hold_no_signatures_and_stay_short():
    """A URL shows its last part, never its query."""
    assert label("https://host/a/b.png?X-Amz-Signature=secret") == "b.png"
    assert label("https://user:pass@host?sig=/secret") == "file"
    assert label("http://[broken/a/b.mp4#t=1") == "b.mp4"
    assert label("x" * 50) == "x" * 29 + "…"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8000/a.png", True),
        ("http://127.8.9.1/a.png", True),
        ("https://[::1]:8443/a.png", True),
        ("http://localhost/a.png", True),
        ("http://assets.localhost:80/a.png", True),
        ("http://localhost.example.com/a.png", False),
        ("http://127.0.0.1.nip.io/a.png", False),
        ("http://127.0.0.1@example.com/a.png", False),
        ("http://10.0.0.1/a.png", False),
        ("https://example.com/a.png", False),
        ("file:///etc/passwd", False),
        ("ftp://127.0.0.1/a.png", False),
        ("http://[broken/a.png", False),
        ("asset-1", False),
    ],
)
def test_only_urls_of_this_machine_are_kept_for_fetching(url, local):
    """By the very name of the host: nothing is looked up."""
    assert is_local(url) is local
    assert media(url).is_reachable is local


def test_media_are_files_of_the_sandbox_local_urls_data_or_a_name():
    """A resolver goes first; foreign media keep a name without secrets."""
    assert media("asset-1", FILES.get) == Media(name="asset-1", path="/files/one.png")
    assert media("https://sandbox.test/two.mp4", FILES.get) == Media(name="two.mp4", path="/files/two.mp4")
    assert media(LOCAL) == Media(name="beach.png", url=LOCAL)
    assert media("https://example.com/a.png?sig=x") == Media(name="a.png")
    data = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    assert asset_media(data) == Media(name="image/png", url="data:image/png;base64,AAAA")
    assert asset_media({"type": "asset_id", "asset_id": "asset-1"}, FILES.get).path == "/files/one.png"


def test_the_voice_of_v3_has_its_settings():
    """Speed, pitch, volume and locale, each to its place."""
    settings = {"speed": 1.2, "pitch": -10, "volume": 0.5, "locale": "es-MX"}
    voice = v3(voice_settings=settings).scenes[0].voice
    assert voice == Voice(id="voice-1", speed=1.2, pitch=-10, volume=0.5, locale="es-MX")
    assert v3().scenes[0].voice == Voice(id="voice-1")


def test_the_voice_of_v2_has_its_settings():
    """The same, in the scene itself."""
    voice = {"type": "text", "input_text": "Hi.", "voice_id": "v", "speed": 0.8, "pitch": 20, "locale": "en-GB"}
    assert v2_scene(voice=voice).voice == Voice(id="v", speed=0.8, pitch=20, locale="en-GB")


def test_style_scale_and_offset_frame_the_presenter():
    """Avatars and talking photos; null means the default."""
    character = {
        "type": "avatar",
        "avatar_id": "a",
        "avatar_style": "circle",
        "scale": 0.5,
        "offset": {"x": 0.1, "y": -0.2},
        "circle_background_color": "#abcdef",
    }
    shown = v2_scene(character=character).framing
    assert shown == Framing(style="circle", scale=0.5, offset_x=0.1, offset_y=-0.2, circle_color="#abcdef")
    photo = {"type": "talking_photo", "talking_photo_id": "p", "talking_photo_style": "square", "scale": None}
    assert v2_scene(character=photo).framing == Framing()
    assert v2_scene(character={**character, "avatar_style": "closeUp"}).framing.style == "closeUp"


def test_text_overlays_are_read_with_their_samples_as_defaults():
    """Positions up to 1 are shares of the frame, others pixels."""
    assert v2_scene().overlay is None
    assert v2_scene(text={"type": "text", "text": "Hi"}).overlay == Overlay(text="Hi")
    full = {
        "text": "Hi",
        "font_size": 40,
        "font_weight": "bold",
        "color": "#123456",
        "position": {"x": 0.5, "y": 300},
        "text_align": "center",
        "line_height": 1.5,
        "width": 200,
    }
    assert v2_scene(text=full).overlay == Overlay(
        text="Hi", size=40, bold=True, color="#123456", x=640, y=300, align="center", line_height=1.5, width=200
    )


def test_absurd_places_and_sizes_are_kept_within_what_can_be_drawn():
    """Whatever is ten frames away is as invisible as at the end of the world."""
    far = {"x": 1e12, "y": -1e12}
    overlay = {"text": "x" * 9000, "font_size": 1e9, "width": 1e12, "line_height": 1e9, "position": far}
    shown = v2_scene(text=overlay, character={"type": "avatar", "avatar_id": "a", "offset": far})
    assert (shown.framing.offset_x, shown.framing.offset_y) == (10, -10)
    assert (len(shown.overlay.text), shown.overlay.size, shown.overlay.x, shown.overlay.y) == (2000, 1280, 12800, -7200)
    assert (shown.overlay.width, shown.overlay.line_height) == (12800, 10)


def test_backgrounds_know_their_file_fit_and_play_style():
    """Uploaded, local and foreign ones."""
    picture = v2_scene(background={"type": "image", "image_asset_id": "asset-1", "fit": "contain"}).backdrop
    assert (picture.kind, picture.value, picture.path, picture.fit) == ("image", "asset-1", "/files/one.png", "contain")
    clip = {"type": "video", "url": "http://localhost:1/c.mp4", "play_style": "loop"}
    shown = v2_scene(background=clip)
    assert (shown.backdrop.url, shown.backdrop.play_style, shown.lasts) == ("http://localhost:1/c.mp4", "loop", "voice")
    assert v2_scene(background={**clip, "play_style": "full_video"}).lasts == "clip"
    foreign = v3(background={"type": "image", "url": "https://example.com/a.png"}).scenes[0].backdrop
    assert (foreign.value, foreign.path, foreign.url) == ("a.png", None, None)


def test_recordings_are_heard_in_place_of_a_voice():
    """On both wires, by URL and by asset."""
    recorded = v2_scene(voice={"type": "audio", "audio_asset_id": "asset-1"})
    assert (recorded.recording, recorded.lasts) == (Media(name="asset-1", path="/files/one.png"), "voice")
    heard = v3(script=None, voice_id=None, audio_url=LOCAL, voice_settings={"volume": 0.3}).scenes[0]
    assert (heard.recording.url, heard.voice.volume) == (LOCAL, 0.3)


def test_a_talking_photo_of_v3_is_the_picture_if_it_can_be_opened():
    """Else a presenter is drawn, whose face depends on its name."""
    body = {"type": "image", "script": "Hi.", "voice_id": "v", "fit": "contain"}
    own = order_v3(
        {**body, "image": {"type": "asset_id", "asset_id": "asset-1"}}, idempotency_key=None, resolve=FILES.get
    )
    assert (own.plan.scenes[0].presenter, own.plan.scenes[0].backdrop.path) == (None, "/files/one.png")
    assert own.plan.scenes[0].backdrop.fit == "contain"
    url = "https://example.com/me.png"
    foreign = order_v3({**body, "image": {"type": "url", "url": url}}, idempotency_key=None)
    assert (foreign.plan.scenes[0].presenter, foreign.plan.scenes[0].backdrop.kind) == (url, "color")


@pytest.mark.parametrize(
    ("playback", "volume"), [(None, 1.0), ({"volume": 0.5}, 0.5), ({"volume": 1, "mute": True}, 0)]
)
def test_clips_of_a_studio_video_play_to_their_end_with_their_sound(playback, volume):
    """`mute` wins over `volume`."""
    scene = {"type": "video", "source": {"type": "asset_id", "asset_id": "asset-1"}, "playback": playback}
    plan = order_v3({"type": "studio", "scenes": [scene]}, idempotency_key=None, resolve=FILES.get).plan
    (shown,) = plan.scenes
    assert (shown.lasts, shown.clip_volume, shown.backdrop.path) == ("clip", volume, "/files/one.png")


def test_captions_are_a_second_film_only_where_they_are_asked_for():
    """v3: with a style. v2: with `caption`, or by mode."""
    assert [v3(caption=caption).captions for caption in (None, {"file_format": "srt"}, {"style": "default"})] == [
        False,
        False,
        True,
    ]
    modes = [{}, {"caption": True}, {"caption_mode": "file_only", "caption": True}, {"caption_mode": "burn_in"}]
    assert [order_v2(quick_start(**mode)).plan.captions for mode in modes] == [False, True, False, True]


def test_a_watermark_has_its_corner_and_strength():
    """Of the whole video."""
    asked = {
        "image": {"type": "asset_id", "asset_id": "asset-1"},
        "opacity": 0.5,
        "scale": 2,
        "placement": {"position": "top_right", "offset_x": -0.1},
    }
    shown = v3(watermark=asked).watermark
    assert (shown.image.path, shown.opacity, shown.scale) == ("/files/one.png", 0.5, 2)
    assert (shown.corner, shown.offset_x, shown.offset_y) == ("top_right", -0.1, 0.0)
    assert v3().watermark is None
