"""The HTTP libraries log URLs; ours lose their queries there, other people's do not."""

from __future__ import annotations

import logging

import anyio
import anyio.to_thread
import httpx
import pytest

from heygen_async import Timeouts
from heygen_async._transport import log_redaction
from heygen_async._transport.api_lane import ApiCall
from heygen_async._transport.log_redaction import install, quiet
from tests.act_floor import lane_on

pytestmark = pytest.mark.anyio

LINK = "https://files.test/v.mp4?Signature=MARK"
NAMES = [
    "httpx",
    "httpx2",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "httpcore2.socks",
]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """As in a program that sets everything to DEBUG."""
    install()
    caplog.set_level(logging.DEBUG)
    for name in NAMES:
        caplog.set_level(logging.DEBUG, logger=name)


def said(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(f"{record.getMessage()} {record.args!r}" for record in caplog.records)


@pytest.mark.parametrize("name", NAMES)
def test_our_records_lose_their_queries(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """In the text as well as in the arguments; a percent sign in a URL breaks nothing."""
    with quiet():
        logging.getLogger(name).info('HTTP Request: %s %s "%s"', "GET", LINK, "100% sure %s %d")
        logging.getLogger(name).debug("headers=[(b'Location', b'%s')]", LINK)
    assert "MARK" not in said(caplog)
    assert "https://files.test/v.mp4?..." in said(caplog)
    assert "100% sure %s %d" in said(caplog)


@pytest.mark.parametrize("name", NAMES)
def test_other_peoples_records_stay_as_they_are(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Their program, their logs: before, after and beside our calls."""
    logging.getLogger(name).info("before %s", LINK)
    with quiet():
        pass
    logging.getLogger(name).info("after %s", LINK)
    assert said(caplog).count("MARK") == 4


def test_other_loggers_are_not_touched(caplog: pytest.LogCaptureFixture) -> None:
    """Not even while a call of ours is under way."""
    with quiet():
        logging.getLogger("somebody").info("mine: %s", LINK)
    assert "MARK" in said(caplog)


def test_installing_again_changes_nothing() -> None:
    """Every call does it; the loggers carry one filter."""
    before = [list(logging.getLogger(name).filters) for name in NAMES]
    install()
    install()
    assert [list(logging.getLogger(name).filters) for name in NAMES] == before
    assert all(len([one for one in filters if one is log_redaction._FILTER]) == 1 for filters in before)


def test_the_mark_ends_with_the_block() -> None:
    """Also after an exception, and where blocks are nested."""
    with pytest.raises(ValueError, match="x"), quiet(), quiet():
        raise ValueError("x")
    assert not log_redaction._ours.get()


async def test_worker_threads_of_ours_are_covered(caplog: pytest.LogCaptureFixture) -> None:
    """Files are fetched in threads; a thread of somebody else's at the same time is not."""

    def log(words: str) -> None:
        logging.getLogger("httpx").info("%s %s", words, LINK)

    async def ours() -> None:
        with quiet():
            await anyio.to_thread.run_sync(log, "ours")
            await anyio.sleep(0)
            await anyio.to_thread.run_sync(log, "ours")

    async def theirs() -> None:
        for _ in range(2):
            await anyio.to_thread.run_sync(log, "theirs")

    async with anyio.create_task_group() as tg:
        tg.start_soon(ours)
        tg.start_soon(theirs)
    messages = sorted(record.getMessage() for record in caplog.records if record.name == "httpx")
    assert messages == ["ours https://files.test/v.mp4?..."] * 2 + [f"theirs {LINK}"] * 2


async def test_calls_on_a_callers_client_are_told_from_the_callers_own(caplog: pytest.LogCaptureFixture) -> None:
    """The same client, at the same time: httpx logs each request's full URL."""
    logging.getLogger("httpx").removeFilter(log_redaction._FILTER)

    async def handler(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.01)
        return httpx.Response(200, json={"data": {}})

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        call = ApiCall(method="GET", path="/v3/videos", endpoint="x", params={"token": "MARK"})
        async with anyio.create_task_group() as tg:
            tg.start_soon(lane_on(http).send, call, Timeouts())
            tg.start_soon(http.get, "https://theirs.test/x?token=MARK")
    requests = [record.getMessage() for record in caplog.records if record.name.startswith("httpx")]
    assert sorted("MARK" in line for line in requests) == [False, True]
    assert any("https://api.heygen.com/v3/videos?..." in line for line in requests)
