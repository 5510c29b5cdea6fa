"""The pytest fixtures, seen from a project that uses them: pytest runs on its files, and tells how each test ended."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from heygen_async.sandbox.testing import SandboxPool, allowed_settings, check_settings
from tests.sandbox_fakes import quick_start

pytestmark = pytest.mark.timeout(120)

ROOT = Path(__file__).parent.parent
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
# Named, not found by their entry points: others would only take time.
PLUGINS = [
    option
    for name in ("heygen_async.pytest_plugin", "anyio.pytest_plugin", "pytest_asyncio.plugin", "no:cacheprovider")
    for option in ("-p", name)
]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
HEAD = """
    import gc, json, os, pathlib, socket, sys, anyio, httpx, pytest
    from heygen_async import AsyncHeyGen, AvatarVideo
    HELLO = AvatarVideo(avatar_id="a", voice_id="v", script="Hello, sandbox.")
"""
SMALL = quick_start(dimension={"width": 320, "height": 180})
PROJECT: dict[str, str] = {}
"""The files of a project that uses the fixtures: one run of pytest for all of them."""


def run(folder: Path, files: dict[str, str], *options: str, **env: str) -> Run:
    """Run pytest on some test files, with our plugin and those for async tests, warnings as errors."""
    (folder / "pytest.ini").write_text(INI)
    for name, code in files.items():
        (folder / name).write_text(textwrap.dedent(HEAD) + textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGINS, "-q", "-rA", *options],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT, **env},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr)


class Run:
    """What a run of pytest told."""

    def __init__(self, code: int, told: str) -> None:
        self.code = code
        self.told = told

    def endings(self, file: str) -> dict[str, set[str]]:
        """Return how each test of a file ended: one that passed may still end with an error."""
        found: dict[str, set[str]] = {}
        for ending, name in re.findall(rf"^(PASSED|FAILED|ERROR) {file}::(\S+)", self.told, re.MULTILINE):
            found.setdefault(name, set()).add(ending)
        return found

    def assert_all_passed(self, file: str, count: int) -> None:
        ends = self.endings(file)
        assert len(ends) == count, self.told
        assert all(endings == {"PASSED"} for endings in ends.values()), self.told


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("project")
    (folder / "small.json").write_text(json.dumps(SMALL))
    return run(folder, PROJECT, HEYGEN_API_BASE="http://localhost:1", HEYGEN_API_VERSION="v3")


PROJECT["test_kinds.py"] = """
    async def whole_way(sandbox, client, path):
        job = await client.videos.create(HELLO)
        video = await job.wait()
        saved = await job.save(path / "video.mp4")
        assert saved.size == (path / "video.mp4").stat().st_size > 0
        assert sandbox.jobs.count == 1

    @pytest.mark.anyio
    async def test_anyio(heygen_sandbox, heygen_client, tmp_path):
        await whole_way(heygen_sandbox, heygen_client, tmp_path)

    @pytest.mark.asyncio
    async def test_asyncio(heygen_sandbox, heygen_client, tmp_path):
        await whole_way(heygen_sandbox, heygen_client, tmp_path)

    def test_sync(heygen_sandbox, heygen_client, tmp_path):
        anyio.run(whole_way, heygen_sandbox, heygen_client, tmp_path)

    @pytest.mark.anyio
    async def test_many_at_once(heygen_sandbox, heygen_client):
        report = await heygen_client.videos.generate_all([HELLO] * 6)
        assert (len(report.succeeded), report.failed, heygen_sandbox.jobs.count) == (6, (), 6)

    @pytest.mark.anyio
    async def test_it_may_be_closed(heygen_client):
        async with heygen_client:
            await heygen_client.videos.generate(HELLO)

    @pytest.mark.anyio
    async def test_cancelled_in_the_middle(heygen_sandbox, heygen_client):
        heygen_sandbox.progress(polls=1_000_000)
        with anyio.move_on_after(0.1):
            await heygen_client.videos.generate(HELLO)

    def test_nothing_is_left_open():
        gc.collect()
