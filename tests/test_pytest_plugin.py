"""The pytest fixtures, seen from a project that uses them: each test runs pytest in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from heygen_async.sandbox.testing import SandboxPool, allowed_settings, check_settings

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
    import gc, os, socket, sys, anyio, httpx, pytest
    from heygen_async import AsyncHeyGen, AvatarVideo
    HELLO = AvatarVideo(avatar_id="a", voice_id="v", script="Hello, sandbox.")
"""


def run(folder: Path, code: str, *options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run pytest on one test file, with our plugin and those for async tests, warnings as errors."""
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_it.py").write_text(textwrap.dedent(HEAD) + textwrap.dedent(code))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGINS, "-q", "-rA", *options],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT, **(env or {})},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return how each test ended."""
    found = re.findall(r"^(PASSED|FAILED|ERROR) test_it\.py::(\S+)", done.stdout, re.MULTILINE)
    return {name: ending for ending, name in found}


def assert_all_passed(done: subprocess.CompletedProcess[str], count: int) -> None:
    ends = outcomes(done)
    assert (done.returncode, len(ends), set(ends.values())) == (0, count, {"PASSED"}), done.stdout + done.stderr


def test_the_fixtures_work_in_every_kind_of_test(tmp_path):
    """asyncio by either plugin, trio, sync; nothing is left open: an unclosed socket would be an error here."""
    done = run(
        tmp_path,
        """
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
        """,
    )
    assert_all_passed(done, 11)


def test_each_test_gets_a_sandbox_as_if_it_were_new(tmp_path):
    """Whatever the one before did: jobs, calls, settings, clock, environment; nothing is set outside of the fixture."""
    done = run(
        tmp_path,
        """
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
        """,
        env={"HEYGEN_API_BASE": "http://localhost:1", "HEYGEN_API_VERSION": "v3"},
    )
    assert_all_passed(done, 9)


def test_markers_set_the_sandbox_for_their_tests_only(tmp_path):
    """Module, class, test: the nearest wins; what a marker sets is gone afterwards."""
    done = run(
        tmp_path,
        """
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
        """,
    )
    assert_all_passed(done, 9)


def test_what_is_wrong_is_told(tmp_path):
    """A setting that does not exist, a rule that never fired; and a socket that was left open is found by this run."""
    done = run(
        tmp_path,
        """
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
        """,
    )
    ends = outcomes(done)
    assert (ends["test_misspelt"], ends["test_positional"], ends["test_bad_value"]) == ("ERROR",) * 3
    assert "has no setting 'concurency'" in done.stdout
    assert all(name in done.stdout for name in ("concurrency, ", "mode, ", "retry_after, "))
    assert "give settings by name" in done.stdout
    assert "'auto', 'real' or 'fast', not 'quick'" in done.stdout
    assert ends["test_unfired"] == "ERROR"
    assert re.search(r"fault rules that never fired:\n.*POST /v3/videos", done.stdout)
    assert ends["test_the_rule_is_gone_afterwards"] == "PASSED"
    assert "ResourceWarning" in done.stdout
    # Where the collector comes by: within a test, or at its end.
    assert {"FAILED", "ERROR"} & {ending for name, ending in ends.items() if "leak" in name}
    assert "ResourceWarning" in done.stdout


def test_both_modes_of_pytest_asyncio_and_workers_work(tmp_path):
    """In auto mode an async test needs no marker; every worker of xdist has a sandbox of its own."""
    pytest.importorskip("xdist")
    done = run(
        tmp_path,
        """
        @pytest.mark.parametrize("number", range(8))
        async def test_many(heygen_sandbox, heygen_client, number):
            await heygen_client.videos.generate(HELLO)
            assert heygen_sandbox.jobs.count == 1
            assert heygen_sandbox.requests.count("POST /v3/videos") == 1
            with open(f"worker-{os.environ['PYTEST_XDIST_WORKER']}.txt", "a") as file:
                file.write(heygen_sandbox.url + "\\n")
        """,
        "-p",
        "xdist.plugin",
        "-n2",
        "-o",
        "asyncio_mode=auto",
    )
    ends = outcomes(done)
    assert (done.returncode, len(ends), set(ends.values())) == (0, 8, {"PASSED"}), done.stdout + done.stderr
    urls = [set(path.read_text().split()) for path in sorted(tmp_path.glob("worker-*.txt"))]
    assert [len(one) for one in urls] == [1] * len(urls)
    assert len(set.union(*urls)) == len(urls) == 2


@pytest.mark.slow
def test_a_test_can_ask_for_rendered_videos(tmp_path):
    """With `mode="real"`, where the extra is installed."""
    pytest.importorskip("av")
    pytest.importorskip("PIL")
    done = run(
        tmp_path,
        """
        @pytest.mark.heygen(mode="real", progress="immediate")
        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_real(heygen_sandbox, heygen_client, tmp_path):
            import av
            job = await heygen_client.videos.create(HELLO)
            await job.wait()
            await job.save(tmp_path / "video.mp4")
            with av.open(str(tmp_path / "video.mp4")) as film:
                pictures = {bytes(picture.planes[0]) for picture in film.decode(video=0)}
            assert len(pictures) > 1
        """,
    )
    assert_all_passed(done, 1)


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
