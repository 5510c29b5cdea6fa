"""From requests to plans: sizes, lengths, captions and prices, all pure."""

from __future__ import annotations

import itertools

import pytest
from attrs import evolve

from heygen_async.sandbox.plan import Backdrop, Plan, Scene
from heygen_async.sandbox.render.look import look_of, rgb
from heygen_async.sandbox.render.pose import pose_at
from heygen_async.sandbox.render.timeline import Cue, Track, ass, plan_cues, scene_cues, sentences, srt
from heygen_async.sandbox.script import count_words, speak
from heygen_async.sandbox.v2_orders import order_v2
from heygen_async.sandbox.v3_orders import order_v3
from tests.sandbox_fakes import avatar_video, quick_start

ASSET = {"type": "url", "url": "https://example.com/pics/a.png?X-Amz-Signature=secret"}


def plan_of(body) -> Plan:
    return (order_v2(body) if "video_inputs" in body else order_v3(body, idempotency_key=None)).plan


def scene(text: str, backdrop: Backdrop | None = None, **changes) -> Scene:
    speech = speak(text)
    values = {"seconds": speech.seconds, "presenter": "a", "utterances": speech.utterances} | changes
    return Scene(backdrop=backdrop or Backdrop(kind="color", value="#000000"), **values)


@pytest.mark.parametrize(
    ("text", "words"), [("one two  three", 3), ("", 0), ("it's well-known", 2), ("你好世界", 2), ("Hello 世界!", 3)]
)
def test_words_are_counted_with_and_without_spaces(text, words):
    """Two ideographs count as a word."""
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        ("one two three four five", 2.0),
        ("one", 1.0),
        ('one two three four five <break time="1.5s"/> six seven eight nine ten', 5.5),
        ("one <break time='500ms'/> two", 1.5),
    ],
)
def test_a_script_takes_its_words_over_two_and_a_half_a_second(script, seconds):
    """At least one second; breaks come on top and are not said."""
    speech = speak(script)
    assert speech.seconds == pytest.approx(seconds)
    assert "break" not in "".join(part.text for part in speech.utterances)


def test_faster_voices_take_less_time():
    """Speed divides the time of the words."""
    assert speak("a b c d e f g h i j", speed=1.25).seconds == pytest.approx(3.2)


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, (1920, 1080)),
        ({"resolution": "720p"}, (1280, 720)),
        ({"resolution": "720p", "aspect_ratio": "9:16"}, (720, 1280)),
        ({"resolution": "720p", "aspect_ratio": "1:1"}, (720, 720)),
        ({"resolution": "720p", "aspect_ratio": "4:5"}, (720, 900)),
        ({"resolution": "720p", "aspect_ratio": "5:4"}, (900, 720)),
        ({"resolution": "4k", "aspect_ratio": "auto"}, (3840, 2160)),
    ],
)
def test_v3_ratio_and_resolution_make_the_frame(changes, size):
    """The resolution names the short side."""
    plan = plan_of(avatar_video(**changes))
    assert (plan.width, plan.height) == size


def test_v2_dimensions_are_kept_and_odd_ones_rounded_down():
    """4:2:0 video has no odd sides."""
    plan = plan_of(quick_start(dimension={"width": 641, "height": 361}))
    assert (plan.width, plan.height) == (640, 360)


def test_scenes_come_one_after_another_with_their_own_backdrops():
    """A studio video: presenter, still picture with duration, narrated picture, clip."""
    body = {
        "type": "studio",
        "scenes": [
            {
                "type": "avatar_video",
                "input": {
                    "type": "avatar",
                    "avatar_id": "a",
                    "script": "one two three four five",
                    "background": {"type": "color", "color": "#1a2b3c"},
                },
            },
            {"type": "image", "source": ASSET, "duration": 3},
            {"type": "image", "source": ASSET, "script": "one two three four five", "voice_id": "v"},
            {"type": "video", "source": {"type": "asset_id", "asset_id": "clip-1"}},
        ],
    }
    plan = plan_of(body)
    assert [(part.backdrop.kind, part.backdrop.value, part.presenter, part.seconds) for part in plan.scenes] == [
        ("color", "#1a2b3c", "a", 2.0),
        ("image", "a.png", None, 3),
        ("image", "a.png", None, 2.0),
        ("video", "clip-1", None, 5.0),
    ]
    assert plan.seconds == 12.0


