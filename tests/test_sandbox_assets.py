"""Files brought to the sandbox: multipart, raw and by presigned PUT, their caps, types, links and ends."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlsplit

import anyio
import httpx
import pytest

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.media_types import sniffed
from heygen_async.sandbox.receiving import MAX_UPLOAD
from heygen_async.sandbox.stock_files import picture, tune
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process, quick_start

pytestmark = pytest.mark.anyio

PNG = picture(200, 100, 50, side=8)
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 20


class Endless(httpx.AsyncByteStream):
    """A body without a declared length that never ends; no generator, because nobody would close it."""

    def __aiter__(self):
        return self

    async def __anext__(self) -> bytes:
        return PNG


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


@pytest.fixture
async def host(sandbox):
    """Return a client of the file host: it sends no key."""
    async with in_process(sandbox, key=None) as client:
        yield client


async def ok(call) -> dict:
    answer = await call
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def refused(call) -> tuple[int, str, str | None]:
    answer = await call
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("param")


def upload(api: httpx.AsyncClient, content: bytes = PNG, name: str = "a.png", **headers: str):
    return api.post("/v3/assets", files={"file": (name, content, "application/octet-stream")}, headers=headers)


def announced(content: bytes = PNG, content_type: str = "image/png", **changes) -> dict:
    return {"filename": "a.png", "content_type": content_type, "size_bytes": len(content), **changes}


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        (b"\x1a\x45\xdf\xa3webm", "video/webm"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (tune(440.0, seconds=0.01), "audio/wav"),
        (b"%PDF-1.7", "application/pdf"),
        (b"1\r\n00:00:00,000 --> 00:00:01,000\r\nHi", "application/x-subrip"),
        (b"\xef\xbb\xbf1\n00:00:00.000 --> ", "application/x-subrip"),
        (b"GIF89a", None),
        (b"RIFF\x00\x00\x00\x00WEBP", None),
        (b"\xff\xff\xff", None),
        (b"hello", None),
        (b"", None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_type_of_a_file_is_in_its_first_bytes(head, media_type):
    """Whatever it is called."""
    assert sniffed(head) == media_type


async def test_an_upload_can_be_read_back(api, host, sandbox):
    """By its id, in the list, by its link; the declared type counts for nothing."""
    made = await ok(upload(api))
    assert made == {"asset_id": made["asset_id"], "url": made["url"], "mime_type": "image/png", "size_bytes": len(PNG)}
    read = await host.get(made["url"])
    assert (read.status_code, read.headers["content-type"], read.content) == (200, "image/png", PNG)
    detail = await ok(api.get(f"/v3/assets/{made['asset_id']}"))
    assert (detail["name"], detail["type"], detail["uploaded_at"]) == ("a.png", "image", 1_800_000_000)
    me = await ok(api.get("/v3/users/me"))
    assert detail["owner"] == me["username"]
    assert [row["id"] for row in await ok(api.get("/v3/assets", params={"username": detail["owner"]}))] == [
        detail["id"]
    ]
    assert await ok(api.get("/v3/assets", params={"username": "somebody"})) == []
    assert await ok(api.get("/v3/assets", params={"username": detail["owner"], "folder_id": "f"})) == []
    assert await refused(api.get("/v3/assets")) == (400, "invalid_parameter", "username")


async def test_a_link_ends_with_its_time_and_wants_no_key(api, host, sandbox):
    """S3's words; a changed signature is refused too; a range is a range."""
    url = (await ok(upload(api)))["url"]
    assert (await api.get(url)).status_code == 400
    assert (await host.get(url.replace("Signature=", "Signature=0"))).status_code == 403
    part = await host.get(url, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, PNG[:4])
    sandbox.advance(7 * 24 * 3600)
    late = await host.get(url)
    assert (late.status_code, "Request has expired" in late.text) == (403, True)


async def test_the_store_finds_the_file_by_id_and_by_link(api, sandbox):
    """However the link is signed and wherever it leads; what was never uploaded has none."""
    made = await ok(upload(api))
    path = sandbox._service.assets.path
    file = path(made["asset_id"])
    assert file is not None
    assert file.read_bytes() == PNG
    assert path(made["url"]) == path(made["url"].partition("?")[0]) == file
    assert path(f"https://mounted.example/heygen{urlsplit(made['url']).path}?other=1") == file
    assert path("sandbox-tune").read_bytes()[:4] == b"RIFF"
    for unknown in ("nothing", "https://example.com/a.png", "http://[", "image/x/original.png"):
        assert path(unknown) is None


