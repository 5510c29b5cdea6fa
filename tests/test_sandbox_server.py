"""The sandbox as a server: its thread, its loopback port, its render process, and how all of them end."""

from __future__ import annotations

import subprocess
import sys
import threading

import anyio
import httpx
import pytest

from heygen_async.sandbox import Plan, Sandbox
from heygen_async.sandbox.plan import Backdrop, Scene
from heygen_async.sandbox.render.pool import WorkerRenderer
from tests.sandbox_fakes import InstantRenderer, avatar_video

ECHO = "import sys, json\nfor line in sys.stdin: print(json.dumps({'error': None}), flush=True)"
CRASH = "import sys\nsys.stdin.readline()\nsys.exit(7)"
HANG = "import sys, time\nsys.stdin.readline()\ntime.sleep(60)"
NOISE = "import sys\nsys.stdin.readline()\nprint('not json', flush=True)\nsys.stdin.readline()"
ONCE = "import sys, json\nsys.stdin.readline()\nprint(json.dumps({'error': None}), flush=True)"


def plan(width: int = 64) -> Plan:
    backdrop = Backdrop(kind="color", value="#000000")
    return Plan(width=width, height=64, scenes=(Scene(seconds=1.0, backdrop=backdrop, presenter=None),))


def worker(code: str, **options) -> WorkerRenderer:
    return WorkerRenderer(now=lambda: 5.0, command=[sys.executable, "-c", code], **options)


def finished(renderer: WorkerRenderer, *plans: Plan):
    renders = [renderer.submit(one) for one in plans]
    for _ in range(1000):
        if all(render.done_at is not None for render in renders):
            return renders
        threading.Event().wait(0.01)
    raise AssertionError("renders did not end")


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    return Sandbox(renderer=InstantRenderer(tmp_path))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Sandbox(renderer=InstantRenderer(tmp_path_factory.mktemp("files"))) as sandbox:
        yield sandbox


@pytest.fixture
def client(served):
    with httpx.Client(base_url=served.url, headers={"X-Api-Key": "k"}, trust_env=False) as client:
        yield client


def test_it_serves_the_whole_way_over_a_socket(served, client):
    """Create, look, download with a range; the link leads to the same port."""
    created = client.post("/v3/videos", json=avatar_video()).json()["data"]
    video = client.get(f"/v3/videos/{created['video_id']}").json()["data"]
    assert video["video_url"].startswith(served.url)
    part = httpx.get(video["video_url"], headers={"Range": "bytes=4-7"}, trust_env=False)
    assert (part.status_code, part.content) == (206, b"ftyp")


def test_it_listens_on_loopback_only_and_tells_what_to_set(served):
    """One line for each environment variable."""
    assert served.url.startswith("http://127.0.0.1:")
    assert served.environment == {"HEYGEN_API_BASE": served.url, "HEYGEN_API_KEY": "sandbox-key"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:1234", 200), ("localhost", 200), ("LOCALHOST:80", 200), ("[::1]:99", 200),
        ("evil.example", 403), ("evil.example:80", 403), ("127.0.0.1.evil.example", 403), ("", 403),
    ],
)  # fmt: skip
def test_other_host_names_are_refused(client, host, status):
    """A web page that rebinds its name to 127.0.0.1 does not get in."""
    assert client.get("/", headers={"Host": host}).status_code == status


def test_further_hosts_can_be_allowed(tmp_path):
    """A container may reach the sandbox under another name."""
    with Sandbox(renderer=InstantRenderer(tmp_path), hosts=["sandbox.test"]) as sandbox:
        answer = httpx.get(sandbox.url, headers={"Host": "sandbox.test:1"}, trust_env=False)
        assert answer.status_code == 200


def test_start_and_stop_can_be_repeated_and_a_new_start_is_empty(tmp_path):
    """The port is free again after `stop`; the render process has ended."""
    renderer = InstantRenderer(tmp_path)
    sandbox = Sandbox(renderer=renderer)
    with pytest.raises(RuntimeError, match="start"):
        _ = sandbox.url
    first = sandbox.start().url
    assert sandbox.start().url == first
    httpx.post(first + "/v3/videos", json=avatar_video(), headers={"X-Api-Key": "k"}, trust_env=False)
    sandbox.stop()
    sandbox.stop()
    assert renderer.closed
    assert sandbox.jobs.count == 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(first, trust_env=False)
    with sandbox:
        assert sandbox.jobs.count == 0
        assert httpx.get(sandbox.url, trust_env=False).status_code == 200


def test_a_taken_port_is_an_error(served):
    """Nothing is started."""
    with pytest.raises(OSError, match=r"[Aa]ddress"):
        Sandbox(renderer=InstantRenderer(served), port=int(served.url.rsplit(":", 1)[1])).start()


@pytest.mark.anyio
async def test_async_with_serves_from_any_event_loop(sandbox):
    """On asyncio and trio; the server has a loop of its own."""
    async with sandbox, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(sandbox.url)).status_code == 200
        await anyio.lowlevel.checkpoint()