@pytest.mark.parametrize(
    ("background", "shown"),
    [
        (None, ("color", "#f6f6fc")),
        ({"type": "color", "value": "#abc"}, ("color", "#abc")),
        ({"type": "image", "asset_id": "beach"}, ("image", "beach")),
    ],
)
def test_v3_backgrounds_are_shown(background, shown):
    """A look without background gets a light one."""
    backdrop = plan_of(avatar_video(background=background)).scenes[0].backdrop
    assert (backdrop.kind, backdrop.value) == shown


def test_a_recording_has_a_made_up_length():
    """It is never fetched."""
    plan = plan_of(avatar_video(script=None, voice_id=None, audio_url="https://example.com/a.mp3"))
    assert (plan.seconds, plan.scenes[0].utterances[0].text) == (5.0, "♪ a.mp3")


def test_v2_has_a_default_size_and_backdrop():
    """Full HD on white, as HeyGen's newest page says."""
    scene = {"voice": {"type": "silence"}, "character": {"type": "talking_photo", "talking_photo_id": "p"}}
    order = order_v2({"video_inputs": [scene]})
    assert (order.plan.width, order.plan.height, order.plan.scenes[0].backdrop.value) == (1920, 1080, "#ffffff")
    assert order.usd == pytest.approx(0.0433)


def test_v2_scenes_speak_play_or_keep_silent():
    """Text, recording and silence, with and without a character."""
    body = quick_start(
        video_inputs=[
            {**quick_start()["video_inputs"][0]},
            {
                "character": {"type": "talking_photo", "talking_photo_id": "p"},
                "voice": {"type": "audio", "audio_url": "https://example.com/song.mp3?sig=1"},
                "background": {"type": "image", "image_asset_id": "bg"},
            },
            {
                "voice": {"type": "silence", "duration": "3"},
                "background": {"type": "video", "url": "https://x.y/z.mp4"},
            },
            {
                "character": {"type": "avatar", "avatar_id": "a", "avatar_style": "voice_only"},
                "voice": {"type": "silence"},
            },
        ]
    )
    plan = plan_of(body)
    assert [part.seconds for part in plan.scenes] == [2.0, 5.0, 3.0, 1.0]
    assert [part.presenter for part in plan.scenes] == ["Daisy-inskirt-20220818", "p", None, None]
    assert plan.scenes[1].utterances[0].text == "♪ song.mp3"
    assert [part.backdrop.kind for part in plan.scenes] == ["color", "image", "video", "color"]


@pytest.mark.parametrize(("changes", "seconds"), [({}, 10), ({"duration": 5}, 5), ({"auto_duration": True}, 4)])
def test_cinematic_videos_have_the_length_asked_for(changes, seconds):
    """Ten seconds unless told; `auto_duration` follows the prompt between 4 and 15."""
    body = {"type": "cinematic_avatar", "avatar_id": ["a"], "prompt": "walks on a beach", **changes}
    plan = plan_of(body)
    assert (plan.seconds, plan.height) == (seconds, 720)


def test_clips_are_cut_at_five_minutes_but_the_order_knows_what_was_asked():
    """A local emulator must not render for hours."""
    order = order_v3(avatar_video(script="go " * 1600), idempotency_key=None)
    assert order.plan.seconds == 300
    assert order.asked_seconds == 640
    two = Plan(
        width=2, height=2, scenes=(scene("a", seconds=200.0), scene("b", seconds=200.0), scene("c", seconds=9.0))
    )
    assert [part.seconds for part in two.capped().scenes] == [200, 100]


def test_rounding_to_frames_does_not_add_up():
    """Fifty scenes of a third of a frame too much each: the end is still right."""
    plan = Plan(width=2, height=2, scenes=tuple(scene("x", seconds=1.0133) for _ in range(50)))
    assert plan.frames == round(50 * 1.0133 * 25)


def test_plans_survive_the_way_to_the_worker():
    """JSON there and back; equal plans have equal digests, others do not."""
    plan = plan_of(avatar_video())
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.digest() == plan_of(avatar_video(title="not seen")).digest()
    assert plan.digest() != plan_of(avatar_video(script="Other words.")).digest()


