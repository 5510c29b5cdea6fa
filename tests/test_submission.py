"""A submission is paid once and never lost, on either wire."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import (
    APIError,
    APIResponseError,
    ApiRetiredError,
    BadRequestError,
    ConfigurationError,
    HeyGenDeprecationWarning,
    IdempotencyKeyReusedError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    SubmissionInterrupted,
    SubmissionReconciling,
    SubmissionUncertainError,
    TranslationError,
    VideoSubmitted,
)
from heygen_async._protocol.encoding import prepare
from heygen_async._protocol.submission import (
    SubmittedKeys,
    callback_id_for,
    checked_key,
    new_key,
    wire_for,
    with_callback_id,
)
from tests import fake_heygen
from tests.act_floor import Floor
from tests.clock import virtual_time
from tests.fake_heygen import FakeHeyGen, Reply, after_work, answer, broken, slow
from tests.sdk import AVATAR, AVATAR_JSON, quick_start

pytestmark = pytest.mark.anyio

V2 = "POST /v2/video/generate"
V3 = "POST /v3/videos"
BOTH = pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])


@pytest.fixture
def fake() -> FakeHeyGen:
    fake = FakeHeyGen()
    fake.clock = anyio.current_time
    return fake


@contextlib.asynccontextmanager
async def floor_on(fake: FakeHeyGen, **options: Any) -> AsyncIterator[Floor]:
    async with fake.client() as http:
        yield Floor(http, **options)


# Keys and marks


def test_keys_are_new_and_fit_heygens_rule() -> None:
    """Nobody else has the same one."""
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(checked_key(key) == key for key in keys)


@pytest.mark.parametrize("key", ["a", "A-Z_0:9.", "x" * 255, "order-77", "3f2b8c1e-aaaa-4bbb-8ccc-000000000000"])
def test_a_key_of_heygens_alphabet_is_taken(key: str) -> None:
    """1 to 255 characters."""
    assert checked_key(key) == key


@pytest.mark.parametrize(
    "key", ["", "x" * 256, "a b", "a/b", "\u00e9", "a\n", "a\x00", 5, b"a", None, True, ["a"]], ids=repr
)
def test_any_other_key_is_refused(key: Any) -> None:
    """Before HeyGen would; a UUID object, say, must be made text first."""
    with pytest.raises(ValueError, match="idempotency_key must be a str of 1 to 255"):
        checked_key(key)


@given(st.text())
def test_a_key_is_taken_or_refused(key: str) -> None:
    """Nothing that passes can break a header."""
    with contextlib.suppress(ValueError):
        assert checked_key(key).isascii()
        assert "\n" not in key


def test_the_callback_id_follows_from_the_key() -> None:
    """In every process, so that a repetition finds the first submission."""
    assert callback_id_for("k") == callback_id_for("k") != callback_id_for("l")
    payload = {"title": "x"}
    assert with_callback_id(payload, "k") == ({"title": "x", "callback_id": callback_id_for("k")}, callback_id_for("k"))
    assert payload == {"title": "x"}


@pytest.mark.parametrize(("own", "kept"), [("order-7", True), ("", False), (None, False), (5, False)])
def test_the_callers_callback_id_is_kept(own: Any, kept: bool) -> None:
    """If it is one."""
    payload, callback_id = with_callback_id({"callback_id": own}, "k")
    assert payload["callback_id"] == callback_id == (own if kept else callback_id_for("k"))


def test_06_a_key_stands_for_one_request() -> None:
    """HeyGen would replay the old answer silently; the first request stays the one."""
    keys = SubmittedKeys()
    keys.remember("a", "hash-1")
    keys.remember("a", "hash-1")
    keys.remember("b", "hash-2")
    for _ in range(2):
        with pytest.raises(IdempotencyKeyReusedError, match="nothing was sent") as caught:
            keys.remember("a", "hash-2")
        assert caught.value.idempotency_key == "a"
    keys.remember("a", "hash-1")


@pytest.mark.parametrize(
    ("request_wire", "choice", "retired", "wire"),
    [
        ("v2", "auto", False, "v2"),
        ("v2", "auto", True, "v3"),
        ("v2", "v2", False, "v2"),
        ("v2", "v2", True, "v2"),
        ("v2", "v3", False, "v3"),
        ("v2", "v3", True, "v3"),
        ("v3", "auto", False, "v3"),
        ("v3", "auto", True, "v3"),
        ("v3", "v3", False, "v3"),
    ],
)
def test_the_wire_of_a_request(request_wire: Any, choice: Any, retired: bool, wire: str) -> None:
    """Its shape decides, unless the client or HeyGen have decided before."""
    assert wire_for(request_wire, choice, v2_retired=retired) == wire


@pytest.mark.parametrize("retired", [True, False])
def test_there_is_no_way_from_v3_to_v2(retired: bool) -> None:
    """A client for v2 only says so."""
    with pytest.raises(ConfigurationError, match="v2 only"):
        wire_for("v3", "v2", v2_retired=retired)


# What goes out, what comes back


@virtual_time
async def test_a_v3_submission_carries_its_key_and_is_reported(fake: FakeHeyGen) -> None:
    """In the header; the value that comes back knows wire, key and time."""
    async with floor_on(fake) as floor:
        await anyio.sleep(7)
        done = await floor.submit(AVATAR, "order-1")
    assert (done.video_id, done.wire, done.idempotency_key, done.at) == (
        fake.job.id,
        "v3",
        "order-1",
        anyio.current_time(),
    )
    assert fake.keys == {"order-1"}
    assert floor.events == [
        VideoSubmitted(video_id=fake.job.id, api_version="v3", idempotency_key="order-1", callback_id=None)
    ]


@virtual_time
async def test_a_v2_submission_carries_a_callback_id(fake: FakeHeyGen) -> None:
    """And no header that v2 does not know; the caller's mapping is not changed."""
    request = {"video_inputs": quick_start_json(), "title": "t"}
    before = repr(request)
    async with floor_on(fake) as floor:
        done = await floor.submit(request, None)
    (post,) = fake.posts
    assert post.key is None
    assert post.json["callback_id"] == callback_id_for(done.idempotency_key)
    assert repr(request) == before
    (event,) = floor.events
    assert (event.api_version, event.callback_id) == ("v2", post.json["callback_id"])