def test_equal_plans_are_rendered_once():
    """Both jobs get the same files."""
    renderer = worker(ECHO)
    first, second, third = finished(renderer, plan(), plan(), plan(128))
    renderer.close()
    assert first is second
    assert third is not first
    assert (first.error, first.done_at) == (None, 5.0)


def test_length_and_voice_of_a_video_are_what_the_worker_says():
    """They are known when it is done."""
    answer = {"error": None, "seconds": 1.24, "voice": "hibari"}
    renderer = worker(f"import json\ninput()\nprint(json.dumps({answer}))")
    (render,) = finished(renderer, plan())
    renderer.close()
    assert (render.seconds, render.voice) == (1.24, "hibari")


def test_a_warm_worker_is_the_one_that_makes_the_first_video():
    """It is started before there is anything to do; one that cannot be started is told by the first video."""
    renderer = worker(ECHO)
    renderer.warm()
    while renderer._worker is None:
        threading.Event().wait(0.005)
    process = renderer._worker
    (render,) = finished(renderer, plan())
    assert (render.error, renderer._worker) == (None, process)
    renderer.close()
    renderer.warm()
    broken = WorkerRenderer(now=lambda: 5.0, command=["/nonexistent/python"])
    broken.warm()
    (render,) = finished(broken, plan())
    broken.close()
    assert "cannot be used" in render.error


def test_only_the_real_renderer_needs_warming(tmp_path):
    """Others are ready: nothing happens, and nothing breaks."""
    sandbox = Sandbox(renderer=InstantRenderer(tmp_path))
    sandbox.warm()
    assert len(sandbox.jobs) == 0


def test_a_worker_that_crashes_fails_its_video_and_is_replaced():
    """The reason holds the exit code; the next video gets a new process."""
    renderer = worker(CRASH)
    renders = finished(renderer, plan(64), plan(128))
    assert [render.error for render in renders] == ["the render worker ended with exit code 7"] * 2
    assert renderer.submit(plan(64)) is not renders[0], "a failed render is tried again"
    renderer.close()


def test_a_worker_that_ended_between_videos_is_replaced():
    """Nobody notices."""
    renderer = worker(ONCE)
    for width in (64, 128):
        (render,) = finished(renderer, plan(width))
        assert render.error is None
        renderer._worker.wait()
    renderer.close()


def test_a_worker_that_hangs_is_killed():
    """Its video fails after the patience."""
    renderer = worker(HANG, patience=0.05)
    (render,) = finished(renderer, plan())
    renderer.close()
    assert "exit code -9" in render.error


@pytest.mark.parametrize("command", [[sys.executable, "-c", NOISE], ["/nonexistent/python"]])
def test_a_worker_that_cannot_be_used_fails_the_video(command):
    """Garbage instead of an answer, or no program at all."""
    renderer = WorkerRenderer(now=lambda: 5.0, command=command)
    (render,) = finished(renderer, plan())
    renderer.close()
    assert "cannot be used" in render.error


def test_closing_ends_running_renders_and_refuses_new_ones():
    """No process and no folder is left behind."""
    renderer = worker(HANG)
    running, queued = renderer.submit(plan(64)), renderer.submit(plan(128))
    while renderer._worker is None:
        threading.Event().wait(0.005)
    renderer.close()
    assert running.done_at is not None
    assert queued.error == "the sandbox was stopped"
    assert renderer.submit(plan(256)).error == "the sandbox was stopped"
    assert renderer._worker.poll() is not None
    assert not running.folder.parent.exists()


def test_wait_rendered_gives_up(tmp_path):
    """A render that never ends is a `TimeoutError`."""
    renderer = InstantRenderer(tmp_path, size=256)
    renderer.hold = True
    with Sandbox(renderer=renderer) as sandbox:
        sandbox.wait_rendered(0.0)
        httpx.post(sandbox.url + "/v3/videos", json=avatar_video(), headers={"X-Api-Key": "k"}, trust_env=False)
        with pytest.raises(TimeoutError):
            sandbox.wait_rendered(0.02)


def test_importing_the_sandbox_loads_nothing_heavy():
    """PyAV, Pillow and the voice belong to the render process."""
    heavy = {"av", "PIL", "numpy", "hibari", "onnxruntime"}
    code = f"import sys, heygen_async.sandbox; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "av", "PIL"])
def test_a_missing_extra_is_told_in_one_sentence(missing):
    """With the command that installs it."""
    code = (
        "import importlib.util as util\n"
        "real = util.find_spec\n"
        f"util.find_spec = lambda name, package=None: None if name == {missing!r} else real(name, package)\n"
        "try:\n"
        "    from heygen_async.sandbox import Sandbox\n"
        "    Sandbox(mode='real')\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error.name, error)\n"
    )
    told = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert told.startswith(f"{missing} The sandbox needs '{missing}'")
    assert "pip install 'heygen-async[sandbox]'" in told