@pytest.mark.parametrize(
    ("body", "usd"),
    [
        (avatar_video(), 2 * 0.0667),
        (avatar_video(engine={"type": "avatar_iii"}), 2 * 0.0167),
        ({"type": "image", "image": ASSET, "script": "a b c d e", "voice_id": "v"}, 2 * 0.05),
        ({"type": "cinematic_avatar", "avatar_id": ["a"], "prompt": "p"}, 7.0),
        (quick_start(), 0.0),
        (quick_start(test=False), 2 * 0.0167),
    ],
)
def test_prices_follow_the_length_and_engine(body, usd):
    """Test videos of v2 are free."""
    order = order_v2(body) if "video_inputs" in body else order_v3(body, idempotency_key=None)
    assert order.usd == pytest.approx(usd)


def test_captions_share_the_time_of_their_sentence():
    """Cues follow one another without gaps, none is longer than 42 characters, the last one ends with the speech."""
    text = "A first sentence that is certainly much longer than one caption line can hold. Short one! 3.5 percent more."
    plan = Plan(width=2, height=2, scenes=(scene(text), scene("Second scene.")))
    cues = plan_cues(plan)
    assert [cue.text for cue in cues] == [
        "A first sentence that is certainly much",
        "longer than one caption line can hold.",
        "Short one!",
        "3.5 percent more.",
        "Second scene.",
    ]
    assert all(first.end == pytest.approx(second.start, abs=0.021) for first, second in itertools.pairwise(cues))
    assert cues[-1].end == pytest.approx(plan.seconds, abs=0.021)


def test_pauses_show_no_caption_and_a_closed_mouth():
    """In the middle of a break nothing is said."""
    part = scene('one two three four five <break time="2s"/> six seven eight nine ten')
    track = Track.of(list(scene_cues(part)))
    assert track.cue_at(1.0).text == "one two three four five"
    assert track.cue_at(3.0) is None
    assert track.cue_at(4.5).text == "six seven eight nine ten"
    pause = pose_at(track, 3.0, mouth=0)
    assert (pause.mouth, pause.caption, pause.wave) == (0, "", 0)


def test_the_arm_swings_more_while_something_is_said():
    """Poses over a whole gesture, with and without a caption."""
    talking, waiting = Track.of([Cue(start=0.0, end=9.0, text="Hello.")]), Track.of([])
    swings = [{pose_at(track, step / 25, mouth=1).arm for step in range(80)} for track in (talking, waiting)]
    assert swings[0] == set(range(9))
    assert swings[1] < {2, 3, 4, 5, 6}


def test_nothing_overruns_a_scene_that_was_cut():
    """Captions end with their scene."""
    cut = scene("one two three four five six seven eight nine ten", seconds=2.0)
    cues = plan_cues(Plan(width=2, height=2, scenes=(cut,)))
    assert cues[-1].end <= 2.0


def test_a_sentence_without_an_end_is_said_in_parts():
    """No part is longer than 240 characters, and no word is lost."""
    text = "word " * 200
    parts = list(sentences(text))
    assert max(map(len, parts)) <= 240
    assert " ".join(parts).split() == text.split()


def test_srt_and_ass_are_written_as_players_read_them():
    """Comma and milliseconds in one, point and hundredths in the other."""
    cues = plan_cues(Plan(width=1280, height=720, scenes=(scene("Hello {you}."),)))
    assert srt(cues) == "1\n00:00:00,000 --> 00:00:01,000\nHello {you}.\n"
    assert ass(cues, width=1280, height=720).endswith("Dialogue: 0,0:00:00.00,0:00:01.00,Default,Hello (you).\n")
    assert srt([]) == ""


def test_avatars_have_a_look_of_their_own():
    """The same id always looks the same."""
    assert look_of("Daisy") == look_of("Daisy")
    assert len({look_of(f"avatar-{number}") for number in range(20)}) > 10


def test_nobody_wears_the_colour_of_the_backdrop():
    """The shirt is changed, the rest of the look stays."""
    usual = look_of("Daisy")
    changed = look_of("Daisy", against=rgb(usual.shirt))
    assert changed.shirt != usual.shirt
    assert evolve(changed, shirt=usual.shirt) == usual


@pytest.mark.parametrize(
    ("colour", "parts"), [("#fff", (255, 255, 255)), ("#010203", (1, 2, 3)), ("#0102037f", (1, 2, 3))]
)
def test_colours_are_read_in_all_spellings(colour, parts):
    """Three, six or eight digits."""
    assert rgb(colour) == parts
