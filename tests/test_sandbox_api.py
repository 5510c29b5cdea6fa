"""The sandbox's API as a client sees it, in process: both wires, their envelopes, keys, limits and switches."""

from __future__ import annotations

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from heygen_async.sandbox import Progress, Sandbox
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process, quick_start

pytestmark = pytest.mark.anyio

V1_KEYS = {
    "id", "status", "created_at", "callback_id", "duration", "video_url", "video_url_caption", "caption_url",
    "gif_url", "thumbnail_url", "error",
}  # fmt: skip


@pytest.fixture
def renderer(tmp_path) -> InstantRenderer:
    return InstantRenderer(tmp_path, size=4096)


@pytest.fixture
def sandbox(renderer) -> Sandbox:
    """Return a sandbox whose clock moves only by hand."""
    return Sandbox(renderer=renderer, speed=0.0, start_time=1_800_000_000.0)


@pytest.fixture
async def api(sandbox):
    async with in_process(sandbox) as client:
        yield client


async def create(api: httpx.AsyncClient, **changes) -> str:
    answer = await api.post("/v3/videos", json=avatar_video(**changes))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["video_id"]


async def generate(api: httpx.AsyncClient, **changes) -> str:
    answer = await api.post("/v2/video/generate", json=quick_start(**changes))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["video_id"]


async def look_v1(api: httpx.AsyncClient, video_id: str) -> dict:
    answer = (await api.get("/v1/video_status.get", params={"video_id": video_id})).json()
    assert answer["code"] == 100
    assert answer["data"].keys() == V1_KEYS
    return answer["data"]


async def test_a_v3_video_is_created_watched_and_read_back(api, sandbox):
    """`waiting` on create only; then pending, processing, completed with links and the billed duration."""
    sandbox.progress(polls=3)
    answer = await api.post("/v3/videos", json=avatar_video(title="My title", callback_id="cb", output_format="mp4"))
    assert answer.json() == {
        "data": {"video_id": sandbox.jobs.__iter__().__next__().id, "status": "waiting", "output_format": "mp4"}
    }
    video_id = answer.json()["data"]["video_id"]
    looks = [(await api.get(f"/v3/videos/{video_id}")).json()["data"] for _ in range(3)]
    assert [look["status"] for look in looks] == ["pending", "processing", "completed"]
    assert looks[0]["video_url"] is looks[0]["duration"] is None
    done = looks[2]
    assert (done["title"], done["duration"], done["created_at"]) == ("My title", 2.0, 1_800_000_000)
    assert done["completed_at"] == 1_800_000_000
    assert done["video_url"].startswith(f"http://127.0.0.1/files/{video_id}/video.mp4?")
    assert done["captioned_video_url"] is done["subtitle_url"] is done["failure_code"] is None
    job = sandbox.jobs[video_id]
    assert (job.callback_id, job.width, job.height, job.looks) == ("cb", 1920, 1080, 3)
    assert job.request["script"] == "One two three four five."


@pytest.mark.parametrize(("path", "key"), [("/v3/videos", None), ("/v1/video.list", "videos")])
async def test_a_list_is_a_look_at_the_videos_on_its_page(api, sandbox, path, key):
    """Who watches many videos reads the list: they must not stand still meanwhile. Those below the page do."""
    sandbox.progress(polls=3)
    below, shown = await create(api), await create(api)
    seen = []
    for _ in range(3):
        data = (await api.get(path, params={"limit": 1})).json()["data"]
        seen += [video["status"] for video in (data[key] if key else data)]
    assert seen == ["pending", "processing", "completed"]
    assert (sandbox.jobs[shown].looks, sandbox.jobs[below].looks) == (3, 0)


async def test_the_quick_start_is_created_and_watched_on_v1(api, sandbox):
    """All keys are always there; the id is good on v3 too."""
    sandbox.progress(after=10)
    video_id = await generate(api, title="demo", callback_id="job-1")
    assert (await look_v1(api, video_id))["status"] == "pending"
    sandbox.advance(5)
    assert (await look_v1(api, video_id))["status"] == "processing"
    sandbox.advance(5)
    done = await look_v1(api, video_id)
    assert (done["status"], done["duration"], done["callback_id"], done["error"]) == ("completed", 2.0, "job-1", None)
    assert (await api.get(f"/v3/videos/{video_id}")).json()["data"]["status"] == "completed"
    assert (sandbox.jobs[video_id].width, sandbox.jobs[video_id].height) == (1280, 720)


