"""The video of an ambiguous v2 submission is found by its callback id, and no other is taken for it (scenario 57)."""

from __future__ import annotations

import contextlib
import email.utils
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from heygen_async import APIError, RetryPolicy, SubmissionReconciling, SubmissionUncertainError, Video, VideoStatus
from heygen_async._protocol.bounded import BoundedDict
from heygen_async._protocol.submission import callback_id_for, candidates, goes_back_far_enough
from tests import fake_heygen
from tests.act_floor import Floor
from tests.clock import virtual_time
from tests.fake_heygen import FakeHeyGen, Reply, answer, broken

pytestmark = pytest.mark.anyio

KEY = "order-1"
OURS = callback_id_for(KEY)
LIST = "GET /v1/video.list"
STATUS = "GET /v1/video_status.get"
RETRIES = RetryPolicy()


@pytest.fixture
def fake() -> FakeHeyGen:
    fake = FakeHeyGen()
    fake.clock = anyio.current_time
    return fake


@contextlib.asynccontextmanager
async def floor_on(fake: FakeHeyGen, **options: Any) -> AsyncIterator[Floor]:
    async with fake.client() as http:
        yield Floor(http, **options)


async def settle(floor: Floor, callback_id: str = OURS, key: str = KEY, *, retries: RetryPolicy = RETRIES) -> str:
    return await floor.reconciler.settle(
        callback_id, idempotency_key=key, doubt="the connection broke.", started=anyio.current_time(), retries=retries
    )


async def uncertain(floor: Floor, callback_id: str = OURS, key: str = KEY, **options: Any) -> SubmissionUncertainError:
    with pytest.raises(SubmissionUncertainError) as caught:
        await settle(floor, callback_id, key, **options)
    return caught.value


def looked_at(fake: FakeHeyGen) -> list[str]:
    return [request.query["video_id"] for request in fake.seen(STATUS)]


# Settling a doubt


@virtual_time
async def test_57_the_video_is_found_among_strangers(fake: FakeHeyGen) -> None:
    """Newest first, each status once; the observer hears of the doubt."""
    for number in range(3):
        fake.add(f"older-{number}", callback_id=f"x{number}")
    fake.add("ours", callback_id=OURS)
    fake.add("newer", callback_id=None)
    async with floor_on(fake) as floor:
        assert await settle(floor) == "ours"
        (event,) = floor.heard(SubmissionReconciling)
    assert (event.callback_id, event.idempotency_key, event.reason) == (OURS, KEY, "the connection broke.")
    assert looked_at(fake) == ["newer", "ours"]


@virtual_time
async def test_57_what_is_not_there_is_looked_for_within_the_window(fake: FakeHeyGen) -> None:
    """With growing pauses; strangers are looked at once only, and the error says what was tried."""
    fake.add("stranger", callback_id="x")
    started = anyio.current_time()
    async with floor_on(fake) as floor:
        error = await uncertain(floor)
    assert 30 <= anyio.current_time() - started <= 60
    assert (error.callback_id, error.idempotency_key) == (OURS, KEY)
    assert error.tried[0] == "the connection broke."
    assert len(error.tried) == 1 + len(fake.seen(LIST)) >= 6
    for part in ("the connection broke.", repr(OURS), "60 s", f"idempotency_key={KEY!r}"):
        assert part in str(error)
    assert looked_at(fake) == ["stranger"]


@virtual_time
@pytest.mark.parametrize("seconds", [1, 10, 40])
async def test_57_a_video_that_appears_late_is_found(fake: FakeHeyGen, seconds: float) -> None:
    """In the list."""
    async with floor_on(fake) as floor:
        fake.add("ours", callback_id=OURS, visible_after=seconds)
        assert await settle(floor) == "ours"


@virtual_time
async def test_20_a_listed_video_whose_status_is_not_visible_yet_is_asked_again(fake: FakeHeyGen) -> None:
    """A 404 in the first seconds says nothing: remembering it would lose a paid video."""
    fake.add("ours", callback_id=OURS)
    fake.on(STATUS, answer(404, 40104, message="Video not found", style="v1"), times=3)
    async with floor_on(fake) as floor:
        assert await settle(floor) == "ours"


