"""`demo` and `sandbox`: the commands that bring their own HeyGen, and what they say without their extras."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from heygen_async import StudioVideo, v2
from heygen_async.cli import demo, emulator, main, serve, steering
from heygen_async.sandbox import Progress, Sandbox
from tests.sandbox_fakes import InstantRenderer, avatar_video

BEHIND = sys.platform == "win32"


def run_main(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def fresh_python(code: str, *, without: str = "") -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter in which some packages cannot be imported."""
    hide = f"import sys; [sys.modules.__setitem__(name, None) for name in {without.split()!r}]\n"
    return subprocess.run([sys.executable, "-c", hide + code], capture_output=True, text=True, timeout=60, check=False)


def test_the_demo_asks_for_the_quick_start_a_portrait_and_several_scenes() -> None:
    """One of each kind of request."""
    wanted = demo.requests()
    assert isinstance(wanted["quick-start"], v2.VideoRequest)
    assert isinstance(wanted["scenes"], StudioVideo)
    assert len(wanted["scenes"].scenes) == 3
    assert wanted["portrait"].aspect_ratio == "9:16"  # type: ignore[union-attr]


@pytest.mark.slow
def test_the_demo_leaves_three_playable_videos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Real files from a real server, whatever the environment says; those of an earlier run are replaced."""
    av = pytest.importorskip("av")
    monkeypatch.chdir(tmp_path)
    settings = {"KEY": "sk-real", "BASE": "https://api.heygen.com", "VERSION": "v3"}
    for name, value in settings.items():
        monkeypatch.setenv(f"HEYGEN_API_{name}", value)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    folder = tmp_path / "heygen-demo"
    folder.mkdir()
    (folder / "scenes.mp4").write_bytes(b"an earlier demo")

    assert run_main("demo", "--json") == 0
    out, err = capsys.readouterr()
    made = json.loads(out)["videos"]
    sizes = {}
    for item in made:
        assert item["status"] == "completed"
        with av.open(item["path"]) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264"
            sizes[item["name"]] = (stream.width, stream.height)
            assert container.duration / av.time_base == pytest.approx(item["duration"], abs=0.2)
        assert Path(item["path"]).stat().st_size == item["size"]
    assert sizes == {"quick-start": (1280, 720), "portrait": (720, 1280), "scenes": (1280, 720)}
    assert [item["api_version"] for item in made] == ["v2", "v3", "v3"]
    assert sorted(path.name for path in folder.iterdir()) == ["portrait.mp4", "quick-start.mp4", "scenes.mp4"]
    assert "\x1b" not in err
    assert {f"HEYGEN_API_{name}": value for name, value in settings.items()}.items() <= os.environ.items()


def test_the_demo_refuses_a_file_as_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    (tmp_path / "taken").write_bytes(b"mine")
    for target in ("taken", "taken/inside"):
        assert run_main("demo", "--out", str(tmp_path / target)) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("Error: ")
        assert str(tmp_path / "taken") in err
        assert "Sandbox on" not in err
    assert (tmp_path / "taken").read_bytes() == b"mine"


@pytest.mark.skipif(BEHIND or os.geteuid() == 0, reason="permissions do not bind here")
def test_the_demo_refuses_a_folder_it_cannot_write_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    tmp_path.chmod(0o500)
    assert run_main("demo", "--out", str(tmp_path)) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(BEHIND, reason="signals cannot be sent to another process there")
def test_the_sandbox_serves_until_ctrl_c() -> None:
    """Its two lines set up the command line; Ctrl-C is the normal way out."""
    pytest.importorskip("av")
    process = subprocess.Popen(
        [sys.executable, "-m", "heygen_async", "sandbox", "--port", "0", "--seed", "7", "--speed", "60"],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(2)]
    assert lines[0].startswith("export HEYGEN_API_BASE=http://127.0.0.1:")
    assert lines[1] == "export HEYGEN_API_KEY=sandbox-key"
    settings = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    command = [sys.executable, "-m", "heygen_async", "status", "the-sandbox"]
    asked = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=30, check=False)
    assert asked.returncode == 1
    assert "video_not_found" in asked.stderr
    assert "Video the-sandbox not found" in asked.stderr  # the key is cut out of messages, so it must be no word of one
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err


def test_a_taken_port_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """With the way out."""
    pytest.importorskip("av")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run_main("sandbox", "--port", str(port)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"127.0.0.1:{port}" in err
    assert "--port 0" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_either_signal_ends_serving_and_the_handlers_are_put_back(number: signal.Signals) -> None:
    """A service manager's SIGTERM is as good as Ctrl-C."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with serve.ended_by_signal() as ended:
        signal.raise_signal(number)
        assert ended.wait(5)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_without_the_cli_extra_one_line_says_what_to_install() -> None:
    """No traceback, exit code 2."""
    ran = fresh_python("from heygen_async.cli import main; main(['--version'])", without="typer rich")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1
    assert "pip install 'heygen-async[cli]'" in ran.stderr