async def test_a_video_is_planned_with_the_uploaded_file(api, sandbox):
    """The renderer is given the path."""
    made = await ok(upload(api))
    background = {"type": "image", "asset_id": made["asset_id"]}
    await ok(api.post("/v3/videos", json=avatar_video(background=background)))
    (plan,) = [render.plan for render in sandbox._service.renderer.renders]
    assert plan.scenes[0].backdrop.path == str(sandbox._service.assets.path(made["asset_id"]))


async def test_deleting_removes_the_file(api, host, sandbox):
    """The link is dead, the id unknown, the file gone from the disk."""
    made = await ok(upload(api))
    file = sandbox._service.assets.path(made["asset_id"])
    assert await ok(api.delete(f"/v3/assets/{made['asset_id']}")) == {"id": made["asset_id"]}
    assert not file.exists()
    assert (await host.get(made["url"])).status_code == 404
    for call in (api.get, api.delete):
        assert (await refused(call(f"/v3/assets/{made['asset_id']}")))[:2] == (404, "asset_not_found")


async def test_stop_and_reset_remove_all_files(api, sandbox):
    """And an upload afterwards has a place again."""
    await ok(upload(api))
    folder = sandbox._service.assets.folder
    sandbox.reset()
    assert not folder.exists()
    await ok(upload(api))
    folder = sandbox._service.assets.folder
    assert len(list(folder.iterdir())) == 1
    sandbox.stop()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"files": {"file": ("a.gif", b"GIF89a" * 10)}}, 400, "invalid_parameter"),
        ({"files": {"file": ("a.png", b"")}}, 400, "invalid_parameter"),
        ({"files": {"picture": ("a.png", PNG)}}, 400, "invalid_parameter"),
        ({"data": {"file": "text"}}, 400, "invalid_parameter"),
        ({"json": {"file": "x"}}, 400, "invalid_parameter"),
        (
            {"content": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
            400,
            "invalid_parameter",
        ),
        ({"content": PNG, "headers": {"Content-Type": "multipart/form-data"}}, 400, "invalid_parameter"),
    ],
    ids=["unknown type", "empty", "other field", "no file", "json", "broken form", "no boundary"],
)
async def test_what_is_no_upload_is_refused(api, sandbox, body, status, code):
    """The field is named, and nothing stays on the disk."""
    assert await refused(api.post("/v3/assets", **body)) == (status, code, "file")
    assert list(sandbox._service.assets.folder.iterdir()) == []


async def test_a_file_of_exactly_the_cap_is_taken(api):
    """32 MB."""
    made = await ok(upload(api, PNG + bytes(MAX_UPLOAD - len(PNG))))
    assert made["size_bytes"] == MAX_UPLOAD


async def test_a_file_above_the_cap_is_refused(api, sandbox):
    """413."""
    assert await refused(upload(api, PNG + bytes(MAX_UPLOAD))) == (413, "payload_too_large", "file")
    assert list(sandbox._service.assets.folder.iterdir()) == []


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("path", ["/v3/assets", "/v1/asset"])
async def test_no_more_is_read_than_the_cap(sandbox, path, declared):
    """A declared length is refused at once; an endless body when it is above the cap."""
    read = 0

    async def receive() -> dict:
        nonlocal read
        block = bytes(1024 * 1024)
        read += len(block)
        assert read < 2 * MAX_UPLOAD
        return {"type": "http.request", "body": block, "more_body": True}

    headers = [
        (b"x-api-key", b"k"),
        (b"content-type", b"multipart/form-data; boundary=x" if "v3" in path else b"image/png"),
    ]
    if declared:
        headers.append((b"content-length", str(10 * MAX_UPLOAD).encode()))
    sent = []

    async def send(message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80), "client": ("::1", 1),
    }  # fmt: skip
    await sandbox(scope, receive, send)
    # A body of zeros is no form: the parser may find that out before the cap does.
    assert sent[0]["status"] == 413 or ("v3" in path and not declared and sent[0]["status"] == 400)
    assert read == 0 if declared else read <= MAX_UPLOAD + 2 * 1024 * 1024


