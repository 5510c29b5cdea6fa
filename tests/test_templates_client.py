"""`heygen.templates` on both wires: against the sandbox, and against a fake that breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from heygen_async import (
    APIResponseError,
    ApiRetiredError,
    AsyncHeyGen,
    ConfigurationError,
    GenerateFromTemplate,
    IdempotencyKeyReusedError,
    NotFoundError,
    PollPolicy,
    TextVariable,
    TranslationError,
)
from heygen_async.sandbox import Sandbox
from tests import fake_heygen
from tests.clock import virtual_time
from tests.fake_heygen import FakeHeyGen, Received, Reply, Work
from tests.sandbox_fakes import InstantRenderer, in_process
from tests.sdk import AVATAR, heygen_on, quick_start

pytestmark = pytest.mark.anyio

WELCOME = "template-welcome"
AT_ONCE = PollPolicy(first_after=0, max_interval=0.01, growth=1)
V2_POST = "POST /v2/template/t/generate"
V3_POST = "POST /v3/templates/t"
REQUEST_V2 = GenerateFromTemplate(template_id="t", variables={"name": TextVariable("Ada")}, api_version="v2")
REQUEST_V3 = GenerateFromTemplate(template_id="t", variables={"name": TextVariable("Ada")})


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    """Return a sandbox that renders at once."""
    return Sandbox(renderer=InstantRenderer(tmp_path, size=4096), deprecation=False)


@pytest.fixture(params=["auto", "v2", "v3"])
async def heygen(request, sandbox) -> AsyncIterator[AsyncHeyGen]:
    """Return a client of the sandbox for each choice of wire."""
    async with (
        in_process(sandbox, key=None) as http,
        AsyncHeyGen("k", http_client=http, api_version=request.param, polling=AT_ONCE) as it,
    ):
        yield it


async def test_templates_are_listed_and_read(heygen: AsyncHeyGen) -> None:
    """On v3 page by page; the same variables on both wires."""
    names = [template.name async for template in heygen.templates.list(limit=1)]
    assert names == ["Welcome a customer", "Show a product"]
    template = await heygen.templates.get(WELCOME)
    assert template.id == WELCOME
    assert template.api_version == ("v2" if heygen.api_version == "v2" else "v3")
    assert {name: one.type for name, one in template.variables.items()} == {
        "first_name": "text",
        "company": "text",
        "presenter": "character",
        "logo": "image",
    }


async def test_a_row_becomes_a_video(heygen: AsyncHeyGen, sandbox: Sandbox) -> None:
    """Read, fill, submit, wait; the job is on the template's wire."""
    template = await heygen.templates.get(WELCOME)
    row = {"first_name": "Ada", "company": "Engines", "presenter": "bob", "logo": "https://example.com/x.png"}
    job = await heygen.templates.generate(template.request(row, title="For Ada"), idempotency_key="row-1")
    video = await job.wait()
    assert video.status == "completed"
    assert (job.api_version, job.idempotency_key) == (template.api_version, "row-1")
    again = await heygen.templates.generate(template.request(row, title="For Ada"), idempotency_key="row-1")
    assert again.id == job.id
    assert len(sandbox.charges) == 1
    posts = [call for call in sandbox.requests if call.method == "POST"]
    assert {call.idempotency_key for call in posts} == ({None} if job.api_version == "v2" else {"row-1"})


async def test_a_v2_template_is_reached_from_any_client_that_may_speak_v2(sandbox: Sandbox) -> None:
    """Templates of the old editor exist there only."""
    async with in_process(sandbox, key=None) as http, AsyncHeyGen("k", http_client=http, polling=AT_ONCE) as heygen:
        assert [one.id async for one in heygen.templates.list(api_version="v2")] == [WELCOME, "template-product"]
        template = await heygen.templates.get(WELCOME, api_version="v2")
        job = await heygen.templates.generate(template.request({"first_name": "Ada"}, keep_defaults=True, test=True))
        assert job.api_version == "v2"
        assert sandbox.charges == []


async def test_template_requests_go_through_videos_too(sandbox: Sandbox) -> None:
    """`generate` waits for them, and a batch takes a row each."""
    async with in_process(sandbox, key=None) as http, AsyncHeyGen("k", http_client=http, polling=AT_ONCE) as heygen:
        template = await heygen.templates.get(WELCOME)
        requests = [template.request({"first_name": name}, keep_defaults=True) for name in ("Ada", "Bob")]
        assert (await heygen.videos.generate(requests[0])).status == "completed"
        report = await heygen.videos.generate_all(requests)
        report.raise_for_failures()
        assert len(report.succeeded) == 2


async def test_a_missing_template_is_not_found_and_a_bad_id_unsent(heygen: AsyncHeyGen, sandbox: Sandbox) -> None:
    """An id with a question mark stays an id."""
    with pytest.raises(NotFoundError, match="a%3Fb"):
        await heygen.templates.get("a?b")
    sandbox.requests.clear()
    with pytest.raises(ValueError, match="template_id"):
        await heygen.templates.get(" ")
    for limit in (0, 101):
        with pytest.raises(ValueError, match="limit"):
            heygen.templates.list(limit=limit)
    with pytest.raises(ValueError, match="template_id"):
        await heygen.templates.generate(AVATAR)  # type: ignore[arg-type]
    assert len(sandbox.requests) == 0