@pytest.mark.parametrize("command", ["demo", "sandbox"])
def test_without_the_sandbox_extra_one_line_says_what_to_install(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nothing is left behind either."""
    monkeypatch.setattr(emulator, "SERVING", ("starlette", "surely_not_installed"))
    monkeypatch.chdir(tmp_path)
    assert run_main(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "Error: the sandbox needs surely_not_installed: pip install 'heygen-async[cli,sandbox]'"
    ]
    assert list(tmp_path.iterdir()) == []


def test_real_videos_need_what_renders_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo wants them too; other modes do without."""
    monkeypatch.setattr(emulator, "RENDERING", ("surely_not_installed",))
    for arguments in (["demo"], ["sandbox", "--mode", "real", "--port", "0"]):
        assert run_main(*arguments) == 2
        assert "the sandbox needs surely_not_installed: pip install" in capsys.readouterr().err
    monkeypatch.setattr(serve, "_start", lambda *_: (_ for _ in ()).throw(OSError(1, "started")))
    assert run_main("sandbox", "--port", "0") == 2
    err = capsys.readouterr().err
    assert "Videos show a card instead of a presenter: surely_not_installed not installed." in err
    assert "started" in err


def test_commands_for_heygen_load_nothing_of_the_sandbox() -> None:
    """They start without a server or a renderer."""
    code = (
        "import sys\nfrom heygen_async.cli import main\n"
        "try: main(['status', ' '])\nexcept SystemExit: pass\n"
        "print({'starlette', 'uvicorn', 'av', 'PIL', 'heygen_async.sandbox'} & sys.modules.keys())"
    )
    ran = fresh_python(code)
    assert ran.stdout == "set()\n"


def test_importing_the_client_loads_no_command_line() -> None:
    """The extras stay out of programs that do not use them."""
    ran = fresh_python("import sys, heygen_async; print({'typer', 'heygen_async.cli'} & sys.modules.keys())")
    assert ran.stdout == "set()\n"


@pytest.mark.skipif(BEHIND, reason="signals cannot be sent to another process there")
def test_ctrl_c_while_modules_are_loaded_leaves_silently() -> None:
    """Even where an import would have swallowed the exception."""
    code = (
        "import builtins, os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            try: signal.raise_signal(signal.SIGINT)\n"
        "            except BaseException: pass\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from heygen_async.cli import main\n"
        "main(['--version'])\n"
    )
    ran = fresh_python(code)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


@pytest.mark.skipif(BEHIND, reason="signals cannot be sent to another process there")
def test_an_ignored_ctrl_c_stays_ignored_while_modules_are_loaded() -> None:
    """So it is in the background of a shell."""
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from heygen_async.cli import main\n"
        "main(['--version'])\n"
    )
    ran = fresh_python(code)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return a sandbox that the environment leads to."""
    with Sandbox(renderer=InstantRenderer(tmp_path, size=256), start_time=1_800_000_000.0, speed=0) as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield sandbox


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_main("sandbox", *arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_status_and_advance(running: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """For people in lines, for scripts the whole state."""
    assert told(capsys, "advance", "1h30m") == "2027-01-15 09:30:00+00:00\n"
    assert running.clock.now() == 1_800_005_400.0
    assert told(capsys, "status").splitlines() == [
        "clock: 2027-01-15 09:30:00+00:00, 0 times as fast as real time",
        "videos: 0, finishing immediate",
        "running: 0 of 10, 0 waiting",
        "wallet: $10,000.00, $0.00 spent on 0 videos",
        "calls: 0",
        "webhooks: 0",
    ]
    assert json.loads(told(capsys, "status", "--json"))["account"]["wallet"] == 10_000.0
    assert json.loads(told(capsys, "advance", "7d", "--json"))["now"] == 1_800_005_400.0 + 7 * 86400


def test_requests_are_listed_with_their_explanations(running: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Oldest first, the newest at the end; bodies for scripts."""
    ask = httpx.Client(base_url=running.url, headers={"X-Api-Key": "k"}, trust_env=False)
    with ask:
        ask.post("/v3/videos", json=avatar_video(titel="Mine"))
        ask.get("/v3/videos?limit=3")
        running.fault("GET /v3/videos status(429)")
        ask.get("/v3/videos")
    limited = "rate_limit_exceeded: The sandbox says rate_limit_exceeded; fault GET /v3/videos status(429)"
    assert told(capsys, "requests").splitlines() == [
        "#1 400 POST /v3/videos  invalid_parameter: titel: Extra inputs are not permitted; did you mean title?",
        "#2 200 GET /v3/videos?limit=3",
        "#3 429 GET /v3/videos  " + limited,
    ]
    (newest,) = json.loads(told(capsys, "requests", "--limit", "1", "--json"))["requests"]
    assert newest["number"] == 3
    assert json.loads(told(capsys, "requests", "--json"))["requests"][2]["json"]["titel"] == "Mine"


