"""Batches and bulk statuses of videos and of direct uploads."""

from __future__ import annotations

import httpx
import pytest

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.batches import Item, State, counts, item_json, whole_status
from heygen_async.sandbox.stock_files import picture
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process

pytestmark = pytest.mark.anyio

PNG = picture(1, 2, 3, side=4)


@pytest.fixture
def anyio_backend() -> str:
    """Run on one loop: nothing here waits for anything."""
    return "asyncio"


@pytest.fixture
def sandbox(tmp_path):
    """Return a sandbox whose clock moves only by hand."""
    sandbox = Sandbox(renderer=InstantRenderer(tmp_path, size=4096), speed=0.0, start_time=1_800_000_000.0)
    yield sandbox
    sandbox.stop()


@pytest.fixture
async def api(sandbox):
    async with in_process(sandbox) as client:
        yield client


async def send(api: httpx.AsyncClient, *videos: object, **changes) -> str:
    answer = await api.post("/v3/videos/batches", json={"videos": list(videos), **changes})
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    assert (data["status"], data["total_items"]) == ("processing", len(videos))
    return data["batch_id"]


async def read(api: httpx.AsyncClient, batch_id: str, **query) -> dict:
    answer = await api.get(f"/v3/videos/batches/{batch_id}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def statuses(api: httpx.AsyncClient, **query) -> list[dict]:
    answer = await api.get("/v3/videos/statuses", params=query)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["has_more"], answer.json()["next_token"]) == (False, None)
    return answer.json()["data"]


async def test_a_batch_is_read_back_with_its_items(api, sandbox):
    """In the order that was sent; the videos are ordinary videos."""
    batch_id = await send(api, avatar_video(title="a"), avatar_video(title="b"), title="Campaign")
    batch = await read(api, batch_id)
    assert (batch["title"], batch["status"], batch["created_at"]) == ("Campaign", "completed", 1_800_000_000)
    assert batch["counts_by_status"] == {"completed": 2}
    assert [item["item_index"] for item in batch["items"]] == [0, 1]
    titles = [(await api.get(f"/v3/videos/{item['video_id']}")).json()["data"]["title"] for item in batch["items"]]
    assert titles == ["a", "b"]
    assert len(sandbox.charges) == 2


async def test_a_bad_item_fails_alone(api, sandbox):
    """Its error stands where its video would be; the others are made."""
    batch_id = await send(api, avatar_video(), avatar_video(script=7), {"type": "statue"}, avatar_video(nonsense=1))
    batch = await read(api, batch_id)
    assert [item["status"] for item in batch["items"]] == ["completed", "failed", "failed", "failed"]
    assert [item["video_id"] is None for item in batch["items"]] == [False, True, True, True]
    assert batch["items"][1]["error"]["code"] == "invalid_parameter"
    assert "script" in batch["items"][1]["error"]["message"]
    assert (batch["status"], batch["counts_by_status"]) == ("completed", {"completed": 1, "failed": 3})
    assert sandbox.jobs.count == 1


async def test_lenient_items_may_have_unknown_fields(api, sandbox):
    """The same switch as for single videos."""
    sandbox.switches.lenient = True
    batch = await read(api, await send(api, avatar_video(test=False)))
    assert batch["counts_by_status"] == {"completed": 1}


async def test_a_batch_without_a_good_item_has_failed(api):
    """`failed` means all of them."""
    assert (await read(api, await send(api, {"type": "statue"})))["status"] == "failed"


async def test_an_item_that_cannot_be_paid_fails_alone(api, sandbox):
    """The wallet is enough for two."""
    sandbox.wallet = 0.3
    batch = await read(api, await send(api, *[avatar_video()] * 3))
    assert [item["status"] for item in batch["items"]] == ["completed", "completed", "failed"]
    assert batch["items"][2]["error"]["code"] == "insufficient_credit"


async def test_items_above_the_limit_are_queued_not_refused(api, sandbox):
    """They have no video yet; single videos are refused meanwhile."""
    sandbox.concurrency = 2
    sandbox.progress("after 10s")
    batch_id = await send(api, *[avatar_video()] * 5)
    batch = await read(api, batch_id)
    assert [item["video_id"] is None for item in batch["items"]] == [False, False, True, True, True]
    assert (batch["status"], batch["counts_by_status"]) == ("processing", {"queued": 5})
    assert (await api.post("/v3/videos", json=avatar_video())).status_code == 429
    assert len((await api.get("/v3/videos")).json()["data"]) == 2
    seen = []
    for _ in range(3):
        sandbox.advance(10)
        batch = await read(api, batch_id)
        seen.append(batch["counts_by_status"].get("completed", 0))
    assert (seen, batch["status"]) == ([2, 4, 5], "completed")