async def test_captions_are_linked_when_asked_for(api):
    """v3: sidecar always, burned-in with a style. v1: an .ass file and a captioned video."""
    plain = await create(api, caption={"file_format": "srt"})
    styled = await create(api, caption={"style": "default"})
    first, second = [(await api.get(f"/v3/videos/{video}")).json()["data"] for video in (plain, styled)]
    assert "captions.srt" in first["subtitle_url"]
    assert first["captioned_video_url"] is None
    assert "captioned.mp4" in second["captioned_video_url"]
    data = await look_v1(api, await generate(api, caption=True))
    assert "captions.ass" in data["caption_url"]
    assert "captioned.mp4" in data["video_url_caption"]
    sidecar_only = await look_v1(api, await generate(api, caption=True, caption_mode="file_only"))
    assert sidecar_only["video_url_caption"] is None


async def test_a_link_is_fresh_on_each_look(api):
    """Nobody may use a URL as the identity of a video."""
    video_id = await create(api)
    urls = {(await api.get(f"/v3/videos/{video_id}")).json()["data"]["video_url"] for _ in range(3)}
    assert len(urls) == 3


async def test_a_failed_video_is_told_on_both_wires(api, sandbox, renderer):
    """v1 has the integer code with message and detail, v3 the code as a word; nothing is charged in the end."""
    sandbox.fail_next(40119, detail="Video is too long (> 3600.0s).")
    video_id = await create(api)
    v1, v3 = await look_v1(api, video_id), (await api.get(f"/v3/videos/{video_id}")).json()["data"]
    assert v1["error"] == {"code": 40119, "message": "Video is too long", "detail": "Video is too long (> 3600.0s)."}
    assert (v3["status"], v3["failure_code"], v3["failure_message"], v3["video_url"]) == (
        "failed", "MOVIO_VIDEO_IS_TOO_LONG", "Video is too long", None,
    )  # fmt: skip
    assert [charge.refunded for charge in sandbox.charges] == [True]
    assert sandbox.wallet == 10_000.0


async def test_a_render_that_breaks_fails_the_video_with_its_reason(api, renderer):
    """The server itself goes on."""
    renderer.error = "the render worker ended with exit code 7"
    video_id = await create(api)
    data = (await api.get(f"/v3/videos/{video_id}")).json()["data"]
    assert (data["status"], data["failure_message"]) == ("failed", "the render worker ended with exit code 7")


async def test_completed_is_not_said_before_the_file_exists(api, renderer):
    """The rule says immediately, the renderer is not ready: processing."""
    renderer.hold = True
    video_id = await create(api)
    assert (await api.get(f"/v3/videos/{video_id}")).json()["data"]["status"] == "processing"
    renderer.release()
    assert (await api.get(f"/v3/videos/{video_id}")).json()["data"]["status"] == "completed"


async def test_bulk_statuses_have_their_own_words(api, sandbox):
    """queued, processing, completed, failed, not_found: one entry per id asked for, in order."""
    sandbox.progress(polls=2)
    sandbox.fail_next("rendering_failed", "broken")
    ids = [await create(api), await create(api), "unknown"]
    for words in (["queued", "queued", "not_found"], ["failed", "completed", "not_found"]):
        answer = (await api.get("/v3/videos/statuses", params={"video_ids": ",".join(ids)})).json()
        assert [item["status"] for item in answer["data"]] == words
    assert [item["video_id"] for item in answer["data"]] == ids
    assert answer["data"][0]["error"] == {"code": "rendering_failed", "message": "broken"}
    assert (answer["has_more"], answer["next_token"]) == (False, None)