"""


def test_the_fixtures_work_in_every_kind_of_test(project):
    """asyncio by either plugin, trio, sync; nothing is left open: an unclosed socket would be an error here."""
    project.assert_all_passed("test_kinds.py", 11)


PROJECT["test_as_new.py"] = """
    import time
    SEEN = []
    WAS = dict(os.environ)

    @pytest.mark.parametrize("turn", [1, 2])
    @pytest.mark.anyio
    async def test_spoil(heygen_sandbox, heygen_client, turn):
        box = heygen_sandbox
        SEEN.append(box.url)
        assert (box.jobs.count, len(box.requests), box.wallet, box.concurrency) == (0, 0, 10_000, 10)
        assert abs(box.clock.now() - time.time()) < 3600
        assert (box.clock.rate, box.switches.retry_after, box.switches.lenient) == (1.0, 0, False)
        assert box.file_size is None
        await heygen_client.videos.generate(HELLO)
        box.wallet, box.concurrency, box.v2_gone, box.file_size = 1.0, 1, 410, 1 << 20
        box.switches.retry_after, box.switches.lenient = 9, True
        box.progress(polls=99)
        box.fail_next()
        box.advance(30 * 24 * 3600)
        box.clock.rate = 60.0

    def test_one_server_serves_all(heygen_sandbox):
        assert SEEN == [heygen_sandbox.url] * 4

    def test_a_stopped_one_is_started_again_1(heygen_sandbox):
        heygen_sandbox.stop()

    def test_a_stopped_one_is_started_again_2(heygen_sandbox):
        assert httpx.get(heygen_sandbox.url, trust_env=False).status_code == 200

    def test_code_that_makes_its_own_client_is_led_here(heygen_sandbox):
        assert os.environ["HEYGEN_API_BASE"] == heygen_sandbox.url
        assert "HEYGEN_API_VERSION" not in os.environ

        async def own():
            async with AsyncHeyGen() as heygen:
                with anyio.fail_after(9):  # the usual first look comes after 10 s
                    return await heygen.videos.generate(HELLO)

        anyio.run(own)
        assert heygen_sandbox.jobs.count == 1

    def test_without_the_fixture_nothing_is_set():
        names = ("HEYGEN_API_BASE", "HEYGEN_API_KEY", "HEYGEN_API_VERSION")
        assert [os.environ.get(name) for name in names] == ["http://localhost:1", None, "v3"]
        polling = AsyncHeyGen.__init__.__kwdefaults__["polling"]
        assert polling == type(polling)()
"""


def test_each_test_gets_a_sandbox_as_if_it_were_new(project):
    """Whatever the one before did: jobs, calls, settings, clock, environment; nothing is set outside of the fixture."""
    project.assert_all_passed("test_as_new.py", 9)


PROJECT["test_markers.py"] = """
    from heygen_async import VideoFailedError
    pytestmark = [pytest.mark.heygen(concurrency=3, wallet=7.0)]

    def test_module(heygen_sandbox):
        assert (heygen_sandbox.concurrency, heygen_sandbox.wallet) == (3, 7.0)

    @pytest.mark.heygen(wallet=1.0)
    class TestClass:
        def test_class(self, heygen_sandbox):
            assert (heygen_sandbox.concurrency, heygen_sandbox.wallet) == (3, 1.0)

        @pytest.mark.heygen(wallet=2.0, create_delay=0.5, start_time=1000.0, speed=0.0)
        @pytest.mark.parametrize("turn", [1, 2])
        def test_test(self, heygen_sandbox, turn):
            assert (heygen_sandbox.wallet, heygen_sandbox.switches.create_delay) == (2.0, 0.5)
            assert heygen_sandbox.clock.now() == 1000.0
            heygen_sandbox.advance(5)

    def test_afterwards(heygen_sandbox):
        assert (heygen_sandbox.wallet, heygen_sandbox.switches.create_delay) == (7.0, 0.0)

    @pytest.mark.heygen(progress="polls=5")
    @pytest.mark.anyio
    async def test_progress(heygen_sandbox, heygen_client):
        await heygen_client.videos.generate(HELLO)
        assert [job.looks for job in heygen_sandbox.jobs][0] >= 5

    @pytest.mark.heygen(max_video_seconds=1.0)
    @pytest.mark.anyio
    async def test_failing(heygen_client):
        with pytest.raises(VideoFailedError):
            await heygen_client.videos.generate(AvatarVideo(avatar_id="a", voice_id="v", script="word " * 50))
"""


def test_markers_set_the_sandbox_for_their_tests_only(project):
    """Module, class, test: the nearest wins; what a marker sets is gone afterwards."""
    project.assert_all_passed("test_markers.py", 9)


PROJECT["test_wrong.py"] = """
    from heygen_async.sandbox.faults import then_status

    @pytest.mark.heygen(concurency=2)
    def test_misspelt(heygen_sandbox):
        pass

    @pytest.mark.heygen("polls=3")
    def test_positional(heygen_sandbox):
        pass

    @pytest.mark.heygen(mode="quick")
    def test_bad_value(heygen_sandbox):
        pass

    def test_unfired(heygen_sandbox):
        heygen_sandbox.fault("POST /v3/videos", then_status(503), times=1)

    def test_the_rule_is_gone_afterwards(heygen_sandbox):
        assert heygen_sandbox.unfired_faults == []

    @pytest.mark.anyio
    async def test_leak(heygen_sandbox):
        await httpx.AsyncClient(trust_env=False).get(heygen_sandbox.url)

    def test_leak_is_found():
        gc.collect()