async def test_an_upload_is_idempotent(api, sandbox):
    """One key, one asset, whatever the second body is; the file of the repeat is dropped."""
    first = await ok(upload(api, **{"Idempotency-Key": "up-1"}))
    again = await ok(upload(api, JPEG, **{"Idempotency-Key": "up-1"}))
    assert again == first
    assert len(list(sandbox._service.assets.folder.iterdir())) == 1
    answer = await upload(api, **{"Idempotency-Key": "not good"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "Idempotency-Key")
    sandbox.advance(24 * 3600)
    assert (await ok(upload(api, **{"Idempotency-Key": "up-1"})))["asset_id"] != first["asset_id"]


async def test_a_direct_upload_is_announced_brought_and_completed(api, host, sandbox):
    """The three steps; completing again gives the same asset."""
    slot = await ok(api.post("/v3/assets/direct-uploads", json=announced()))
    assert (slot["status"], slot["upload_headers"]) == ("pending_upload", {"Content-Type": "image/png"})
    assert slot["expires_in_seconds"] == 3600
    complete = f"/v3/assets/{slot['asset_id']}/complete"
    assert (await refused(api.post(complete, json={})))[:2] == (409, "conflict")
    put = await host.put(slot["upload_url"], content=PNG, headers=slot["upload_headers"])
    assert (put.status_code, bool(put.headers["etag"])) == (200, True)
    digest = hashlib.sha256(PNG)
    done = await ok(api.post(complete, json={"checksum_sha256": digest.hexdigest()}))
    assert (done["asset_id"], done["status"], done["mime_type"]) == (slot["asset_id"], "processing", "image/png")
    again = await ok(api.post(complete))
    assert {**again, "url": None} == {**done, "url": None}
    assert (await host.get(done["url"])).content == PNG
    late = await host.put(slot["upload_url"], content=PNG, headers=slot["upload_headers"])
    assert late.status_code == 409


async def test_a_put_must_bring_what_was_signed(api, host, sandbox):
    """Other types, other sizes, no signature, a key, an expired link: S3's refusals."""
    slot = await ok(api.post("/v3/assets/direct-uploads", json=announced()))
    url, headers = slot["upload_url"], slot["upload_headers"]
    assert (await host.put(url, content=PNG, headers={"Content-Type": "image/jpeg"})).status_code == 403
    assert (await host.put(url, content=PNG + b"x", headers=headers)).status_code == 403
    endless = httpx.Request("PUT", url, headers={"Host": "127.0.0.1", **headers}, stream=Endless())
    assert (await host.send(endless)).status_code == 400
    short = httpx.Request("PUT", url, headers={"Host": "127.0.0.1", **headers}, stream=httpx.ByteStream(PNG[:5]))
    assert (await host.send(short)).status_code == 400
    assert (await host.put("/files/assets/nothing/original.png", content=PNG, headers=headers)).status_code == 404
    assert (await host.put(url.partition("?")[0], content=PNG, headers=headers)).status_code == 403
    assert (await api.put(url, content=PNG, headers=headers)).status_code == 400
    sandbox.advance(3600)
    assert (await host.put(url, content=PNG, headers=headers)).status_code == 403
    assert (await refused(api.post(f"/v3/assets/{slot['asset_id']}/complete", json={})))[:2] == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "brought", "param"),
    [
        (announced(JPEG), JPEG, "content_type"),
        (announced(checksum_sha256="0" * 64), PNG, "checksum_sha256"),
        (announced(checksum_sha256="not base64!"), PNG, "checksum_sha256"),
    ],
    ids=["type", "checksum", "no checksum"],
)
async def test_completing_checks_what_was_brought(api, host, body, brought, param):
    """400, and the asset stays unusable."""
    slot = await ok(api.post("/v3/assets/direct-uploads", json=body))
    await host.put(slot["upload_url"], content=brought, headers=slot["upload_headers"])
    assert await refused(api.post(f"/v3/assets/{slot['asset_id']}/complete", json={})) == (
        400,
        "invalid_parameter",
        param,
    )
    video = avatar_video(script=None, voice_id=None, audio_asset_id=slot["asset_id"])
    assert (await refused(api.post("/v3/videos", json=video)))[:2] == (409, "asset_not_available")


async def test_a_checksum_may_be_base64(api, host):
    """The official command line writes it like this."""
    checksum = base64.b64encode(hashlib.sha256(PNG).digest()).decode()
    slot = await ok(api.post("/v3/assets/direct-uploads", json=announced(checksum_sha256=checksum)))
    await host.put(slot["upload_url"], content=PNG, headers=slot["upload_headers"])
    await ok(api.post(f"/v3/assets/{slot['asset_id']}/complete", json={}))


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"content_type": "image/gif"}, "content_type"),
        ({"size_bytes": 0}, "size_bytes"),
        ({"size_bytes": 10**9}, "size_bytes"),
        ({"filename": 7}, "filename"),
    ],
)
async def test_a_bad_announcement_names_its_field(api, change, param):
    """400."""
    assert await refused(api.post("/v3/assets/direct-uploads", json=announced(**change))) == (
        400, "invalid_parameter", param,
    )  # fmt: skip


async def test_a_fresh_upload_may_be_unknown_for_a_while(api, sandbox):
    """The switch `asset_lag`: a create call answers 404, later it works; the statuses say `processing`."""
    sandbox.switches.asset_lag = 30
    asset_id = (await ok(upload(api)))["asset_id"]
    video = avatar_video(background={"type": "image", "asset_id": asset_id})
    assert (await refused(api.post("/v3/videos", json=video)))[:2] == (404, "asset_not_found")
    for word in ("processing", "completed"):
        rows = await ok(api.get("/v3/assets/statuses", params={"asset_ids": asset_id}))
        assert [row["status"] for row in rows] == [word]
        sandbox.advance(30)
    await ok(api.post("/v3/videos", json=video))