@pytest.mark.parametrize("ids", ["", ",".join(str(number) for number in range(101))])
async def test_bulk_statuses_take_one_to_a_hundred_ids(api, ids):
    """Anything else is an invalid parameter."""
    answer = await api.get("/v3/videos/statuses", params={"video_ids": ids})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "video_ids")


async def test_v3_lists_page_by_page_newest_first(api):
    """Following `next_token` reaches every video once, even while new ones are made."""
    ids = [await create(api, title=f"video {number}") for number in range(5)]
    seen, token = [], None
    while True:
        query = {"limit": 2} | ({"token": token} if token else {})
        page = (await api.get("/v3/videos", params=query)).json()
        seen += [item["id"] for item in page["data"]]
        await create(api, title="newcomer")
        token = page["next_token"]
        if not page["has_more"]:
            break
    assert (seen, token) == (ids[::-1], None)
    titled = (await api.get("/v3/videos", params={"title": "video 3"})).json()
    assert [item["id"] for item in titled["data"]] == [ids[3]]


async def test_v1_lists_page_by_page_in_its_envelope(api):
    """Token inside `data`, null at the end; both wires share one store."""
    ids = [await create(api, title="from v3"), await generate(api, title="from v2", folder_id="f")]
    first = (await api.get("/v1/video.list", params={"limit": 1})).json()
    assert first["code"] == 100
    assert first["data"]["videos"] == [
        {
            "video_id": ids[1],
            "video_title": "from v2",
            "status": "completed",
            "created_at": 1_800_000_000,
            "type": "GENERATED",
        }
    ]
    rest = (await api.get("/v1/video.list", params={"token": first["data"]["token"]})).json()["data"]
    assert ([item["video_id"] for item in rest["videos"]], rest["token"]) == ([ids[0]], None)
    folder = (await api.get("/v1/video.list", params={"folder_id": "f"})).json()["data"]
    assert [item["video_id"] for item in folder["videos"]] == [ids[1]]
    nothing = (await api.get("/v1/video.list", params={"limit": 0})).json()["data"]
    assert (nothing["videos"], nothing["token"]) == ([], None)


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"token": "?"}, {"token": "Zm9v"}])
async def test_bad_paging_is_refused(api, query):
    """The parameter is named."""
    answer = await api.get("/v3/videos", params=query)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in query


async def test_a_deleted_video_is_gone_on_both_wires(api, sandbox):
    """The second delete is a 404; the job still counts as created."""
    first, second = await create(api), await create(api)
    assert (await api.delete(f"/v3/videos/{first}")).json() == {"data": {"id": first, "deleted": True}}
    answer = await api.delete("/v1/video.delete", params={"video_id": second})
    assert answer.json() == {"code": 100, "data": None, "msg": None}
    again = [
        await api.delete(f"/v3/videos/{first}"),
        await api.delete("/v1/video.delete", params={"video_id": second}),
        await api.get(f"/v3/videos/{first}"),
        await api.get("/v1/video_status.get", params={"video_id": first}),
    ]
    assert [answer.status_code for answer in again] == [404] * 4
    assert (await api.get("/v3/videos")).json()["data"] == []
    assert sandbox.jobs.count == 2


async def test_missing_videos_are_told_in_each_envelope(api):
    """v3 has a code and a link to its documentation, v1 a number."""
    v3 = (await api.get("/v3/videos/nope")).json()
    assert v3 == {
        "error": {
            "code": "video_not_found",
            "message": "Video nope not found",
            "doc_url": "https://developers.heygen.com/docs/error-codes#video-not-found",
        }
    }
    v1 = await api.get("/v1/video_status.get", params={"video_id": "nope"})
    assert (v1.status_code, v1.json()) == (404, {"code": 40104, "message": "Video not found"})
    bare = await api.get("/v1/video_status.get")
    assert (bare.status_code, bare.json()) == (400, {"code": 400, "message": "Invlid parameters"})