@virtual_time
async def test_one_odd_video_does_not_hide_ours(fake: FakeHeyGen) -> None:
    """A listed translation that the status call does not know, or one whose status is garbage."""
    fake.add("ours", callback_id=OURS)
    for video_id, fault in [
        ("translated", answer(400, 400, message="Invlid parameters", style="v1")),
        ("garbage", fake_heygen.html(200)),
        ("shapeless", lambda *_: Reply(200, {"code": 100, "data": {"id": "shapeless"}})),
    ]:
        fake.add(video_id)
        fake.on(STATUS, only(video_id, fault), times=None)
    async with floor_on(fake) as floor:
        assert await settle(floor) == "ours"
        with pytest.raises(SubmissionUncertainError):
            await settle(floor, callback_id_for("other"), "other")
    assert looked_at(fake).count("translated") == 1


def only(video_id: str, fault: Any) -> Any:
    def handle(fake: FakeHeyGen, request: Any, work: Any) -> Reply:
        reply: Reply = fault(fake, request, work) if request.query["video_id"] == video_id else work()
        return reply

    return handle


@virtual_time
@pytest.mark.parametrize("route", [LIST, STATUS])
@pytest.mark.parametrize(
    "fault",
    [answer(500), fake_heygen.html(502), broken("reset"), answer(429, retry_after=1), fake_heygen.raw(b"")],
    ids=range(5),
)
async def test_57_the_search_survives_failures(fake: FakeHeyGen, route: str, fault: Any) -> None:
    """Longer than the retries of a single call."""
    fake.add("ours", callback_id=OURS)
    fake.on(route, fault, times=6)
    async with floor_on(fake) as floor:
        assert await settle(floor) == "ours"


@virtual_time
@pytest.mark.parametrize(
    "fault", [answer(401, "unauthorized"), fake_heygen.gone(410), fake_heygen.gone(404), broken("reset")], ids=range(4)
)
async def test_57_a_search_that_only_fails_is_uncertain(fake: FakeHeyGen, fault: Any) -> None:
    """Never another error: the doubt is about money. What was tried tells why."""
    fake.add("ours", callback_id=OURS)
    fake.on("GET *", fault, times=None)
    async with floor_on(fake) as floor:
        error = await uncertain(floor)
    assert any("looked for it, but" in step for step in error.tried)


@virtual_time
@pytest.mark.parametrize("window", [0, 0.05, 3])
@pytest.mark.parametrize("base", [0, 0.5])
async def test_the_window_bounds_the_search(fake: FakeHeyGen, window: float, base: float) -> None:
    """One look at least, and no busy loop in a policy without pauses."""
    started = anyio.current_time()
    async with floor_on(fake) as floor:
        await uncertain(floor, retries=RetryPolicy(base=base, reconcile_window=window))
    assert anyio.current_time() - started <= window
    assert 1 <= len(fake.seen(LIST)) <= 101


# Which videos can be ours


@virtual_time
async def test_57_an_older_video_with_a_shared_callback_id_is_not_taken(fake: FakeHeyGen) -> None:
    """The caller uses one callback id for a campaign: yesterday's video is not today's."""
    fake.add("yesterday", callback_id="campaign", created_at=int(time.time()) - 86400)
    async with floor_on(fake) as floor:
        await uncertain(floor, "campaign")
    assert looked_at(fake) == []


@virtual_time
async def test_57_a_video_that_belongs_to_another_submission_is_not_taken(fake: FakeHeyGen) -> None:
    """Two submissions share a callback id: what the first was told is its own."""
    fake.add("first", callback_id="campaign")
    async with floor_on(fake) as floor:
        floor.reconciler.claim("first", "order-0")
        await uncertain(floor, "campaign")
        fake.add("second", callback_id="campaign")
        assert await settle(floor, "campaign") == "second"
        await uncertain(floor, "campaign", "order-2")


@virtual_time
async def test_57_two_doubts_with_a_shared_callback_id_take_two_videos(fake: FakeHeyGen) -> None:
    """Both look at the same time; no video is handed out twice."""
    fake.add("a", callback_id="campaign")
    fake.add("b", callback_id="campaign")
    fake.latency = 0.1
    found: list[str] = []
    async with floor_on(fake) as floor, anyio.create_task_group() as tg:

        async def one(key: str) -> None:
            found.append(await settle(floor, "campaign", key))

        for number in range(2):
            tg.start_soon(one, f"order-{number}")
    assert sorted(found) == ["a", "b"]


@virtual_time
async def test_57_while_an_answer_is_awaited_nothing_is_taken(fake: FakeHeyGen) -> None:
    """The listed video may be that of the submission whose answer is still on its way."""
    fake.add("theirs", callback_id="campaign")
    async with floor_on(fake) as floor, anyio.create_task_group() as tg:

        async def other() -> None:
            with floor.reconciler.awaiting("campaign", "order-0"):
                await anyio.sleep(10)
            floor.reconciler.claim("theirs", "order-0")

        tg.start_soon(other)
        await anyio.sleep(0)
        error = await uncertain(floor, "campaign")
    assert "waited for other submissions with the same callback_id" in error.tried