async def test_public_and_own_files_are_searched_by_their_words(api, host):
    """`query` and `type` must be there."""
    mine = (await ok(upload(api, name="Holiday.png")))["asset_id"]
    public = await ok(api.get("/v3/assets/search", params={"query": "night", "type": "image"}))
    assert [row["id"] for row in public] == ["sandbox-image-night"]
    assert (await host.get(public[0]["url"])).content[:4] == b"\x89PNG"
    personal = {"query": "holiday", "type": "image", "scope": "personal"}
    assert [row["id"] for row in await ok(api.get("/v3/assets/search", params=personal))] == [mine]
    assert await ok(api.get("/v3/assets/search", params={**personal, "type": "icon"})) == []
    assert await refused(api.get("/v3/assets/search", params={"type": "image"})) == (400, "invalid_parameter", "query")
    assert await refused(api.get("/v3/assets/search", params={"query": "a"})) == (400, "invalid_parameter", "type")


async def test_v1_takes_raw_bytes(api, host, sandbox):
    """The old envelope; only pictures have an image key, and it leads to the file too."""
    answer = (await api.post("/v1/asset", content=PNG, headers={"Content-Type": "image/png"})).json()
    data = answer["data"]
    assert (answer["code"], data["file_type"], data["created_ts"]) == (100, "image", 1_800_000_000)
    assert sandbox._service.assets.path(data["image_key"]).read_bytes() == PNG
    assert (await host.get(data["url"])).content == PNG
    sound = await api.post("/v1/asset", content=b"ID3sound", headers={"Content-Type": "audio/mpeg"})
    assert "image_key" not in sound.json()["data"]
    listed = (await api.get("/v1/asset/list", params={"file_type": "image"})).json()["data"]
    assert ([row["id"] for row in listed["assets"]], listed["total"], listed["token"]) == ([data["id"]], 1, None)
    assert listed["assets"][0]["asset_id"] == data["id"]
    assert (await api.post(f"/v1/asset/{data['id']}/delete")).json()["code"] == 100
    assert (await api.post(f"/v1/asset/{data['id']}/delete")).status_code == 404


async def test_v1_refuses_bytes_of_another_type(api, sandbox):
    """The number and the words of the upload host."""
    answer = await api.post("/v1/asset", content=PNG, headers={"Content-Type": "image/jpeg"})
    assert (answer.status_code, answer.json()) == (
        400, {"code": 400543, "message": "Content type not match image/png != image/jpeg"},
    )  # fmt: skip
    answer = await api.post("/v1/asset", content=b"%PDF-1.7", headers={"Content-Type": "application/pdf"})
    assert answer.json()["code"] == 400543
    assert list(sandbox._service.assets.folder.iterdir()) == []


async def test_a_talking_photo_is_usable_at_once(api, sandbox):
    """It is in the lists of all wires, renders with a strict catalogue, and can be deleted."""
    sandbox.switches.known_ids = True
    made = (await api.post("/v1/talking_photo", content=JPEG, headers={"Content-Type": "image/jpeg"})).json()["data"]
    photo_id = made["talking_photo_id"]
    rows = (await api.get("/v1/talking_photo.list")).json()["data"]
    assert photo_id in {row["id"] for row in rows}
    assert (await ok(api.get(f"/v3/avatars/looks/{photo_id}")))["status"] == "completed"
    body = quick_start()
    body["video_inputs"][0]["character"] = {"type": "talking_photo", "talking_photo_id": photo_id}
    await ok(api.post("/v2/video/generate", json=body))
    assert (await api.delete(f"/v2/talking_photo/{photo_id}")).json()["error"] is None
    assert (await api.delete(f"/v2/talking_photo/{photo_id}")).status_code == 404
    public = next(row["id"] for row in rows if row["id"] != photo_id)
    assert (await api.delete(f"/v2/talking_photo/{public}")).status_code == 403


async def test_uploads_at_the_same_time_do_not_mix(api, host):
    """Each keeps its own bytes."""
    contents = [picture(value, 0, 0, side=64) for value in range(0, 250, 50)]
    found: dict[bytes, bytes] = {}

    async def bring(content: bytes) -> None:
        url = (await ok(upload(api, content)))["url"]
        found[content] = (await host.get(url)).content

    async with anyio.create_task_group() as tasks:
        for content in contents:
            tasks.start_soon(bring, content)
    assert all(content == back for content, back in found.items())
    assert len(found) == 5
