"""Calls that no client should make, and clients that are not alone: the sandbox refuses, and loses or leaks nothing."""

from __future__ import annotations

import json
import threading
from urllib.parse import quote

import httpx
import pytest

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.bodies import MAX_BODY
from heygen_async.sandbox.gate import ApiGate, Switches
from heygen_async.sandbox.idempotency import REMEMBERED_SECONDS, Answer, IdempotencyRecords, RequestInProgressError
from heygen_async.sandbox.kept import stores_of
from heygen_async.sandbox.table import TABLE
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
SECRET = "sk_V2_hgu_abcdefghijklmnop"


@pytest.fixture
def anyio_backend() -> str:
    """Run on one loop: nothing here waits for anything."""
    return "asyncio"


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    """Return a sandbox whose clock moves only by hand."""
    return Sandbox(renderer=InstantRenderer(tmp_path, size=4096), speed=0.0, start_time=1_800_000_000.0)


@pytest.fixture
async def api(sandbox):
    async with in_process(sandbox, key=SECRET) as client:
        yield client


NO_JSON = {
    "nested without end": b"[" * 100_000,
    "nested deeper than any request": b"[" * 66 + b"]" * 66,
    "beyond all bounds": b'{"type": 1e999}',
    "not a number": b'{"type": NaN}',
    "a number of 5000 digits": b'{"type": ' + b"9" * 5000 + b"}",
    "not UTF-8": b'{"type": "\xff"}',
    "half a character": b'{"type": "\\ud800"}',
    "cut off": b'{"type": "avatar", ',
    "nothing": b"",
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
async def test_what_is_no_json_is_refused_in_the_envelope_of_its_wire(api, body):
    v3 = await api.post("/v3/videos", content=body, headers=JSON)
    assert (v3.status_code, v3.json()["error"]["code"], v3.json()["error"]["param"]) == (
        400,
        "invalid_parameter",
        "body",
    )
    v2 = await api.post("/v2/video/generate", content=body, headers=JSON)
    assert (v2.status_code, v2.json()["error"]["code"]) == (400, "invalid_parameter")


async def test_what_passes_unread_may_be_nested_a_little(api, sandbox):
    """Everything that walks through a body copes with the deepest."""
    sandbox.switches.lenient = True
    nested: list = []
    for _ in range(60):
        nested = [nested, {"avatar_id": "x"}]
    assert (await api.post("/v3/videos", json=avatar_video(more=nested))).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_v3_wants_json_to_be_called_json(api, sandbox, kind):
    """A client that forgets the header learns it here; the lenient switch and v2 let it pass."""
    headers, body = ({"Content-Type": kind} if kind else {}), json.dumps(avatar_video()).encode()
    answer = await api.post("/v3/videos", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "Content-Type")
    sandbox.switches.lenient = True
    assert (await api.post("/v3/videos", content=body, headers=headers)).status_code == 200


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
async def test_parameters_and_capitals_of_the_media_type_do_not_matter(api, kind):
    body = json.dumps(avatar_video()).encode()
    assert (await api.post("/v3/videos", content=body, headers={"Content-Type": kind})).status_code == 200


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("path", ["/v3/videos", "/v3/videos/batches", "/v2/video/generate", "/v3/voices"])
async def test_a_body_above_the_limit_is_refused(api, sandbox, path, declared):
    """By its declared length at once, else as soon as it is too much; nothing of it is kept."""
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 8 * 1024 * 1024
            yield b" " * 8 * 1024 * 1024

    headers = JSON | ({"Content-Length": str(MAX_BODY + 1)} if declared else {})
    answer = await api.post(path, content=endless(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"
    assert sent <= (0 if declared else MAX_BODY + 16 * 1024 * 1024)
    assert sandbox.jobs.count == 0


@pytest.mark.parametrize("limit", ["9" * 5000, "٣", "1.0", " 1", "+1", "", "0x1"])
async def test_a_limit_is_a_plain_number(api, limit):
    for path in ("/v3/videos", "/v3/voices"):
        answer = await api.get(path, params={"limit": limit})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit")


PATHS = sorted({endpoint.rule.split(" ")[1] for endpoint in TABLE})


@pytest.mark.parametrize("path", PATHS)
async def test_a_wrong_method_is_a_405_that_names_the_right_ones(api, path):
    """In the envelope of the wire, whatever handlers share the path."""
    right = {endpoint.method for endpoint in TABLE if endpoint.rule.endswith(f" {path}")}
    for method in {"PUT", "OPTIONS", "TRACE"} - right:
        answer = await api.request(method, path.replace("{", "").replace("}", ""))
        assert answer.status_code == 405
        assert right <= {name.strip() for name in answer.headers["Allow"].split(",")}
        assert {"error", "code"} & answer.json().keys()


@pytest.mark.parametrize("path", ["/v3/videos/", "/v3", "/v3/", "/v1/video.list/", "/v3//videos"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_path_with_a_slash_too_many_is_not_found(api, method, path):
    """A redirect would hide the client's mistake."""
    assert (await api.request(method, path)).status_code == 404


TRAVERSALS = ["..%2f..%2fetc%2fpasswd", "%2e%2e", "..%5c..%5cx", "%00", "video.mp4%00.jpg", "..;/"]


@pytest.mark.parametrize("name", TRAVERSALS)
async def test_no_path_leads_out_of_the_files(api, name):
    for path in (f"/files/{name}/video.mp4", f"/files/x/{name}", f"/files/assets/{name}/original.png"):
        answer = await api.get(path, headers={"X-Api-Key": ""})
        assert answer.status_code in {400, 403, 404}
        assert b"root:" not in answer.content


async def test_a_defect_of_the_sandbox_is_a_500_in_the_envelope_and_no_secret_of_its_own(sandbox, monkeypatch):
    """The client sees what HeyGen would say; the caller in process sees the defect."""
    monkeypatch.setattr(type(sandbox._service), "look", lambda *_: 1 / 0)
    transport = httpx.ASGITransport(sandbox, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as api:
        answer = await api.get("/v3/videos/x", headers={"X-Api-Key": "k"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    async with in_process(sandbox) as api:
        with pytest.raises(ZeroDivisionError):
            await api.get("/v3/videos/x")


async def test_a_defect_after_the_answer_has_begun_breaks_it_off():
    """A second answer cannot follow the first."""
    sent: list[str] = []

    async def half_an_answer(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    async def send(message):
        sent.append(message["type"])

    async def receive():
        raise AssertionError("nothing is read")

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"x-api-key", b"k")]}
    with pytest.raises(ZeroDivisionError):
        await ApiGate(half_an_answer, generation="v3", switches=Switches())(scope, receive, send)
    assert sent == ["http.response.start"]


async def test_neither_journal_nor_state_holds_an_api_key(api, sandbox):
    """Not even one that was put into a query or a body."""
    await api.get(f"/v3/videos?title={quote(SECRET)}")
    body = avatar_video(title=SECRET, callback_id="cb")
    await api.post("/v3/videos", json=body, headers={"Idempotency-Key": "once", "X-Other": f"Bearer {SECRET}"})
    written = [(call.path, call.query, call.body, *call.headers.values()) for call in sandbox.requests]
    assert len(written) == 2
    assert SECRET not in repr(written)
    state = json.dumps({name: store.to_json() for name, store in stores_of(sandbox._service).items()})
    assert "once" in state
    assert SECRET not in state.replace(json.dumps(SECRET), "")  # the title, which is the client's own word


def test_an_open_request_keeps_its_key_however_far_the_clock_is_moved():
    """The first answer must not become that of another request."""
    records = IdempotencyRecords()
    records.begin("scope", "key", now=0.0)
    with pytest.raises(RequestInProgressError):
        records.begin("scope", "key", now=REMEMBERED_SECONDS * 7)
    records.finish("scope", "key", Answer(200, {"data": 1}))
    assert records.begin("scope", "key", now=REMEMBERED_SECONDS - 1) == Answer(200, {"data": 1})
    assert records.begin("scope", "key", now=REMEMBERED_SECONDS) is None


def test_old_records_are_dropped_though_nobody_asks_for_them():
    """A sandbox that runs for weeks keeps a day of them."""
    records = IdempotencyRecords()
    for number in range(100):
        records.begin("scope", f"key-{number}", now=float(number))
        records.finish("scope", f"key-{number}", Answer(200, {}))
    records.begin("scope", "late", now=REMEMBERED_SECONDS + 50)
    assert len(records.to_json()["records"]) == 49


def test_jobs_and_calls_can_be_read_while_others_are_made(tmp_path):
    """The test's thread iterates, the server's inserts."""
    with Sandbox(renderer=InstantRenderer(tmp_path, size=4096), concurrency=None) as sandbox:
        ended = threading.Event()
        broken: list[Exception] = []

        def read() -> None:
            try:
                while not ended.is_set():
                    assert len(list(sandbox.jobs)) <= 60
                    assert sum(1 for _ in sandbox.requests) <= 60
                    assert sandbox.charges is not None
            except Exception as error:
                broken.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        with httpx.Client(base_url=sandbox.url, headers={"X-Api-Key": "k"}, trust_env=False) as client:
            for _ in range(60):
                assert client.post("/v3/videos", json=avatar_video()).status_code == 200
        ended.set()
        reader.join()
        assert not broken
        assert sandbox.jobs.count == 60


@pytest.mark.parametrize("path", ["/v3/avatars", "/v3/voices", "/v3/videos", "/v1/video.list"])
async def test_pages_do_not_shift_when_something_new_comes_in_between(api, sandbox, path):
    """Every row that was there at the first page is seen once."""
    sandbox.concurrency = None
    for number in range(6):
        await api.post("/v3/videos", json=avatar_video(title=str(number)))

    async def page(token: str | None) -> tuple[list[str], str | None]:
        answer = (await api.get(path, params={"limit": 2} | ({"token": token} if token else {}))).json()
        rows = answer["data"]["videos"] if path.startswith("/v1") else answer["data"]
        names = [str(row.get("id") or row.get("voice_id") or row.get("video_id")) for row in rows]
        return names, answer["data"]["token"] if path.startswith("/v1") else answer["next_token"]

    async def all_pages(*, interfere: bool) -> list[str]:
        seen, token = await page(None)
        while token:
            if interfere:
                await api.post("/v3/videos", json=avatar_video())
                photo = {"type": "photo", "name": "n", "file": {"type": "url", "url": "https://example.com/a.png"}}
                await api.post("/v3/avatars", json=photo)
                await api.post("/v3/voices/clone", json={"voice_name": "n", "audio": photo["file"]})
            more, token = await page(token)
            seen += more
        return seen

    quiet = await all_pages(interfere=False)
    assert len(quiet) == len(set(quiet)) >= 6
    assert await all_pages(interfere=True) == quiet


async def test_every_id_of_every_kind_is_its_own(api, sandbox):
    """Also after something was deleted."""
    sandbox.concurrency = None
    source = {"type": "url", "url": "https://example.com/a.png"}
    ids: list[str] = []
    for _ in range(3):
        ids.append((await api.post("/v3/videos", json=avatar_video())).json()["data"]["video_id"])
        await api.delete(f"/v3/videos/{ids[-1]}")
        look = (await api.post("/v3/avatars", json={"type": "photo", "name": "n", "file": source})).json()["data"]
        ids += [look["avatar_item"]["id"], look["avatar_group"]["id"]]
        await api.delete(f"/v3/avatars/{ids[-1]}")
        voice = await api.post("/v3/voices/clone", json={"voice_name": "n", "audio": source})
        ids.append(voice.json()["data"]["voice_clone_id"])
        await api.delete(f"/v3/voices/{ids[-1]}")
        asset = await api.post("/v3/assets", files={"file": ("a.png", b"\x89PNG\r\n\x1a\n" + b"0" * 40)})
        ids.append(asset.json()["data"]["asset_id"])
        await api.delete(f"/v3/assets/{ids[-1]}")
        hook = await api.post("/v3/webhooks/endpoints", json={"url": "http://127.0.0.1:9/"})
        ids.append(hook.json()["data"]["endpoint_id"])
        await api.delete(f"/v3/webhooks/endpoints/{ids[-1]}")
    assert len(ids) == len(set(ids)) == 18


async def test_the_page_is_not_sent_the_files_that_a_request_brought(api):
    """Scripts are shown whole."""
    script, data = "word " * 1000, "QUJD" * 100_000
    image = {"type": "base64", "media_type": "image/png", "data": data}
    answer = await api.post("/v3/videos", json=avatar_video(type="image", avatar_id=None, image=image, script=script))
    assert answer.status_code == 200, answer.text
    shown = (await api.get("/_sandbox/jobs")).json()["jobs"][0]["request"]
    assert shown["script"] == script
    assert shown["image"]["data"] == data[:100] + "... (400000 characters)"


async def test_a_key_with_another_body_is_replayed_and_told_of(api, sandbox, caplog):
    """HeyGen says nothing; whoever wrote the client should hear of it."""
    headers = {"Idempotency-Key": "k"}
    answers = [
        (await api.post("/v3/videos", json=avatar_video(title=title), headers=headers)).json()
        for title in ("one", "one", "two")
    ]
    assert answers[0] == answers[1] == answers[2]
    assert sandbox.jobs.count == 1
    hints = [call.hint for call in sandbox.requests]
    assert hints[:2] == [None, None]
    assert "another body" in hints[2]
    assert [record.levelname for record in caplog.records if "another body" in record.message] == ["WARNING"]