def quick_start_json() -> list[dict[str, Any]]:
    return [
        {
            "character": {"type": "avatar", "avatar_id": "a", "avatar_style": "normal"},
            "voice": {"type": "text", "input_text": "Hello", "voice_id": "v"},
        }
    ]


@virtual_time
@BOTH
async def test_a_new_submission_has_a_key_of_its_own(fake: FakeHeyGen, request_: Any) -> None:
    """The same request twice is two videos."""
    async with floor_on(fake) as floor:
        first, second = [await floor.submit(request_) for _ in range(2)]
    assert first.idempotency_key != second.idempotency_key
    assert fake.paid == 2
    assert fake.seen("GET *") == []


@virtual_time
@BOTH
async def test_every_error_names_key_and_callback_id(fake: FakeHeyGen, request_: Any) -> None:
    """So that the caller can repeat it safely."""
    fake.on("POST *", answer(400, "invalid_parameter"), times=None)
    async with floor_on(fake) as floor:
        with pytest.raises(BadRequestError) as caught:
            await floor.submit(request_, "order-1")
    assert caught.value.idempotency_key == "order-1"
    assert caught.value.callback_id == (None if request_ is AVATAR else callback_id_for("order-1"))


@virtual_time
@BOTH
async def test_06_a_known_key_with_another_request_sends_nothing(fake: FakeHeyGen, request_: Any) -> None:
    """On either wire; the same JSON as a mapping is the same request."""
    async with floor_on(fake) as floor:
        await floor.submit(request_, "order-1")
        sent = len(fake.requests)
        with pytest.raises(IdempotencyKeyReusedError):
            await floor.submit(AVATAR_JSON | {"script": "Something else"}, "order-1")
        assert len(fake.requests) == sent
        await floor.submit(request_, "order-1")
    assert fake.paid == 1