"""


def test_what_is_wrong_is_told(project):
    """A setting that does not exist, a rule that never fired; and a socket that was left open is found by this run."""
    ends = project.endings("test_wrong.py")
    assert ends["test_misspelt"] == ends["test_positional"] == ends["test_bad_value"] == {"ERROR"}
    assert "has no setting 'concurency'" in project.told
    assert all(name in project.told for name in ("concurrency, ", "mode, ", "retry_after, "))
    assert "give settings by name" in project.told
    assert "'auto', 'real' or 'fast', not 'quick'" in project.told
    assert ends["test_unfired"] == {"PASSED", "ERROR"}
    assert re.search(r"fault rules that never fired:\n.*POST /v3/videos", project.told)
    assert ends["test_the_rule_is_gone_afterwards"] == {"PASSED"}
    assert "ResourceWarning" in project.told
    # Where the collector comes by: within a test, or at its end.
    assert any({"FAILED", "ERROR"} & {*endings} for name, endings in ends.items() if "leak" in name)


WORKERS = """
    @pytest.mark.parametrize("number", range(8))
    async def test_many(heygen_sandbox, heygen_client, number):
        await heygen_client.videos.generate(HELLO)
        assert heygen_sandbox.jobs.count == 1
        assert heygen_sandbox.requests.count("POST /v3/videos") == 1
        with open(f"worker-{os.environ['PYTEST_XDIST_WORKER']}.txt", "a") as file:
            file.write(heygen_sandbox.url + "\\n")
"""


def test_both_modes_of_pytest_asyncio_and_workers_work(tmp_path):
    """In auto mode an async test needs no marker; every worker of xdist has a sandbox of its own."""
    pytest.importorskip("xdist")
    done = run(
        tmp_path,
        {"test_it.py": WORKERS},
        "-p",
        "xdist.plugin",
        "-n2",
        "-o",
        "asyncio_mode=auto",
    )
    done.assert_all_passed("test_it.py", 8)
    assert done.code == 0, done.told
    urls = [set(path.read_text().split()) for path in sorted(tmp_path.glob("worker-*.txt"))]
    assert [len(one) for one in urls] == [1] * len(urls)
    assert len(set.union(*urls)) == len(urls) == 2


PROJECT["test_real.py"] = """
    @pytest.mark.heygen(mode="real", progress="immediate")
    @pytest.mark.anyio
    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    async def test_real(heygen_sandbox, heygen_client, tmp_path):
        av = pytest.importorskip("av")
        small = json.loads((pathlib.Path(__file__).parent / "small.json").read_text())
        job = await heygen_client.videos.create(small)
        await job.wait()
        await job.save(tmp_path / "video.mp4")
        with av.open(str(tmp_path / "video.mp4")) as film:
            pictures = {bytes(picture.planes[0]) for picture in film.decode(video=0)}
        assert len(pictures) > 1
"""


def test_a_test_can_ask_for_rendered_videos(project):
    """With `mode="real"`, where the extra is installed."""
    pytest.importorskip("av")
    pytest.importorskip("PIL")
    project.assert_all_passed("test_real.py", 1)


def test_collecting_loads_nothing_of_the_sdk(tmp_path):
    """Projects that never ask for a fixture pay for one small module."""
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_collection_finish(session):\n"
        "    wanted = ('starlette', 'uvicorn', 'httpx', 'h11', 'anyio', 'attr', 'av', 'PIL', 'numpy', 'heygen_async')\n"
        "    print('loaded', sorted(name for name in sys.modules if name.split('.')[0] in wanted))\n"
    )
    (tmp_path / "test_it.py").write_text("def test_it(heygen_sandbox): pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "heygen_async.pytest_plugin", "--collect-only", "-q", "-s"],
        cwd=tmp_path,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=55,
        check=True,
    )
    assert "test_it.py::test_it" in done.stdout
    assert "loaded ['heygen_async', 'heygen_async._version', 'heygen_async.pytest_plugin']" in done.stdout


def test_the_package_announces_the_plugin():
    """Under the name that switches it off."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"heygen_async": "heygen_async.pytest_plugin"}
    assert set(project["optional-dependencies"]["sandbox-lite"]) < set(project["optional-dependencies"]["sandbox"])


def test_settings_are_arguments_and_switches():
    """But not those that belong to the fixture itself."""
    allowed = allowed_settings()
    assert {"mode", "progress", "concurrency", "wallet", "retry_after", "file_size"} <= set(allowed)
    assert not {"port", "renderer", "self"} & set(allowed)
    with pytest.raises(ValueError, match=r"no setting 'port', 'typo'; there are .*concurrency"):
        check_settings({"typo": 1, "port": 2, "wallet": 3})


def test_few_sandboxes_are_kept():
    """Every combination of settings has its own; those not used for long are stopped."""
    pool = SandboxPool()
    first = pool.take({"seed": 0})
    assert pool.take({"seed": 0}) is first
    others = [pool.take({"seed": seed}) for seed in range(1, 9)]
    with pytest.raises(RuntimeError, match="not serving"):
        _ = first.url
    assert all(other.url for other in others)
    pool.close()
    with pytest.raises(RuntimeError, match="not serving"):
        _ = others[-1].url
