"""The sandbox's page in a real browser: what somebody sees and can do there.

Needs Chromium, and Playwright to drive it. `HEYGEN_TESTS_BROWSER=1` makes their absence a failure.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from heygen_async import AsyncHeyGen
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.testing import POLLING
from tests.sandbox_fakes import InstantRenderer, avatar_video, quick_start

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = (
    "no Chromium was found" if CHROMIUM is None
    else None if importlib.util.find_spec("playwright") else "Playwright is not installed"
)  # fmt: skip
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
PATIENCE = 45_000
"""Milliseconds for anything to appear: a loaded machine is slow."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(MISSING) and "HEYGEN_TESTS_BROWSER" not in os.environ, reason=str(MISSING)),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert MISSING is None, MISSING
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """Return what the page complained of: it must stay empty."""
    return []


@pytest.fixture
def page(browser, complaints) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


@pytest.fixture
def sandbox(tmp_path) -> Iterator[Sandbox]:
    with Sandbox(renderer=InstantRenderer(tmp_path, size=256), start_time=1_800_000_000.0, speed=0) as sandbox:
        yield sandbox


def ask(sandbox: Sandbox, method: str, path: str, **options) -> httpx.Response:
    return httpx.request(method, sandbox.url + path, headers={"X-Api-Key": "k"}, trust_env=False, **options)


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def has(locator: Locator, text: str) -> None:
    from playwright.sync_api import expect

    expect(locator).to_contain_text(text, timeout=PATIENCE)


def becomes(page: Page, expression: str) -> None:
    # Not `wait_for_function`: the page's policy forbids it to evaluate anything by itself.
    deadline = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"still not true: {expression}"
        page.wait_for_timeout(50)


def pressed(locator: Locator, state: str) -> None:
    from playwright.sync_api import expect

    expect(locator).to_have_attribute("aria-pressed", state, timeout=PATIENCE)


async def make_video(base_url: str) -> None:
    async with AsyncHeyGen("any-key", base_url=base_url, polling=POLLING) as heygen:
        # A small picture: what is seen here is the page.
        request = quick_start(title="A film to look at", dimension={"width": 320, "height": 180})
        await heygen.videos.generate(request)


def test_a_video_made_by_the_client_appears_finishes_and_plays(page: Page) -> None:
    """With captions that can be switched, and links to its files."""
    pytest.importorskip("av")
    with Sandbox(mode="real") as sandbox:
        page.goto(sandbox.url)
        has(section(page, "Videos"), "No videos yet")
        # In a thread: Playwright's own loop runs in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(anyio.run, make_video, sandbox.url).result()
        row = section(page, "Videos").get_by_role("button", name="A film to look at")
        has(row, "completed")
        pressed(row, "true")
        page.locator("video").wait_for()
        becomes(page, "document.querySelector('video').readyState >= 2")
        page.evaluate("() => { const video = document.querySelector('video'); video.muted = true; video.play(); }")
        becomes(page, "document.querySelector('video').currentTime > 0.3")
        assert page.evaluate("document.querySelector('video').videoWidth") == 320
        becomes(page, "document.querySelector('video').textTracks[0].cues?.length > 0")
        cue = page.evaluate("document.querySelector('video').textTracks[0].cues[0].text")
        assert cue.startswith("Welcome to the HeyGen API")
        assert page.evaluate("document.querySelector('video').textTracks[0].mode") == "showing"
        page.get_by_role("button", name="Captions").click()
        assert page.evaluate("document.querySelector('video').textTracks[0].mode") == "hidden"
        link = page.get_by_role("link", name="Video", exact=True).get_attribute("href")
        assert link is not None
        assert httpx.get(link, trust_env=False).content[4:8] == b"ftyp"
        page.get_by_role("button", name="+7 d").click()
        becomes(page, f"![...document.links].some((link) => link.href === {link!r})")
        assert httpx.get(link, trust_env=False).status_code == 403
        link = page.get_by_role("link", name="Video", exact=True).get_attribute("href")
        assert httpx.get(str(link), trust_env=False).status_code == 200
        page.goto("about:blank")


def test_the_clock_is_moved_and_videos_finish(page: Page, sandbox: Sandbox) -> None:
    """By the buttons; the rate too."""
    sandbox.progress("after 60s")
    page.goto(sandbox.url)
    ask(sandbox, "POST", "/v3/videos", json=avatar_video(title="Takes a minute"))
    row = section(page, "Videos").get_by_role("button", name="Takes a minute")
    has(row, "pending")
    clock = section(page, "Virtual clock")
    clock.get_by_role("button", name="+1 h").click()
    has(row, "completed")
    assert sandbox.clock.now() == 1_800_003_600.0
    has(row, "1 h old")
    clock.get_by_role("button", name="+7 d").click()
    has(row, "7 d old")
    clock.get_by_role("button", name="×60").click()
    pressed(clock.get_by_role("button", name="×60"), "true")
    assert sandbox.clock.rate == 60


