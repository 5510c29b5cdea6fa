"""The sandbox's file host: signed links that expire on the virtual clock, ranges, and no place for an API key."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import httpx
import pytest

from heygen_async.sandbox import Sandbox
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process

pytestmark = pytest.mark.anyio

DAY = 24 * 3600


@pytest.fixture
def renderer(tmp_path) -> InstantRenderer:
    return InstantRenderer(tmp_path)


@pytest.fixture
def sandbox(renderer) -> Sandbox:
    return Sandbox(renderer=renderer, speed=0.0, start_time=1_800_000_000.0)


@pytest.fixture
async def host(sandbox):
    """Return a client without a key: what the file lane is."""
    async with in_process(sandbox, key=None) as client:
        yield client


async def video_of(sandbox: Sandbox, **changes) -> dict:
    async with in_process(sandbox) as api:
        created = (await api.post("/v3/videos", json=avatar_video(**changes))).json()
        return (await api.get(f"/v3/videos/{created['data']['video_id']}")).json()["data"]


def error_code(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/xml"
    return ET.fromstring(answer.text).findtext("Code")


async def test_a_link_gives_the_file_without_a_key(sandbox, host, renderer):
    """Whole body, right type, length, a strong ETag, ranges announced."""
    video = await video_of(sandbox)
    answer = await host.get(video["video_url"])
    stored = (renderer.renders[0].folder / "video.mp4").read_bytes()
    assert (answer.status_code, answer.content) == (200, stored)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(stored))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].startswith('"')
    head = await host.head(video["video_url"])
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(stored)))


async def test_the_other_files_have_links_too(sandbox, host):
    """Thumbnail, preview, captions; the captioned video is a file of its own."""
    video = await video_of(sandbox, caption={"style": "default"})
    types = {}
    for name in ("thumbnail_url", "gif_url", "subtitle_url", "captioned_video_url"):
        answer = await host.get(video[name])
        assert answer.status_code == 200
        types[name] = answer.headers["content-type"].split(";")[0]
    assert types == {
        "thumbnail_url": "image/jpeg",
        "gif_url": "image/gif",
        "subtitle_url": "application/x-subrip",
        "captioned_video_url": "video/mp4",
    }


async def test_a_webm_is_linked_and_sent_as_one(sandbox, host):
    """`output_format` decides name and type."""
    video = await video_of(sandbox, output_format="webm")
    assert "/video.webm?" in video["video_url"]
    assert (await host.get(video["video_url"])).headers["content-type"] == "video/webm"


async def test_ranges_continue_a_download(sandbox, host):
    """206 with the right Content-Range, also with the matching If-Range; a foreign tag gives the whole file."""
    video = await video_of(sandbox)
    whole = await host.get(video["video_url"])
    size, etag = len(whole.content), whole.headers["etag"]
    for headers in ({}, {"If-Range": etag}):
        part = await host.get(video["video_url"], headers={"Range": "bytes=1000-", **headers})
        assert (part.status_code, part.content) == (206, whole.content[1000:])
        assert part.headers["content-range"] == f"bytes 1000-{size - 1}/{size}"
    other = await host.get(video["video_url"], headers={"Range": "bytes=1000-", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)
    past = await host.get(video["video_url"], headers={"Range": f"bytes={size}-"})
    assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{size}")


async def test_links_of_one_video_lead_to_the_same_bytes(sandbox, host):
    """A fresh link can continue what an old one began: same ETag."""
    video = await video_of(sandbox)
    async with in_process(sandbox) as api:
        fresh = (await api.get(f"/v3/videos/{video['id']}")).json()["data"]["video_url"]
    assert fresh != video["video_url"]
    tags = [(await host.head(url)).headers["etag"] for url in (video["video_url"], fresh)]
    assert tags[0] == tags[1]


async def test_33_a_link_expires_after_seven_virtual_days_and_a_fresh_one_works(sandbox, host):
    """403 with the XML of an object store, not one of the API's envelopes."""
    video = await video_of(sandbox)
    sandbox.advance(7 * DAY - 2)
    assert (await host.get(video["video_url"])).status_code == 200
    sandbox.advance(2)
    expired = await host.get(video["video_url"])
    assert (expired.status_code, error_code(expired)) == (403, "AccessDenied")
    assert "expired" in expired.text
    async with in_process(sandbox) as api:
        fresh = (await api.get(f"/v3/videos/{video['id']}")).json()["data"]["video_url"]
    assert (await host.get(fresh)).status_code == 200


@pytest.mark.parametrize("change", ["Signature", "Expires", "Nonce", "name", "video"])
async def test_a_changed_link_is_refused(sandbox, host, change):
    """Neither another file nor a later expiry can be had with somebody else's signature."""
    video = await video_of(sandbox)
    url = httpx.URL(video["video_url"])
    if change == "name":
        url = url.copy_with(path=url.path.replace("video.mp4", "thumbnail.jpg"))
    elif change == "video":
        url = url.copy_with(path=url.path.replace(video["id"], "0" * 32))
    else:
        url = url.copy_set_param(change, "9999999999")
    answer = await host.get(url)
    assert (answer.status_code, error_code(answer)) == (403, "SignatureDoesNotMatch")


async def test_without_a_signature_there_is_no_file(sandbox, host):
    """A bare path is denied."""
    video = await video_of(sandbox)
    answer = await host.get(httpx.URL(video["video_url"]).copy_with(query=None))
    assert (answer.status_code, error_code(answer)) == (403, "AccessDenied")


@pytest.mark.parametrize("header", [{"X-Api-Key": "secret"}, {"Authorization": "Bearer secret"}])
async def test_a_key_sent_to_the_file_host_is_an_error(sandbox, host, header):
    """A client that leaks its key is found out; the journal shows it."""
    video = await video_of(sandbox)
    answer = await host.get(video["video_url"], headers=header)
    assert (answer.status_code, error_code(answer)) == (400, "InvalidArgument")
    assert sandbox.requests[-1].key_sent


async def test_the_journal_does_not_keep_signatures(sandbox, host):
    """The query of a file call is left out."""
    video = await video_of(sandbox)
    await host.get(video["video_url"])
    assert (sandbox.requests[-1].path, sandbox.requests[-1].query) == (f"/files/{video['id']}/video.mp4", "")


async def test_files_of_deleted_videos_are_gone(sandbox, host, renderer):
    """404 NoSuchKey, also when the file itself is missing."""
    first, second = await video_of(sandbox), await video_of(sandbox, script="Another one.")
    async with in_process(sandbox) as api:
        await api.delete(f"/v3/videos/{first['id']}")
    (renderer.renders[1].folder / "video.mp4").unlink()
    for video in (first, second):
        answer = await host.get(video["video_url"])
        assert (answer.status_code, error_code(answer)) == (404, "NoSuchKey")