def made(wire: str) -> fake_heygen.Fault:
    """Return the answer of a template's generate call, with a job made by it: a whole video on v3, an id on v2."""

    def answer(fake: FakeHeyGen, request: Received, _: Work) -> Reply:
        job = fake._new_job(wire, request.json)
        if wire == "v2":
            return Reply(200, {"error": None, "data": {"video_id": job.id}})
        return Reply(200, {"data": fake._video_v3(job, "pending")})

    return answer


def lost(wire: str) -> fake_heygen.Fault:
    """Return a fault that makes the job and breaks the connection before the answer."""

    def answer(fake: FakeHeyGen, request: Received, work: Work) -> Reply:
        made(wire)(fake, request, work)
        return Reply(end="reset")

    return answer


@virtual_time
async def test_42_a_lost_v3_answer_is_asked_for_again_under_the_same_key() -> None:
    """The body has no template id, the path has."""
    fake = FakeHeyGen()
    fake.on(V3_POST, fake_heygen.broken())
    fake.on(V3_POST, made("v3"))
    async with heygen_on(fake) as heygen:
        job = await heygen.templates.generate(REQUEST_V3)
        assert job.id == fake.job.id
    assert len(fake.posts) == 2
    assert fake.keys == {job.idempotency_key}
    assert fake.posts[0].json == {"variables": {"name": {"type": "text", "content": "Ada"}}}


@virtual_time
async def test_43_a_lost_v2_answer_is_reconciled_by_the_callback_id() -> None:
    """The video is found, not paid again."""
    fake = FakeHeyGen()
    fake.on(V2_POST, lost("v2"))
    async with heygen_on(fake) as heygen:
        job = await heygen.templates.generate(REQUEST_V2)
        assert (job.id, job.api_version) == (fake.job.id, "v2")
    assert len(fake.posts) == 1
    assert fake.posts[0].json["callback_id"].endswith(job.idempotency_key or "?")
    assert "template_id" not in fake.posts[0].json


@virtual_time
@pytest.mark.filterwarnings("ignore::heygen_async.HeyGenDeprecationWarning")
async def test_58_a_retired_v2_template_call_goes_to_v3() -> None:
    """From then on at once; videos keep their own v2 endpoint."""
    fake = FakeHeyGen()
    fake.on("POST /v2/template/*", fake_heygen.gone(410), times=None)
    fake.on(V3_POST, made("v3"), times=None)
    async with heygen_on(fake) as heygen:
        first = await heygen.templates.generate(REQUEST_V2)
        second = await heygen.templates.generate(REQUEST_V2)
        assert (first.api_version, second.api_version) == ("v3", "v3")
        assert (await heygen.videos.create(quick_start())).api_version == "v2"
    assert [post.path for post in fake.posts] == [
        "/v2/template/t/generate",
        "/v3/templates/t",
        "/v3/templates/t",
        "/v2/video/generate",
    ]
    assert fake.posts[1].json["variables"] == {"name": {"type": "text", "content": "Ada"}}


@virtual_time
async def test_58_a_test_is_not_taken_to_v3_and_v2_clients_stay() -> None:
    """v3 would charge for the one; the other is told that v2 is gone."""
    fake = FakeHeyGen()
    fake.v2_gone = fake_heygen.gone(410)
    body: dict[str, Any] = {"template_id": "t", "test": True}
    body["variables"] = {"name": {"name": "name", "type": "text", "properties": {"content": "Ada"}}}
    async with heygen_on(fake, api_version="v3") as heygen:
        with pytest.raises(TranslationError):
            await heygen.templates.generate(body)
    assert not fake.posts
    async with heygen_on(fake, api_version="v2") as heygen:
        with pytest.raises(ApiRetiredError):
            await heygen.templates.generate(REQUEST_V2)
        with pytest.raises(ConfigurationError):
            await heygen.templates.generate(REQUEST_V3)
    assert not fake.jobs


@virtual_time
async def test_one_key_does_not_stand_for_two_templates() -> None:
    """The second is refused unsent, although the values are the same."""
    fake = FakeHeyGen()
    fake.on(V3_POST, made("v3"))
    other = GenerateFromTemplate(template_id="u", variables=REQUEST_V3.variables)
    async with heygen_on(fake) as heygen:
        await heygen.templates.generate(REQUEST_V3, idempotency_key="k")
        with pytest.raises(IdempotencyKeyReusedError):
            await heygen.templates.generate(other, idempotency_key="k")
    assert len(fake.posts) == 1


@virtual_time
@pytest.mark.parametrize("wire", ["v2", "v3"])
async def test_24_an_answer_without_a_template_is_an_api_error(wire: str) -> None:
    """Not an empty template, and not an empty list."""
    fake = FakeHeyGen()
    fake.on("GET /v*/template*", fake_heygen.raw(b'{"data": {"odd": 5, "variables": 5}}'), times=None)
    async with heygen_on(fake, api_version=wire) as heygen:
        with pytest.raises(APIResponseError, match="not a template"):
            await heygen.templates.get("t")
        with pytest.raises(APIResponseError, match="not a list of templates"):
            await anext(heygen.templates.list())