@virtual_time
async def test_a_bad_request_leaves_no_trace(fake: FakeHeyGen) -> None:
    """Nothing is sent, and the key is still free."""
    async with floor_on(fake) as floor:
        with pytest.raises(ValueError, match="script"):
            await floor.submit(AVATAR_JSON | {"script": "x" * 5001}, "order-1")
        await floor.submit(AVATAR, "order-1")
    assert (len(fake.requests), fake.paid) == (1, 1)


@virtual_time
@BOTH
async def test_12a_room_is_waited_for_as_long_as_told(fake: FakeHeyGen, request_: Any) -> None:
    """A full account is no failure of the video; without patience four attempts."""
    fake.on("POST *", answer(429, "rate_limit_exceeded", retry_after=30), times=12)
    async with floor_on(fake) as floor:
        with pytest.raises(RateLimitError):
            await floor.submit(request_)
        assert len(fake.posts) == 4
        await floor.submit(request_, room_patience=600)
    assert (len(fake.posts), fake.paid) == (13, 1)


# Doubts on v3


@virtual_time
async def test_08_without_an_id_it_is_asked_once_more_then_uncertain(fake: FakeHeyGen) -> None:
    """With the same key; both answers are told."""
    fake.on(V3, after_work(lambda *_: Reply(200, {"data": {"note": "no id"}})), times=None)
    async with floor_on(fake) as floor:
        with pytest.raises(SubmissionUncertainError, match="no id") as caught:
            await floor.submit(AVATAR, "order-1")
    assert (len(fake.posts), fake.keys, fake.paid) == (2, {"order-1"}, 1)
    assert len(caught.value.tried) == 2
    assert caught.value.idempotency_key == "order-1"


@virtual_time
async def test_08_an_unreadable_answer_is_uncertain_in_the_end(fake: FakeHeyGen) -> None:
    """After the attempts of the policy."""
    fake.on(V3, after_work(fake_heygen.html(200)), times=None)
    async with floor_on(fake) as floor:
        with pytest.raises(SubmissionUncertainError, match="Gateway says 200"):
            await floor.submit(AVATAR)
    assert (len(fake.posts), len(fake.keys), fake.paid) == (4, 1, 1)


@virtual_time
@BOTH
async def test_07_an_error_of_an_unknown_kind_in_a_200_is_a_refusal(fake: FakeHeyGen, request_: Any) -> None:
    """Neither repeated nor looked for: HeyGen said no."""
    fake.on(
        "POST *", lambda *_: Reply(200, {"error": {"code": "brand_new", "message": "odd"}, "data": None}), times=None
    )
    async with floor_on(fake) as floor:
        with pytest.raises(APIResponseError, match="odd") as caught:
            await floor.submit(request_, "order-1")
    assert (len(fake.posts), caught.value.idempotency_key) == (1, "order-1")


@virtual_time
async def test_01_a_server_that_stays_broken_ends_with_the_key(fake: FakeHeyGen) -> None:
    """Repeating with it is safe."""
    fake.on(V3, after_work(answer(503)), times=4)
    async with floor_on(fake) as floor:
        with pytest.raises(InternalServerError) as caught:
            await floor.submit(AVATAR)
        done = await floor.submit(AVATAR, caught.value.idempotency_key)
    assert (fake.paid, done.video_id, len(fake.keys)) == (1, fake.job.id, 1)


# Doubts on v2


@virtual_time
@pytest.mark.parametrize(
    "fault",
    [
        answer(500),
        answer(408),
        fake_heygen.html(502),
        broken("reset"),
        broken(delay=500),
        fake_heygen.raw(b""),
        lambda *_: Reply(200, {"error": None, "data": {}}),
        lambda *_: Reply(204, raw=b""),
    ],
    ids=["500", "408", "html", "reset", "late", "empty", "no-id", "204"],
)
@pytest.mark.parametrize("created", [True, False])
async def test_57_a_doubt_is_looked_into_and_nothing_is_sent_again(fake: FakeHeyGen, fault: Any, created: bool) -> None:
    """Found, or uncertain."""
    fake.on(V2, after_work(fault) if created else fault)
    async with floor_on(fake) as floor:
        if created:
            assert (await floor.submit(quick_start())).video_id == fake.job.id
        else:
            with pytest.raises(SubmissionUncertainError) as caught:
                await floor.submit(quick_start())
            assert caught.value.callback_id == fake.posts[0].json["callback_id"]
        (event,) = floor.heard(SubmissionReconciling)
    assert (len(fake.posts), event.callback_id) == (1, fake.posts[0].json["callback_id"])