def test_how_videos_finish_is_chosen_and_shown(page: Page, sandbox: Sandbox) -> None:
    """Every choice is a rule as the sandbox writes it; one that was made elsewhere is shown too."""
    page.goto(sandbox.url)
    choice = section(page, "Virtual clock").get_by_role("combobox")
    rules = page.evaluate("[...document.querySelector('#progress').options].map((option) => option.value)")
    assert {rule.partition(" ")[0] for rule in rules} == {"immediate", "after", "polls=3", "uniform", "lognormal"}
    for rule in reversed(rules):
        choice.select_option(rule)
        becomes(page, f"state.account?.progress === {rule!r}")
        assert str(sandbox._service.account.progress) == rule
    choice.blur()
    for rule in ("uniform 5s..9s", "polls=3"):
        sandbox.progress(rule)
        becomes(page, f"document.querySelector('#progress').value === {rule!r}")
    assert choice.locator("option", has_text="uniform 5s..9s").count() == 1


def test_faults_are_switched_on_and_off_and_calls_tell_of_them(
    page: Page, sandbox: Sandbox, complaints: list[str]
) -> None:
    """By button, by a rule of one's own, one by one or all at once."""
    page.goto(sandbox.url)
    faults, calls = section(page, "Faults"), section(page, "Calls")
    limited = faults.get_by_role("button", name="429 on create", exact=True)
    limited.click()
    pressed(limited, "true")
    assert ask(sandbox, "POST", "/v3/videos", json=avatar_video()).status_code == 429
    has(calls, "fault: POST /v3/videos status(429, retry_after=1)")
    has(faults, "1 hit")
    limited.click()
    pressed(limited, "false")
    assert ask(sandbox, "POST", "/v3/videos", json=avatar_video()).status_code == 200

    rule = page.get_by_label("A rule of your own")
    rule.fill("GET /v3/videos statsu(500)")
    rule.press("Enter")
    has(page.get_by_role("alert"), "status")
    assert [complaint for complaint in complaints if "400 (Bad Request)" not in complaint] == []
    complaints.clear()  # the browser's own word on the refused rule
    rule.fill("GET /v3/videos status(500) times=1")
    rule.press("Enter")
    has(faults.get_by_role("list"), "GET /v3/videos status(500) times=1")
    faults.get_by_role("button", name="v1/v2 gone").click()
    pressed(faults.get_by_role("button", name="v1/v2 gone"), "true")
    assert ask(sandbox, "GET", "/v1/video.list").status_code == 410
    faults.get_by_role("button", name="Clear all").click()
    pressed(faults.get_by_role("button", name="v1/v2 gone"), "false")
    assert len(sandbox.faults) == 0


def test_every_fault_button_is_a_rule_and_shows_that_it_is_on(page: Page, sandbox: Sandbox) -> None:
    """Its text is the one the sandbox writes, so that it can be switched off again."""
    page.goto(sandbox.url)
    becomes(page, "Boolean(state.faults)")
    buttons = section(page, "Faults").get_by_role("group", name="Common faults").get_by_role("button")
    for index in range(buttons.count()):
        buttons.nth(index).click()
        pressed(buttons.nth(index), "true")
    assert len(sandbox.faults) == buttons.count() >= 8


def test_refused_calls_are_explained_and_can_be_opened(page: Page, sandbox: Sandbox) -> None:
    """What was sent is one click away; the others can be hidden."""
    ask(sandbox, "GET", "/v3/videos")
    ask(sandbox, "POST", "/v3/videos", json=avatar_video(titel="Mine"))
    page.goto(sandbox.url)
    calls = section(page, "Calls")
    has(calls, "did you mean title?")
    calls.get_by_role("button", name="Only refused").click()
    becomes(page, "document.querySelectorAll('#calls > li').length === 1")
    calls.get_by_text("did you mean title?").click()
    has(calls, '"titel": "Mine"')
    page.get_by_label("Filter calls by method or path").fill("delete")
    has(calls, "No call fits the filter.")


HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def test_a_hostile_title_is_text(page: Page, sandbox: Sandbox) -> None:
    """So is everything else that came from a client."""
    sandbox.fail_next("<b>code</b>", "<i>message</i>")
    ask(sandbox, "POST", "/v3/videos", json=avatar_video(title=HOSTILE, callback_id="<u>id</u>"))
    ask(sandbox, "GET", "/v3/<b>nowhere</b>?<i>")
    sandbox.webhooks.trigger("<b>event</b>", "http://127.0.0.1:9/<b>")
    page.goto(sandbox.url)
    row = section(page, "Videos").get_by_role("button")
    has(row, HOSTILE)
    row.click()
    has(section(page, HOSTILE), "<u>id</u>")
    has(section(page, "Calls"), "/v3/<b>nowhere</b>")
    has(section(page, "Webhook deliveries"), "<b>event</b>")
    assert page.evaluate("document.querySelectorAll('main img, main script, main b b, main i, main u').length") == 0
    assert page.title() == "HeyGen sandbox"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(browser: Browser, sandbox: Sandbox, scheme) -> None:
    """Nothing is wider than the screen, with long words too."""
    ask(sandbox, "POST", "/v3/videos", json=avatar_video(title="Long" * 60))
    ask(sandbox, "GET", "/v3/" + "long" * 60)
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.goto(sandbox.url)
    has(section(page, "Calls"), "long")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_a_sandbox_that_stops_is_shown_as_stopped(page: Page, sandbox: Sandbox, complaints: list[str]) -> None:
    """The page goes on by itself when it is back."""
    page.goto(sandbox.url)
    has(page.locator("#live"), "live")
    sandbox.stop()
    has(page.locator("#live"), "not running")
    page.goto("about:blank")
    complaints.clear()  # the refused connections of the attempts to reconnect
