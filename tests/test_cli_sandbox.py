"""`demo` and `sandbox`: the commands that bring their own HeyGen, and what they say without their extras."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from heygen_async import StudioVideo, v2
from heygen_async.cli import demo, emulator, main, serve

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
    assert lines[1] == "export HEYGEN_API_KEY=sandbox"
    settings = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    command = [sys.executable, "-m", "heygen_async", "status", "nope"]
    asked = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=30, check=False)
    assert asked.returncode == 1
    assert "video_not_found" in asked.stderr
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
    monkeypatch.setattr(emulator, "_OF_THE_EXTRA", ("starlette", "surely_not_installed"))
    monkeypatch.chdir(tmp_path)
    assert run_main(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "Error: the sandbox needs surely_not_installed: pip install 'heygen-async[cli,sandbox]'"
    ]
    assert list(tmp_path.iterdir()) == []


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