@virtual_time
async def test_57_a_doubt_takes_no_video_of_an_accepted_submission(fake: FakeHeyGen) -> None:
    """Both have the caller's callback id; the second was never created."""
    fake.on(V2, answer(503), skip=1)
    async with floor_on(fake) as floor:
        await floor.submit(quick_start(callback_id="campaign"))
        with pytest.raises(SubmissionUncertainError):
            await floor.submit(quick_start(callback_id="campaign", title="second"))
    assert (fake.paid, len(fake.posts)) == (1, 2)


@virtual_time
async def test_57_a_doubt_takes_no_video_of_a_submission_under_way(fake: FakeHeyGen) -> None:
    """The first one's video is in the list before its answer has come."""
    fake.on(V2, slow(20))
    fake.on(V2, answer(503))
    outcomes: dict[str, Any] = {}
    async with floor_on(fake) as floor, anyio.create_task_group() as tg:

        async def one(name: str, delay: float) -> None:
            await anyio.sleep(delay)
            try:
                outcomes[name] = (await floor.submit(quick_start(callback_id="campaign", title=name))).video_id
            except SubmissionUncertainError as error:
                outcomes[name] = error

        tg.start_soon(one, "first", 0)
        tg.start_soon(one, "second", 1)
    assert outcomes["first"] == fake.job.id
    assert isinstance(outcomes["second"], SubmissionUncertainError)


@virtual_time
async def test_57_a_key_used_before_leads_back_in_this_client(fake: FakeHeyGen) -> None:
    """Without a request."""
    async with floor_on(fake) as floor:
        first = await floor.submit(quick_start(), "order-1")
        sent = len(fake.requests)
        again = await floor.submit(quick_start(), "order-1")
    assert (again.video_id, len(fake.requests), fake.paid) == (first.video_id, sent, 1)


@virtual_time
async def test_57_a_key_used_before_leads_back_in_another_process(fake: FakeHeyGen) -> None:
    """By the callback id that follows from it."""
    for _ in range(2):
        async with floor_on(fake) as floor:
            done = await floor.submit(quick_start(), "order-1")
    assert (done.video_id, fake.paid, len(fake.posts)) == (fake.job.id, 1, 1)
    assert floor.heard(VideoSubmitted)[0].video_id == fake.job.id


@virtual_time
async def test_57_two_keys_with_one_callback_id_are_two_videos(fake: FakeHeyGen) -> None:
    """The first one's video must not be handed out as the second's."""
    async with floor_on(fake) as floor:
        first = await floor.submit(quick_start(callback_id="campaign", title="a"), "order-1")
        second = await floor.submit(quick_start(callback_id="campaign", title="b"), "order-2")
    assert first.video_id != second.video_id
    assert fake.paid == 2


@virtual_time
@BOTH
async def test_one_key_at_the_same_time_is_one_video(fake: FakeHeyGen, request_: Any) -> None:
    """A double click, or two workers with the same order."""
    fake.on("POST *", slow(10))
    found: list[str] = []
    async with floor_on(fake) as floor, anyio.create_task_group() as tg:

        async def one() -> None:
            found.append((await floor.submit(request_, "order-1")).video_id)

        for _ in range(3):
            tg.start_soon(one)
    assert (fake.paid, set(found), len(found)) == (1, {fake.job.id}, 3)
    assert floor.memory.locks._held == {}


@virtual_time
async def test_57_if_it_cannot_be_known_nothing_is_sent(fake: FakeHeyGen) -> None:
    """The look before the submission failed: the error carries the key."""
    fake.on("GET *", answer(500), times=None)
    async with floor_on(fake) as floor:
        with pytest.raises(APIError) as caught:
            await floor.submit(quick_start(), "order-1")
    assert (fake.posts, caught.value.idempotency_key) == ([], "order-1")