async def test_invalid_bodies_are_refused_in_each_envelope(api, sandbox):
    """v3 names the field in `param` and lists all faults; v2 says them in the message; nothing is created."""
    v3 = await api.post("/v3/videos", json=avatar_video(avatar_id=7, surprise=1))
    error = v3.json()["error"]
    assert (v3.status_code, error["code"], error["param"]) == (400, "invalid_parameter", "avatar_id")
    assert {fault["path"] for fault in error["errors"]} == {"avatar_id", "surprise"}
    v2 = await api.post("/v2/video/generate", json=quick_start(dimension={"width": 1, "height": 720}))
    assert v2.status_code == 400
    assert v2.json()["data"] is None
    assert v2.json()["error"]["code"] == "invalid_parameter"
    assert "dimension.width is invalid" in v2.json()["error"]["message"]
    for path in ("/v3/videos", "/v2/video/generate"):
        for garbage in (b"{not json", b'{"fps": NaN}', b'{"title": "\\ud800"}', b"\xff", b""):
            assert (await api.post(path, content=garbage)).status_code == 400
    assert sandbox.jobs.count == 0


async def test_lenient_lets_unknown_fields_pass(api, sandbox):
    """One official client sends a field that the schema does not have; everything else stays strict."""
    assert (await api.post("/v3/videos", json=avatar_video(test=False))).status_code == 400
    sandbox.switches.lenient = True
    assert (await api.post("/v3/videos", json=avatar_video(test=False))).status_code == 200
    assert (await api.post("/v3/videos", json=avatar_video(test=False, avatar_id=7))).status_code == 400


async def test_without_a_key_nobody_gets_in(sandbox):
    """401 in each envelope; with `keys` set, other keys do not count either."""
    calls = [("GET", "/v3/videos"), ("GET", "/v1/video.list"), ("POST", "/v2/video/generate")]
    async with in_process(sandbox, key=None) as stranger:
        v3, v1, v2 = [await stranger.request(method, path) for method, path in calls]
    assert [answer.status_code for answer in (v3, v1, v2)] == [401] * 3
    assert v3.json()["error"]["code"] == "unauthorized"
    assert v1.json() == {"code": 400112, "message": "Unauthorized"}
    assert v2.json() == {"data": None, "error": {"code": "unauthorized", "message": "Unauthorized"}}
    sandbox.switches.keys = {"good"}
    for key, status in (("good", 200), ("bad", 401)):
        async with in_process(sandbox, key=key) as client:
            assert (await client.get("/v3/videos")).status_code == status


async def test_a_key_replays_the_first_answer_even_for_another_body(api, sandbox):
    """One job, one charge; after 24 hours on the virtual clock the key is new."""
    headers = {"Idempotency-Key": "order-1"}
    first = await api.post("/v3/videos", json=avatar_video(), headers=headers)
    again = await api.post("/v3/videos", json=avatar_video(script="Something else."), headers=headers)
    broken = await api.post("/v3/videos", content=b"not even json", headers=headers)
    assert first.json() == again.json() == broken.json()
    assert (sandbox.jobs.count, len(sandbox.charges)) == (1, 1)
    sandbox.advance(24 * 3600)
    later = await api.post("/v3/videos", json=avatar_video(), headers=headers)
    assert later.json() != first.json()
    assert sandbox.jobs.count == 2


async def test_keys_of_different_accounts_do_not_meet(api, sandbox):
    """The API key is part of the scope."""
    headers = {"Idempotency-Key": "order-1"}
    await api.post("/v3/videos", json=avatar_video(), headers=headers)
    await api.post("/v3/videos", json=avatar_video(), headers=headers | {"X-Api-Key": "another"})
    assert sandbox.jobs.count == 2


async def test_a_repeat_while_the_first_is_running_is_a_409(api, sandbox):
    """`request_in_progress`; afterwards the key leads to the one job."""
    sandbox.switches.create_delay = 0.05
    headers = {"Idempotency-Key": "order-1"}
    answers: list[httpx.Response] = []

    async def post() -> None:
        answers.append(await api.post("/v3/videos", json=avatar_video(), headers=headers))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post)
        tasks.start_soon(post)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert answers[0].json()["error"]["code"] == "request_in_progress"
    assert (await api.post("/v3/videos", json=avatar_video(), headers=headers)).json() == answers[1].json()
    assert sandbox.jobs.count == 1