def test_rules_are_added_shown_and_cleared(running: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Quoted or not."""
    rule = "POST /v3/videos then_status(503) times=1"
    assert told(capsys, "fault", rule) == f"fault: {rule} (fired 0 times)\n"
    second = told(capsys, "fault", "GET", "/files/*", "cut(5)").splitlines()[1]
    assert second == "fault: GET /files/* cut(5) (fired 0 times)"
    assert told(capsys, "status").count("fault: ") == 2
    assert len(json.loads(told(capsys, "fault", "--json"))["faults"]) == 2
    assert told(capsys, "fault", "--clear") == ""
    assert len(running.faults) == 0
    assert run_main("sandbox", "fault", "POST /v3/videos then_statsu(503)") == 2
    assert "then_status" in capsys.readouterr().err
    assert run_main("sandbox", "fault", rule, "--clear") == 2
    assert "--clear" in capsys.readouterr().err


def test_trigger_tells_what_became_of_the_event(running: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever gets it must be on this machine."""
    event = ("trigger", "avatar_video.success", "https://example.com/hook")
    assert told(capsys, *event).startswith("avatar_video.success to https://example.com/hook: refused: example.com")
    assert json.loads(told(capsys, *event, "--video-id", "abc", "--json"))["video_id"] == "abc"


def test_reset_forgets_everything(running: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """And shows what is left."""
    running.fault("POST /v3/videos status(500)")
    httpx.post(f"{running.url}/v3/videos", json={}, trust_env=False)
    assert "calls: 0" in told(capsys, "reset")
    assert (len(running.requests), len(running.faults)) == (0, 0)


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("https://api.heygen.com", "HEYGEN_API_BASE leads to api.heygen.com, but"),
        ("http://192.168.0.7:8765", "HEYGEN_API_BASE leads to 192.168.0.7, but"),
        ("http://127.0.0.1.evil.example", "leads to 127.0.0.1.evil.example, but"),
        ("http://[", "leads to no host, but"),
        ("http://127.0.0.1:9", "no sandbox answers at http://127.0.0.1:9"),
    ],
)
def test_only_sandboxes_of_this_machine_are_steered(
    base: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is ever sent to HeyGen; if nobody answers, one line says what to start."""
    monkeypatch.setenv("HEYGEN_API_BASE", base)
    assert run_main("sandbox", "reset") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


@pytest.mark.parametrize("base", ["http://localhost:1/", "http://127.0.0.9:1", "http://[::1]:1/heygen/"])
def test_addresses_of_this_machine(base: str) -> None:
    """Also below a mount; without a setting, the port that is served by default."""
    assert steering.address({"HEYGEN_API_BASE": base}) == base.rstrip("/")
    assert steering.address({}) == "http://127.0.0.1:8765"


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"error": 1}'])
def test_what_is_no_sandbox_is_told_so(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else may have the port."""
    status = 404 if b"error" in answer else 200
    monkeypatch.setattr(httpx, "request", lambda *_args, **_options: httpx.Response(status, content=answer))
    with pytest.raises(ValueError, match=r"what answers at http://127\.0\.0\.1:1 is no sandbox"):
        steering.ask("http://127.0.0.1:1", "GET", "state")


def test_options_of_serving_do_not_go_with_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """They would be ignored."""
    assert run_main("sandbox", "--port", "1", "status") == 2
    assert (
        "--port is for serving: `status` talks to the sandbox that HEYGEN_API_BASE leads to" in capsys.readouterr().err
    )


def served(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Sandbox:
    """Run `sandbox` until it serves, end it, and return what was served."""
    made: list[Sandbox] = []

    class Ended:
        def wait(self, _seconds: float) -> bool:
            return True

    @contextmanager
    def at_once() -> Iterator[Ended]:
        yield Ended()

    def start(sandbox: Sandbox, _port: int) -> None:
        made.append(sandbox.start())

    monkeypatch.setattr(serve, "ended_by_signal", at_once)
    monkeypatch.setattr(serve, "_start", start)
    assert run_main("sandbox", "--port", "0", "--mode", "fast", *arguments) == 0
    return made[0]


def test_options_reach_the_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All of them; its state is in the folder."""
    rules = ["--fault", "POST /v3/videos status(500) times=1", "--fault", "GET /files/* cut(5)"]
    limits = ["--concurrency", "3", "--wallet", "7.5", "--progress", "polls=2", "--speed", "60", "--seed", "4"]
    switches = ["--retry-after", "7", "--known-ids", "--old-plan", "--lenient"]
    opened: list[str] = []
    monkeypatch.setattr(serve.webbrowser, "open", opened.append)
    sandbox = served(monkeypatch, *rules, *limits, *switches, "--state", str(tmp_path / "kept"), "--open")
    assert [str(rule) for rule in sandbox.faults] == rules[1::2]
    assert (sandbox.concurrency, sandbox.wallet, sandbox.clock.rate) == (3, 7.5, 60)
    assert str(sandbox._service.account.progress) == "polls=2"
    turned = sandbox.switches
    assert (turned.retry_after, turned.known_ids, turned.old_plan, turned.lenient) == (7, True, True, True)
    sandbox.reset()
    assert sandbox.switches.retry_after == 7
    assert opened[0].startswith("http://127.0.0.1:")
    assert (tmp_path / "kept" / "state.json").exists()


def test_without_options_the_switches_are_those_of_heygen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is turned that nobody asked for."""
    switches = served(monkeypatch).switches
    assert (switches.retry_after, switches.known_ids, switches.old_plan, switches.lenient) == ("auto", *[False] * 3)
    assert served(monkeypatch, "--retry-after", "none").switches.retry_after is None


def test_the_help_names_every_form_of_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the error message."""
    monkeypatch.setenv("COLUMNS", "100")
    assert run_main("sandbox", "--help") == 0
    words = " ".join(capsys.readouterr().out.split())
    for form in ("immediate", "'after 5s'", "polls=3", "'uniform 60s..720s'", "'lognormal 5m sigma 0.5'"):
        assert form in words
        Progress.parse(form.strip("'"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--retry-after", "soon"], "--retry-after: expected whole seconds, auto or none, not 'soon'"),
        (["--fault", "POST /v3/videos statsu(500)"], "'statsu'"),
        (["--progress", "later"], "expected 'immediate', 'after 5s', 'polls=3'"),
        (["--mode", "slow"], "'slow' is not one of"),
        (["--state", "FOLDER"], "not a whole state of a sandbox"),
        (["--state", "FOLDER/state.json"], "state.json: no state can be kept here"),
    ],
    ids=["retry", "fault", "progress", "mode", "state", "file"],
)
def test_wrong_options_are_told_before_anything_is_served(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, with exit code 2."""
    (tmp_path / "state.json").write_text("{")
    arguments = [word.replace("FOLDER", str(tmp_path)) for word in arguments]
    assert run_main("sandbox", "--port", "0", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "--out" not in err
    assert "picks a free port" not in err