@virtual_time
async def test_57_what_surely_did_nothing_is_sent_again(fake: FakeHeyGen) -> None:
    """No connection, or no room."""
    fake.on(V2, broken(fake_heygen.httpx.ConnectError("refused")))
    fake.on(V2, answer(429, retry_after=1))
    async with floor_on(fake) as floor:
        await floor.submit(quick_start())
    assert (len(fake.posts), fake.paid, floor.heard(SubmissionReconciling)) == (3, 1, [])


# Cancellation


@virtual_time
@BOTH
@pytest.mark.parametrize("key", [None, "order-1"])
async def test_53_a_cancelled_submission_tells_how_it_is_found_again(
    fake: FakeHeyGen, request_: Any, key: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """By an event and in the log; the key leads back to the one video."""
    caplog.set_level(logging.WARNING, logger="heygen_async")
    fake.on("POST *", slow(30))
    async with floor_on(fake) as floor:
        with anyio.move_on_after(1) as scope:
            await floor.submit(request_, key)
        assert scope.cancelled_caught
        (event,) = floor.heard(SubmissionInterrupted)
        assert event.idempotency_key in caplog.text
        done = await floor.submit(request_, event.idempotency_key)
    assert key in {None, event.idempotency_key}
    assert event.callback_id == (None if request_ is AVATAR else callback_id_for(event.idempotency_key))
    assert (fake.paid, done.video_id) == (1, fake.job.id)


@virtual_time
async def test_53_a_repetition_right_after_the_cancellation_waits_for_the_video(fake: FakeHeyGen) -> None:
    """HeyGen may list it only seconds later; sending at once would pay twice."""

    def slow_and_shy(fake: FakeHeyGen, request: Any, work: Any) -> Reply:
        reply = slow(30)(fake, request, work)
        fake.job.visible_after = 25
        return reply

    fake.on(V2, slow_and_shy)
    async with floor_on(fake) as floor:
        with anyio.move_on_after(1):
            await floor.submit(quick_start(), "order-1")
        done = await floor.submit(quick_start(), "order-1")
    assert (fake.paid, done.video_id) == (1, fake.job.id)


@virtual_time
async def test_53_cancelling_the_search_is_reported_as_well(fake: FakeHeyGen) -> None:
    """The doubt is not settled."""
    fake.on(V2, answer(503))
    async with floor_on(fake) as floor:
        with anyio.move_on_after(5):
            await floor.submit(quick_start())
    assert len(floor.heard(SubmissionInterrupted)) == len(floor.heard(SubmissionReconciling)) == 1


@virtual_time
@BOTH
@pytest.mark.parametrize(
    "end", [RuntimeError("a hook of the caller's"), KeyboardInterrupt(), GeneratorExit()], ids=repr
)
async def test_53_whatever_breaks_a_submission_off_is_reported(
    fake: FakeHeyGen, request_: Any, end: BaseException
) -> None:
    """Ctrl-C on trio is no cancellation, and a caller's transport may raise anything: the key must not be lost."""

    def breaking(fake: FakeHeyGen, request: Any, work: Any) -> Reply:
        work()
        raise end

    fake.on("POST *", breaking)
    async with floor_on(fake) as floor:
        with pytest.raises(type(end)):
            await floor.submit(request_)
        (event,) = floor.heard(SubmissionInterrupted)
    async with floor_on(fake) as floor:
        await floor.submit(request_, event.idempotency_key)
    assert fake.paid == 1


@virtual_time
async def test_a_refusal_is_no_interruption(fake: FakeHeyGen) -> None:
    """Nothing is in doubt."""
    fake.on("POST *", answer(400, "invalid_parameter"))
    async with floor_on(fake, choice="v3") as floor:
        for request in (AVATAR, quick_start(test=True)):
            with pytest.raises((BadRequestError, TranslationError)):
                await floor.submit(request)
        assert floor.events == []


@virtual_time
async def test_a_waiting_twin_can_be_cancelled(fake: FakeHeyGen) -> None:
    """It gives up its turn; the first goes on."""
    fake.on(V2, slow(30))
    async with floor_on(fake) as floor, anyio.create_task_group() as tg:
        tg.start_soon(floor.submit, quick_start(), "order-1")
        await anyio.sleep(1)
        with anyio.move_on_after(5) as scope:
            await floor.submit(quick_start(), "order-1")
        assert scope.cancelled_caught
    assert (fake.paid, len(floor.heard(VideoSubmitted))) == (1, 1)
    assert floor.memory.locks._held == {}


# The end of v2


@virtual_time
async def test_58_a_retired_v2_is_remembered_and_announced_once(fake: FakeHeyGen) -> None:
    """The same key goes to v3; later requests do not knock at the old door."""
    fake.v2_gone = fake_heygen.gone(410)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with floor_on(fake) as floor:
            first = await floor.submit(quick_start(), "order-1")
            second = await floor.submit(quick_start(title="b"), "order-2")
    assert (first.wire, second.wire, fake.paid) == ("v3", "v3", 2)
    assert [post.key for post in fake.seen(V3)] == ["order-1", "order-2"]
    assert len(fake.seen(V2)) <= 1
    assert [warning.category for warning in caught] == [HeyGenDeprecationWarning]
    assert "POST /v3/videos" in str(caught[0].message)


@virtual_time
@pytest.mark.parametrize("listed", [True, False])
async def test_58_what_was_in_doubt_on_v2_is_not_paid_again_on_v3(fake: FakeHeyGen, listed: bool) -> None:
    """The key means nothing to v3: the video is found among the newest ones, or nothing is sent."""
    fake.on(V2, after_work(broken("reset")))
    search = fake.on("GET /v1/video.list", answer(500), times=None, skip=1)
    async with floor_on(fake) as floor:
        with pytest.raises(SubmissionUncertainError):
            await floor.submit(quick_start(), "order-1")
        search.times = 0
        fake.on(V2 if listed else "* /v[12]/*", fake_heygen.gone(410), times=None)
        with pytest.warns(HeyGenDeprecationWarning, match="gone"):
            await floor.submit(quick_start(title="another"))
        if listed:
            assert (await floor.submit(quick_start(), "order-1")).video_id == "video-0001"
        else:
            with pytest.raises(SubmissionUncertainError, match="Nothing was sent"):
                await floor.submit(quick_start(), "order-1")
    assert fake.paid == 2


@virtual_time
@BOTH
async def test_a_client_closed_in_the_middle_of_a_submission_tells_the_key(fake: FakeHeyGen, request_: Any) -> None:
    """Something was sent and its end is unknown: that is no mere error of configuration."""
    fake.on("POST *", after_work(broken("reset")))
    fake.on("GET *", answer(500), times=None, skip=1)
    async with floor_on(fake) as floor, anyio.create_task_group() as tg:

        async def submit() -> None:
            with pytest.raises(SubmissionUncertainError) as caught:
                await floor.submit(request_, "order-1")
            assert caught.value.idempotency_key == "order-1"

        fake.on("POST *", answer(500), times=None)
        tg.start_soon(submit)
        while not fake.posts:
            await anyio.sleep(0.01)
        floor.api.lane._guard.closed = True
    assert fake.paid == 1


@virtual_time
async def test_58_two_submissions_may_find_the_old_door_shut(fake: FakeHeyGen) -> None:
    """At the same time; both go on."""
    fake.v2_gone = fake_heygen.gone(404)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        async with floor_on(fake) as floor, anyio.create_task_group() as tg:
            for number in range(3):
                tg.start_soon(floor.submit, quick_start(title=f"t{number}"))
    assert (fake.paid, bool(floor.memory.retired)) == (3, True)


@virtual_time
async def test_58_v2_only_is_told_how_to_go_on(fake: FakeHeyGen) -> None:
    """Nothing goes to v3."""
    fake.v2_gone = fake_heygen.gone(410)
    async with floor_on(fake, choice="v2") as floor:
        with pytest.raises(ApiRetiredError, match="api_version='auto'") as caught:
            await floor.submit(quick_start())
    assert (caught.value.idempotency_key is not None, fake.seen(V3), bool(floor.memory.retired)) == (True, [], False)


@virtual_time
async def test_58_a_missing_avatar_is_no_retirement(fake: FakeHeyGen) -> None:
    """It would be missing on v3 as well."""
    fake.on(V2, answer(404, "avatar_not_found", message="avatar look not found", style="v2"), times=None)
    async with floor_on(fake) as floor:
        with pytest.raises(NotFoundError):
            await floor.submit(quick_start())
    assert (bool(floor.memory.retired), fake.seen(V3)) == (False, [])


@virtual_time
@pytest.mark.parametrize("choice", ["auto", "v3"])
async def test_59_what_v3_cannot_say_is_not_sent(fake: FakeHeyGen, choice: str) -> None:
    """`test=True` would be charged there."""
    fake.v2_gone = fake_heygen.gone(410)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        async with floor_on(fake, choice=choice) as floor:
            with pytest.raises(TranslationError) as caught:
                await floor.submit(quick_start(test=True))
    assert caught.value.losses == ["test"]
    assert fake.seen(V3) == []


@virtual_time
async def test_a_v2_request_to_a_v3_client_never_touches_v2(fake: FakeHeyGen) -> None:
    """It is translated before it is sent."""
    async with floor_on(fake, choice="v3") as floor:
        done = await floor.submit(quick_start(), "order-1")
    assert (done.wire, fake.keys, {request.path for request in fake.requests}) == ("v3", {"order-1"}, {"/v3/videos"})


@virtual_time
async def test_retries_of_a_submission_end_within_their_policy(fake: FakeHeyGen) -> None:
    """One attempt is one attempt, also without a pause."""
    fake.on(V3, answer(503), times=None)
    async with floor_on(fake, retries=RetryPolicy(max_attempts=1)) as floor:
        with pytest.raises(InternalServerError):
            await floor.submit(AVATAR)
    assert len(fake.posts) == 1


# Under an admission that decides when the next one goes out


@virtual_time
@BOTH
async def test_an_admission_hears_the_first_429(fake: FakeHeyGen, request_: Any) -> None:
    """It is not waited for here."""
    fake.on("POST *", answer(429, "rate_limit_exceeded", retry_after=5), times=None)
    async with floor_on(fake) as floor:
        submission = floor.submitter.describe(prepare(request_), idempotency_key="order-1", key_is_new=True)
        with pytest.raises(RateLimitError) as caught:
            await floor.submitter.send(submission, room_patience=None)
    assert (len(fake.requests), caught.value.retry_after, caught.value.idempotency_key) == (1, 5, "order-1")


@virtual_time
async def test_a_new_key_is_not_searched_for(fake: FakeHeyGen) -> None:
    """A journal knows that nothing was submitted under it; where it does not know, it can ask."""
    async with floor_on(fake) as floor:
        submission = floor.submitter.describe(prepare(quick_start()), idempotency_key="order-1", key_is_new=True)
        done = await floor.submitter.send(submission)
        assert fake.seen("GET *") == []
    async with floor_on(fake) as floor:
        assert await floor.submitter.look_back(callback_id_for("order-1"), "order-1") == done.video_id
        assert await floor.submitter.look_back(callback_id_for("order-2"), "order-2") is None


@virtual_time
async def test_whoever_watches_hears_of_the_switch_and_of_repetitions(fake: FakeHeyGen) -> None:
    """The switch before anything goes to v3: a journal must know the wire of the submission."""
    heard: list[str] = []
    fake.v2_gone = fake_heygen.gone(410)
    fake.on(V3, answer(503))
    fake.on(V3, after_work(lambda *_: Reply(200, {"data": {}})))

    async def switching() -> None:
        heard.append(f"switch after {len(fake.seen(V3))}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        async with floor_on(fake) as floor:
            submission = floor.submitter.describe(prepare(quick_start()), idempotency_key=None)
            await floor.submitter.send(
                submission, on_switch=switching, on_retry=lambda error: heard.append(type(error).__name__)
            )
    assert heard == ["switch after 0", "InternalServerError", "APIResponseError"]
    assert (fake.paid, len(fake.seen(V3))) == (1, 3)
