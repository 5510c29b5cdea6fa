"""Every snippet of the README runs, against the sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = {
    heading: blocks
    for heading, text in re.findall(r"^## (.+?)$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    if (blocks := re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
}
PROGRAMS = [
    pytest.param(code, id=f"{heading}-{number}")
    for heading, blocks in SNIPPETS.items()
    for number, code in enumerate(blocks, 1)
    if heading != "FastAPI"
]


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    from heygen_async.sandbox import Sandbox

    sandbox = Sandbox(progress="immediate")
    sandbox.start()
    yield sandbox.url
    sandbox.stop()


# The sandbox renders faster than HeyGen: only the pauses between looks are shortened.
SPEED_UP = """
from heygen_async import AsyncHeyGen, PollPolicy
AsyncHeyGen.__init__.__kwdefaults__["polling"] = PollPolicy(first_after=0.2, max_interval=0.3)
"""


def environment(url: str) -> dict[str, str]:
    return {**os.environ, "HEYGEN_API_BASE": url, "HEYGEN_API_KEY": "sandbox", "PYTHONWARNINGS": "default"}


def test_the_readme_has_the_promised_chapters() -> None:
    """One video, many videos, FastAPI, errors and the sandbox each have a program."""
    assert set(SNIPPETS) == {"One video", "Many videos", "FastAPI", "Errors", "The sandbox"}


@pytest.mark.slow
@pytest.mark.parametrize("code", PROGRAMS)
def test_a_program_of_the_readme_runs(code: str, sandbox_url: str, tmp_path: Path) -> None:
    """Each program ends well and leaves its mp4 files."""
    done = subprocess.run(
        [sys.executable, "-c", SPEED_UP + code],
        cwd=tmp_path,
        env=environment(sandbox_url),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    files = list((tmp_path / "out").iterdir())
    assert files
    assert all(file.suffix == ".mp4" and b"ftyp" in file.read_bytes()[:12] for file in files)


async def create_amid(control: str, rule: str, browser: Any, order: str) -> Any:
    """Have the application create a video while a fault is on."""
    import httpx

    async with httpx.AsyncClient() as sandbox:
        (await sandbox.post(control, json={"rule": f"{rule} times=1"})).raise_for_status()
    return await browser.post("/videos", params={"order": order, "script": "Hello"})


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("asyncio", {})], ids=["asyncio"], indirect=True)
async def test_the_fastapi_application_of_the_readme_serves_a_video(
    sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Submit, ask for the status, and fetch the file and a range of it, all through the application."""
    import anyio
    import httpx

    from heygen_async import AsyncHeyGen, PollPolicy

    for name, value in environment(sandbox_url).items():
        monkeypatch.setenv(name, value)
    defaults = AsyncHeyGen.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "polling", PollPolicy(first_after=0.2, max_interval=0.3))
    names: dict[str, object] = {"__name__": "readme"}
    exec(compile(SNIPPETS["FastAPI"][0], "README.md", "exec"), names)
    app = names["app"]
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app.test") as browser,
    ):
        submitted = await browser.post("/videos", params={"order": "order-1", "script": "Hello from FastAPI!"})
        again = await browser.post("/videos", params={"order": "order-1", "script": "Hello from FastAPI!"})
        assert submitted.status_code == 202
        assert again.json() == submitted.json()
        path = f"/videos/{submitted.json()['video_id']}"
        early = await browser.get(f"{path}/file")
        while (await browser.get(path)).json()["status"] != "completed":
            await anyio.sleep(0.1)
        whole = await browser.get(f"{path}/file")
        part = await browser.get(f"{path}/file", headers={"Range": "bytes=4-7"})
        unknown = await browser.get("/videos/nope/file")
        refused = await browser.post("/videos", params={"order": "order-2", "script": " "})
        missing, spoiled = [
            await create_amid(f"{sandbox_url}/_sandbox/faults", rule, browser, order)
            for order, rule in (("order-3", "create status(404, 'avatar_not_found')"), ("order-4", "create fail()"))
        ]
        spoiled_path = f"/videos/{spoiled.json()['video_id']}"
        while (await browser.get(spoiled_path)).json()["status"] != "failed":
            await anyio.sleep(0.1)
        failed = await browser.get(f"{spoiled_path}/file")
        reused = await browser.post("/videos", params={"order": "order-1", "script": "Something else."})
    assert [answer.status_code for answer in (unknown, refused, reused)] == [404, 422, 422]
    assert [answer.status_code for answer in (early, missing, failed)] == [409, 502, 409]
    assert "avatar" in missing.json()["detail"]
    assert failed.json() == {"detail": "the video is failed"}
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert (part.status_code, part.content) == (206, b"ftyp")