async def test_a_batch_is_read_in_pages(api):
    """The paging stands inside of `data`; a bad limit or token is refused."""
    batch_id = await send(api, *[avatar_video(title=str(number)) for number in range(5)])
    found, token = [], None
    for _ in range(3):
        page = await read(api, batch_id, limit=2, **({"token": token} if token else {}))
        assert (page["total_items"], page["counts_by_status"]) == (5, {"completed": 5})
        found += [item["item_index"] for item in page["items"]]
        token = page["next_token"]
    assert (found, token, page["has_more"]) == ([0, 1, 2, 3, 4], None, False)
    for query in ({"limit": 0}, {"limit": 101}, {"token": "x"}):
        answer = await api.get(f"/v3/videos/batches/{batch_id}", params=query)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(query)))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"videos": []}, "videos"),
        ({"videos": [{}] * 101}, "videos"),
        ({"videos": "x"}, "videos"),
        ({}, "videos"),
        ({"videos": [1]}, "videos.0"),
        ({"videos": [{}], "callback_url": "nowhere"}, "callback_url"),
    ],
)
async def test_a_batch_of_the_wrong_size_or_shape_is_refused_as_a_whole(api, sandbox, body, param):
    """1 to 100 items."""
    answer = await api.post("/v3/videos/batches", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert sandbox.jobs.count == 0


async def test_a_batch_is_idempotent(api, sandbox):
    """One key, one batch, its videos made and paid once."""
    body, headers = {"videos": [avatar_video(), avatar_video()]}, {"Idempotency-Key": "b-1"}
    first = await api.post("/v3/videos/batches", json=body, headers=headers)
    again = await api.post("/v3/videos/batches", json=body, headers=headers)
    assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
    assert (sandbox.jobs.count, len(sandbox.charges)) == (2, 2)


async def test_the_same_key_on_another_endpoint_is_another_key(api, sandbox):
    """Endpoint and path parameters are part of its scope."""
    headers = {"Idempotency-Key": "k"}
    await api.post("/v3/videos", json=avatar_video(), headers=headers)
    answer = await api.post("/v3/videos/batches", json={"videos": [avatar_video()]}, headers=headers)
    assert answer.status_code == 202
    assert sandbox.jobs.count == 2


async def test_bulk_statuses_take_videos_and_batches_together(api, sandbox):
    """Batches are shown as their items; unknown ids are `not_found`."""
    single = (await api.post("/v3/videos", json=avatar_video())).json()["data"]["video_id"]
    batch_id = await send(api, avatar_video(), {"type": "statue"})
    rows = await statuses(api, video_ids=f"{single},nothing", batch_ids=f"{batch_id},no-batch")
    assert [row["status"] for row in rows] == ["completed", "not_found", "completed", "failed", "not_found"]
    assert [row["batch_id"] for row in rows] == [None, None, batch_id, batch_id, "no-batch"]
    assert [row["item_index"] for row in rows] == [None, None, 0, 1, None]
    assert rows[3]["error"]["code"] == "invalid_parameter"
    assert (await statuses(api, batch_ids=batch_id))[0]["video_id"] == rows[2]["video_id"]


@pytest.mark.parametrize("query", [{}, {"video_ids": ""}, {"video_ids": ",".join("a" * 101)}, {"batch_ids": ","}])
async def test_bulk_statuses_take_1_to_100_ids(api, query):
    """400 otherwise."""
    answer = await api.get("/v3/videos/statuses", params=query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "video_ids")


async def test_looks_of_a_batch_move_its_jobs(api, sandbox):
    """As a look at each of its videos would."""
    sandbox.progress("polls=2")
    batch_id = await send(api, avatar_video())
    assert [(await read(api, batch_id))["items"][0]["status"] for _ in range(2)] == ["queued", "completed"]


async def test_a_deleted_video_fails_its_item(api):
    """A batch has no word for it; the bulk statuses do."""
    batch_id = await send(api, avatar_video())
    video_id = (await read(api, batch_id))["items"][0]["video_id"]
    await api.delete(f"/v3/videos/{video_id}")
    (item,) = (await read(api, batch_id))["items"]
    assert (item["status"], item["error"]["code"]) == ("failed", "not_found")


async def test_an_unknown_batch_is_a_404(api):
    """A batch of another family is unknown too."""
    files = [{"filename": "a.png", "content_type": "image/png", "size_bytes": 1}]
    other = (await api.post("/v3/assets/direct-uploads/batches", json={"files": files})).json()["data"]["batch_id"]
    for batch_id in ("nothing", other):
        assert (await api.get(f"/v3/videos/batches/{batch_id}")).status_code == 404


async def test_uploads_in_a_batch_are_completed_together(api, sandbox):
    """The call may be repeated until the last one has arrived."""
    file = {"filename": "a.png", "content_type": "image/png", "size_bytes": len(PNG)}
    answer = await api.post("/v3/assets/direct-uploads/batches", json={"files": [file, file], "title": "Pictures"})
    assert answer.status_code == 200
    batch_id, slots = answer.json()["data"]["batch_id"], answer.json()["data"]["items"]
    words = [["completed", "queued"], ["completed", "completed"]]
    async with in_process(sandbox, key=None) as host:
        for slot, expected in zip(slots, words, strict=True):
            put = await host.put(slot["upload_url"], content=PNG, headers=slot["upload_headers"])
            assert put.status_code == 200
            done = await api.post("/v3/assets/complete/batches", json={"batch_id": batch_id})
            assert (done.status_code, done.json()["data"]["batch_id"]) == (202, batch_id)
            batch = (await api.get(f"/v3/assets/batches/{batch_id}")).json()["data"]
            assert [item["status"] for item in batch["items"]] == expected
    assert (batch["status"], batch["title"]) == ("completed", "Pictures")
    assert [item["video_id"] for item in batch["items"]] == [slot["asset_id"] for slot in slots]
    ids = {"asset_ids": f"{slots[0]['asset_id']},nothing", "batch_ids": batch_id}
    rows = (await api.get("/v3/assets/statuses", params=ids)).json()["data"]
    assert [row["status"] for row in rows] == ["completed", "not_found", "completed", "completed"]
    assert (await api.post("/v3/assets/complete/batches", json={"batch_id": "nothing"})).status_code == 404


async def test_a_file_of_another_type_stays_behind(api, sandbox):
    """The others are completed."""
    files = [{"filename": "a", "content_type": kind, "size_bytes": len(PNG)} for kind in ("image/jpeg", "image/png")]
    data = (await api.post("/v3/assets/direct-uploads/batches", json={"files": files})).json()["data"]
    async with in_process(sandbox, key=None) as host:
        for slot in data["items"]:
            await host.put(slot["upload_url"], content=PNG, headers=slot["upload_headers"])
    await api.post("/v3/assets/complete/batches", json={"batch_id": data["batch_id"]})
    batch = (await api.get(f"/v3/assets/batches/{data['batch_id']}")).json()["data"]
    assert [item["status"] for item in batch["items"]] == ["queued", "completed"]


async def test_a_batch_of_uploads_is_taken_whole_or_not(api, sandbox):
    """The bad file is named, and nothing is kept of the others."""
    good = {"filename": "a.png", "content_type": "image/png", "size_bytes": 5}
    body = {"files": [good, {**good, "content_type": "image/gif"}]}
    answer = await api.post("/v3/assets/direct-uploads/batches", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "files.1.content_type")
    assert sandbox._service.assets.by_id == {}


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        (["completed"], "completed"),
        (["completed", "failed"], "completed"),
        (["failed", "failed"], "failed"),
        (["queued", "failed"], "processing"),
        (["completed", "processing"], "processing"),
    ],
    ids=" ".join,
)
def test_the_status_of_a_batch_follows_from_its_items(words, whole):
    """`failed` only if all failed, `processing` while one is open."""
    items = [{"status": word} for word in words]
    assert whole_status(items) == whole
    assert sum(counts(items).values()) == len(words)


def test_an_item_has_no_id_before_its_resource_began():
    """It waits for a slot."""
    item = Item(resource_id="v")
    assert item_json(item, State(word="queued", begun=False))["video_id"] is None
    assert item_json(item, State(word="queued"))["video_id"] == "v"