@virtual_time
async def test_an_answer_that_is_awaited_in_the_midst_of_a_look_counts(fake: FakeHeyGen) -> None:
    """It began after the list was read, and before the status came."""
    fake.add("theirs", callback_id="campaign")
    fake.latency = 1
    async with floor_on(fake) as floor, anyio.create_task_group() as tg:

        async def other() -> None:
            await anyio.sleep(1.5)
            with floor.reconciler.awaiting("campaign", "order-0"):
                await anyio.sleep(5)
            floor.reconciler.claim("theirs", "order-0")

        tg.start_soon(other)
        await uncertain(floor, "campaign")


@virtual_time
@pytest.mark.parametrize("skew", [-400 * 86400, -3600, 3600, 400 * 86400])
async def test_a_wrong_clock_does_not_hide_a_video_with_our_own_callback_id(fake: FakeHeyGen, skew: float) -> None:
    """The id is proof enough; the newest videos are looked at whatever their date says."""
    fake.skew = skew
    fake.add("ours", callback_id=OURS)
    for number in range(10):
        fake.add(f"newer-{number}")
    async with floor_on(fake) as floor:
        assert await settle(floor) == "ours"


@virtual_time
@pytest.mark.parametrize("skew", [-400 * 86400, 400 * 86400])
async def test_the_servers_clock_decides_where_it_can_be_seen(fake: FakeHeyGen, skew: float) -> None:
    """By the `Date` header: this machine may be off by years, and the caller's callback id may be an old one's."""
    fake.skew = skew
    fake.add("old", callback_id="campaign", created_at=int(time.time() + skew) - 3600)
    fake.add("ours", callback_id="campaign")
    dated = {"Date": email.utils.formatdate(time.time() + skew, usegmt=True)}

    def with_date(fake: FakeHeyGen, request: Any, work: Any) -> Reply:
        reply: Reply = work()
        reply.headers |= dated
        return reply

    fake.on("GET *", with_date, times=None)
    async with floor_on(fake) as floor:
        assert await settle(floor, "campaign") == "ours"
        await uncertain(floor, "campaign", "order-2")
    assert "old" not in looked_at(fake)


@virtual_time
async def test_57_pages_are_read_as_far_back_as_needed(fake: FakeHeyGen) -> None:
    """A busy account has many videos of the last minute, all of them another submission's."""
    fake.add("ancient", callback_id="campaign", created_at=int(time.time()) - 10**6)
    fake.add("ours", callback_id="campaign")
    async with floor_on(fake) as floor:
        for number in range(250):
            fake.add(f"busy-{number}", callback_id="campaign")
            floor.reconciler.claim(f"busy-{number}", f"order-{number + 5}")
        assert await settle(floor, "campaign") == "ours"
    assert len(fake.seen(LIST)) == 3
    assert looked_at(fake) == ["ours"]


@virtual_time
async def test_57_old_pages_are_not_read(fake: FakeHeyGen) -> None:
    """An account with thousands of videos costs one page per look."""
    for number in range(300):
        fake.add(f"old-{number}", created_at=int(time.time()) - 86400)
    async with floor_on(fake) as floor:
        await uncertain(floor, "campaign", retries=RetryPolicy(reconcile_window=0))
        assert (len(fake.seen(LIST)), looked_at(fake)) == (1, [])
        await uncertain(floor, retries=RetryPolicy(reconcile_window=0))
        assert len(looked_at(fake)) == 20


@virtual_time
async def test_57_not_more_than_five_pages_are_read(fake: FakeHeyGen) -> None:
    """Or a list that goes in circles would never end."""
    page = {"code": 100, "data": {"token": "again", "videos": [{"video_id": "x", "status": "pending"}]}}
    fake.on(LIST, lambda *_: Reply(200, page), times=None)
    async with floor_on(fake) as floor:
        await uncertain(floor, retries=RetryPolicy(reconcile_window=0))
    assert len(fake.seen(LIST)) == 5


@virtual_time
async def test_a_callback_id_in_the_list_saves_the_look(fake: FakeHeyGen) -> None:
    """HeyGen's list has none today."""
    rows = [
        {"video_id": name, "status": "pending", "callback_id": callback_id}
        for name, callback_id in [("x", "y"), ("ours", OURS)]
    ]
    fake.on(LIST, lambda *_: Reply(200, {"code": 100, "data": {"videos": rows}}))
    async with floor_on(fake) as floor:
        assert await settle(floor) == "ours"
    assert looked_at(fake) == []


