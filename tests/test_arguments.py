"""Arguments of the wrong kind: a clear error that names them, before anything is sent or spent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from heygen_async import AsyncHeyGen, ConfigurationError, VideoNotAvailableError, v2
from tests.clock import virtual_time
from tests.fake_heygen import FakeHeyGen
from tests.sdk import AVATAR, heygen_on

pytestmark = pytest.mark.anyio

URL = "https://files.heygen.invalid/film.mp4"
OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"polling": {"first_after": 1}}, "polling must be a PollPolicy, not dict"),
    ({"polling": None}, "polling must be a PollPolicy, not NoneType"),
    ({"timeouts": 30}, "timeouts must be a Timeouts, not int"),
    ({"limits": 5}, "limits must be a Limits, not int"),
    ({"retries": 3}, "retries must be a RetryPolicy, not int"),
    ({"on_event": "x"}, "on_event must be a function, not str"),
    ({"base_url": 123}, "base_url must be a str, not int"),
]
CALLS: list[tuple[Callable[[AsyncHeyGen], Awaitable[object]], str]] = [
    (lambda heygen: heygen.videos.generate(AVATAR, save_to="a.mp4", on_progress="x"), "on_progress must be a function"),  # type: ignore[arg-type]
    (lambda heygen: heygen.videos.generate(AVATAR, save_to=5), "the target must be a path"),  # type: ignore[arg-type]
    (lambda heygen: heygen.videos.generate(AVATAR, save_to=b"a.mp4"), "the target must be a path"),  # type: ignore[arg-type]
    (lambda heygen: heygen.videos.generate_all([AVATAR], save_to=5), "save_to must be a path"),  # type: ignore[arg-type]
    (lambda heygen: heygen.videos.generate_all([AVATAR], journal=5), "journal must be a path"),  # type: ignore[arg-type]
    (lambda heygen: heygen.videos.generate_all([AVATAR], max_cost="10"), "max_cost must be a number"),  # type: ignore[arg-type]
    (lambda heygen: heygen.videos.generate_all([AVATAR], max_cost=float("nan")), "max_cost must be a number"),
    (lambda heygen: heygen.videos.generate_all([AVATAR], timeout="5"), "timeout must be a number"),  # type: ignore[arg-type]
    (lambda heygen: heygen.download(None, "a.mp4"), "url must be a str, not NoneType"),  # type: ignore[arg-type]
    (lambda heygen: heygen.download(URL, "a.mp4", on_progress=3), "on_progress must be a function, not int"),  # type: ignore[arg-type]
    (lambda heygen: heygen.download(URL, None), "the target must be a path"),  # type: ignore[arg-type]
    (lambda heygen: heygen.videos.job("v").save(None), "the target must be a path"),  # type: ignore[arg-type]
    (lambda heygen: heygen.videos.job("v").stream(range_header=5).__aenter__(), "range_header must be"),  # type: ignore[arg-type]
    (lambda heygen: heygen.videos.job("v").stream(range_header="bytes=0-\r\nX: y").__aenter__(), "range_header must"),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_an_option_of_the_wrong_kind_is_refused_when_the_client_is_made(options: dict[str, Any], message: str) -> None:
    """And not by the wait for a video that is paid by then."""
    with pytest.raises(ConfigurationError, match=message):
        AsyncHeyGen("key", **options)


@virtual_time
@pytest.mark.parametrize("options", [{"polling": {}}, {"timeouts": 0}, {"retries": ""}])
async def test_other_rules_of_the_wrong_kind_are_refused(options: dict[str, Any]) -> None:
    """Empty ones are no way of saying nothing; None is."""
    async with heygen_on(FakeHeyGen()) as heygen:
        with pytest.raises(ConfigurationError, match="must be a"):
            heygen.with_options(**options)
        assert heygen.with_options(polling=None).videos


@virtual_time
@pytest.mark.parametrize(("call", "message"), CALLS)
async def test_nothing_is_sent_with_an_argument_of_the_wrong_kind(
    call: Callable[[AsyncHeyGen], Awaitable[object]], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `ValueError` names it, nothing is created, and no file is left."""
    monkeypatch.chdir(tmp_path)
    fake = FakeHeyGen()
    async with heygen_on(fake) as heygen:
        with pytest.raises(ValueError, match=message):
            await call(heygen)
    assert fake.requests == []
    assert list(tmp_path.iterdir()) == []


@virtual_time
@pytest.mark.parametrize("event", ["v1", {"video_id": "v1"}, 5])
async def test_an_event_has_a_video_id(event: Any) -> None:
    async with heygen_on(FakeHeyGen()) as heygen:
        with pytest.raises(ValueError, match="event must be a webhook event"):
            heygen.notify(event)


def test_only_a_request_can_be_translated() -> None:
    with pytest.raises(ValueError, match=r"request must be a v2\.VideoRequest"):
        v2.to_v3("x")  # type: ignore[arg-type]


@virtual_time
@pytest.mark.parametrize("asset", ["captioned", "subtitle"])
async def test_18_a_file_that_never_comes_is_named_beside_those_there_are(asset: Any, tmp_path: Path) -> None:
    """What the video has, and what would have made the missing one."""
    async with heygen_on(FakeHeyGen()) as heygen:
        job = await heygen.videos.create(AVATAR)
        with pytest.raises(
            VideoNotAvailableError, match=rf"has no {asset} URL \(it has video.*\).*if the request asks for captions"
        ):
            await job.save(tmp_path / "x", asset=asset)