async def test_a_client_that_leaves_during_the_create_finds_its_job_by_the_key(api, sandbox):
    """The job exists and the key replays it."""
    sandbox.switches.create_delay = 0.02
    headers = {"Idempotency-Key": "order-1"}
    with anyio.move_on_after(0.001):
        await api.post("/v3/videos", json=avatar_video(), headers=headers)
    await api.post("/v3/videos", json=avatar_video(), headers=headers)
    assert sandbox.jobs.count == 1


@pytest.mark.parametrize("stored", [False, True])
async def test_whether_refusals_are_stored_under_a_key_is_a_switch(api, sandbox, stored):
    """HeyGen does not say; both ways can be tested."""
    sandbox.switches.store_errors = stored
    headers = {"Idempotency-Key": "order-1"}
    refused = await api.post("/v3/videos", json=avatar_video(avatar_id=7), headers=headers)
    mended = await api.post("/v3/videos", json=avatar_video(), headers=headers)
    assert refused.status_code == 400
    assert mended.status_code == (400 if stored else 200)
    assert sandbox.jobs.count == (0 if stored else 1)


@pytest.mark.parametrize("key", ["", "x" * 256, "with space"])
async def test_malformed_idempotency_keys_are_refused(api, key):
    """1 to 255 of a small alphabet."""
    answer = await api.post("/v3/videos", json=avatar_video(), headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "Idempotency-Key")


async def test_above_the_limit_v3_answers_429_and_v2_queues(api, sandbox):
    """Retry-After comes with the 429 and can be changed or left out; v2 jobs show `waiting`."""
    sandbox.concurrency = 1
    sandbox.progress(after=60)
    running = await generate(api)
    refused = await api.post("/v3/videos", json=avatar_video())
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    sandbox.switches.retry_after = None
    assert "Retry-After" not in (await api.post("/v3/videos", json=avatar_video())).headers
    waiting = await generate(api)
    assert [(await look_v1(api, video))["status"] for video in (running, waiting)] == ["pending", "waiting"]
    assert (await api.get(f"/v3/videos/{waiting}")).json()["data"]["status"] == "pending"
    sandbox.advance(60)
    assert [(await look_v1(api, video))["status"] for video in (running, waiting)] == ["completed", "pending"]


async def test_an_empty_wallet_refuses_new_videos(api, sandbox):
    """402 on v3, 400 on v2 with the same code; test videos are free."""
    sandbox.wallet = 0.001
    v3 = await api.post("/v3/videos", json=avatar_video())
    assert (v3.status_code, v3.json()["error"]["code"]) == (402, "insufficient_credit")
    v2 = await api.post("/v2/video/generate", json=quick_start(test=False))
    assert (v2.status_code, v2.json()["error"]["code"]) == (400, "insufficient_credit")
    await generate(api, test=True)
    assert (sandbox.jobs.count, sandbox.wallet) == (1, 0.001)