# Looking back


@virtual_time
async def test_a_known_key_leads_back_without_a_request(fake: FakeHeyGen) -> None:
    """This client was told the id."""
    async with floor_on(fake) as floor:
        floor.reconciler.claim("v-1", KEY)
        assert await floor.reconciler.look_back(OURS, KEY, RETRIES) == "v-1"
    assert fake.requests == []


@virtual_time
async def test_a_key_of_another_process_leads_back_within_24_hours(fake: FakeHeyGen) -> None:
    """By one look: nothing is in doubt here."""
    fake.add("ours", callback_id=OURS, created_at=int(time.time()) - 86000)
    for number in range(30):
        fake.add(f"newer-{number}", created_at=int(time.time()) - 5000)
    async with floor_on(fake) as floor:
        assert await floor.reconciler.look_back(OURS, KEY, RETRIES) == "ours"
        assert await floor.reconciler.look_back(callback_id_for("new"), "new", RETRIES) is None
    assert len(fake.seen(LIST)) == 2
    assert len(looked_at(fake)) == 31


@virtual_time
async def test_looking_back_takes_no_other_keys_video(fake: FakeHeyGen) -> None:
    """Two keys share the caller's callback id: the second is a new video."""
    fake.add("first", callback_id="campaign")
    async with floor_on(fake) as floor:
        floor.reconciler.claim("first", "order-0")
        assert await floor.reconciler.look_back("campaign", KEY, RETRIES) is None


@virtual_time
async def test_looking_back_fails_if_nothing_can_be_known(fake: FakeHeyGen) -> None:
    """Sending without knowing could pay twice."""
    fake.on(LIST, answer(500), times=None)
    async with floor_on(fake) as floor:
        with pytest.raises(APIError):
            await floor.reconciler.look_back(OURS, KEY, RETRIES)


@virtual_time
async def test_53_a_cancelled_submission_is_looked_for_patiently(fake: FakeHeyGen) -> None:
    """The server may be slower than the caller's second thought."""
    async with floor_on(fake) as floor:
        with anyio.move_on_after(1):
            with floor.reconciler.awaiting(OURS, KEY):
                await anyio.sleep(100)
        fake.add("ours", callback_id=OURS, visible_after=20)
        assert await floor.reconciler.look_back(OURS, KEY, RETRIES) == "ours"
        started = anyio.current_time()
        assert await floor.reconciler.look_back(callback_id_for("new"), "new", RETRIES) is None
        assert anyio.current_time() == started


@virtual_time
async def test_53_the_patience_ends_with_the_window(fake: FakeHeyGen) -> None:
    """Counted from the cancellation."""
    async with floor_on(fake) as floor:
        with anyio.move_on_after(1):
            with floor.reconciler.awaiting(OURS, KEY):
                await anyio.sleep(100)
        await anyio.sleep(30)
        started = anyio.current_time()
        assert await floor.reconciler.look_back(OURS, KEY, RETRIES) is None
        assert anyio.current_time() - started <= 30
        await anyio.sleep(60)
        started = anyio.current_time()
        assert await floor.reconciler.look_back(OURS, KEY, RETRIES) is None
        assert anyio.current_time() == started


# Pure rules


def video(video_id: str, created_at: float | None) -> Video:
    return Video(id=video_id, status=VideoStatus.PENDING, created_at=created_at)


def test_candidates_are_recent_or_undated() -> None:
    """Clocks may differ by minutes, and the list rounds to seconds."""
    page = [video("new", 1100), video("undated", None), video("just", 701), video("old", 699), video("older", 0)]
    assert [one.id for one in candidates(page, not_before=1000, spare=0)] == ["new", "undated", "just"]
    assert [one.id for one in candidates(page, not_before=1000, spare=4)] == ["new", "undated", "just", "old"]
    assert not goes_back_far_enough(page, not_before=1000)
    assert goes_back_far_enough(page[3:], not_before=1000)
    assert goes_back_far_enough([], not_before=1000)


def test_a_bounded_dict_forgets_its_oldest_entries() -> None:
    """A client that runs for months must not grow with its work; what is set again is young again."""
    memory: BoundedDict[int, int] = BoundedDict()
    for number in range(10_000):
        memory[number] = number
    memory[0] = 0
    memory[10_000] = 1
    assert len(memory) == 10_000
    assert 0 in memory
    assert 1 not in memory
    assert memory.get(1, 7) == 7
    memory.update(dict.fromkeys(range(20_000, 20_100), 0))
    assert len(memory) == 10_000