async def test_every_answer_has_a_request_id_and_is_in_the_journal(api, sandbox):
    """Errors too; of the API key the journal knows only that there was one."""
    await api.post("/v3/videos", json=avatar_video(), headers={"Idempotency-Key": "k1"})
    answers = [await api.get("/v3/videos/nope"), await api.get("/nowhere"), await api.get("/v1/video.list?limit=3")]
    calls = list(sandbox.requests)
    assert [call.request_id for call in calls[1:]] == [answer.headers["X-Request-Id"] for answer in answers]
    assert [(call.method, call.path, call.status) for call in calls] == [
        ("POST", "/v3/videos", 200),
        ("GET", "/v3/videos/nope", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/video.list", 200),
    ]
    assert (calls[0].idempotency_key, calls[0].key_sent, calls[3].query) == ("k1", True, "limit=3")
    assert "test-key" not in repr(calls)
    assert sandbox.requests.count("GET /v3/videos/*") == 1
    assert len(sandbox.requests.matching("* /v?/*")) == 3
    assert sandbox.requests[-1] is calls[-1]


async def test_the_end_of_v1_and_v2_is_announced(api, sandbox):
    """Headers on every v1/v2 answer, a `warning` in v2 bodies, nothing on v3; all of it can be switched off."""
    v2 = await api.post("/v2/video/generate", json=quick_start())
    v1, missing, v3 = [await api.get(path) for path in ("/v1/video.list", "/v1/video_status.get", "/v3/videos")]
    for answer in (v2, v1, missing):
        assert (answer.headers["Deprecation"], answer.headers["Sunset"]) == ("true", "Sat, 31 Oct 2026 00:00:00 GMT")
    assert v2.json()["warning"]["sunset_date"] == "2026-10-31"
    assert "Deprecation" not in v3.headers
    sandbox.switches.deprecation = False
    v2 = await api.post("/v2/video/generate", json=quick_start())
    assert "warning" not in v2.json()
    assert "Sunset" not in v2.headers


@pytest.mark.parametrize("status", [410, 404, 405])
async def test_v1_and_v2_can_be_retired(api, sandbox, status):
    """The route itself is gone; v3 goes on."""
    sandbox.v2_gone = status
    assert sandbox.v2_gone == status
    gone = [await api.post("/v2/video/generate", json=quick_start()), await api.get("/v1/video.list")]
    assert [answer.status_code for answer in gone] == [status, status]
    assert "video" not in gone[0].json()["error"]["message"].lower() or status == 410
    await create(api)


async def test_unknown_routes_and_methods_are_refused_in_the_envelope_of_their_version(api):
    """404 and 405."""
    v3, v2 = await api.get("/v3/podcasts"), await api.get("/v2/video/generate")
    assert (v3.status_code, v3.json()["error"]["code"]) == (404, "not_found")
    assert (v2.status_code, v2.json()["error"]["code"]) == (405, "method_not_allowed")
    assert v2.headers["Allow"] == "POST"


async def test_the_front_page_says_what_this_is(api):
    """Nobody must take it for the service."""
    assert "not HeyGen" in (await api.get("/")).text


async def test_mounted_in_another_app_links_lead_back_to_it(sandbox):
    """The mount path is part of every link."""
    host = Starlette()
    host.mount("/heygen", sandbox)
    transport = httpx.ASGITransport(host)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        headers = {"X-Api-Key": "k"}
        created = await client.post("/heygen/v3/videos", json=avatar_video(), headers=headers)
        video_id = created.json()["data"]["video_id"]
        data = (await client.get(f"/heygen/v3/videos/{video_id}", headers=headers)).json()["data"]
        assert data["video_url"].startswith("http://localhost:8000/heygen/files/")
        assert (await client.get(data["video_url"])).status_code == 200
    assert sandbox.requests[0].path == "/v3/videos"


async def test_reset_goes_back_to_the_start(api, sandbox):
    """Jobs, charges, calls, keys, switches and the speed are as at the start; the clock keeps its time."""
    headers = {"Idempotency-Key": "k"}
    first = (await api.post("/v3/videos", json=avatar_video(), headers=headers)).json()
    sandbox.progress("polls=2")
    sandbox.concurrency, sandbox.wallet, sandbox.v2_gone = 1, 5.0, 410
    sandbox.fail_next(times=2)
    sandbox.advance(10)
    sandbox.clock.rate = 1e-6
    sandbox.reset()
    assert sandbox.clock.rate == 0
    assert (sandbox.jobs.count, sandbox.charges, len(sandbox.requests)) == (0, [], 0)
    assert (sandbox.concurrency, sandbox.wallet, sandbox.v2_gone) == (10, 10_000.0, None)
    assert sandbox.clock.now() == pytest.approx(1_800_000_010.0, abs=0.01)
    again = (await api.post("/v3/videos", json=avatar_video(), headers=headers)).json()
    assert again == first, "ids start from the seed again"
    assert len(sandbox.jobs) == 1
    assert [job.status for job in sandbox.jobs] == ["completed"]


async def test_rules_can_be_given_as_values(api, sandbox):
    """The constructor and `progress` take words or a `Progress`."""
    sandbox.progress(Progress(after=3))
    video_id = await create(api)
    assert sandbox.jobs[video_id].status == "pending"
    sandbox.progress("immediate")
    assert sandbox.jobs[video_id].status == "completed"
