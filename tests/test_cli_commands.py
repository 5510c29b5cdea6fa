"""The commands against a scripted HeyGen: what is printed, what is sent, how they exit."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from heygen_async import AsyncHeyGen, PollPolicy, RetryPolicy, __version__
from heygen_async.cli import main, work
from heygen_async.cli.output import Output
from tests.fake_heygen import KEY, SIGNATURE, FakeHeyGen, LoopbackServer, answer, broken, gone, html, slow

HELLO = ["generate", "--avatar", "avatar-1", "--voice", "voice-1", "--script", "Hello"]
QUICK_START = {
    "video_inputs": [
        {
            "character": {"type": "avatar", "avatar_id": "Daisy-inskirt-20220818", "avatar_style": "normal"},
            "voice": {"type": "text", "input_text": "Welcome!", "voice_id": "2d5b0e6cf36f460aa7fc47e3eee4ba54"},
            "background": {"type": "color", "value": "#008000"},
        }
    ],
    "dimension": {"width": 1280, "height": 720},
}


@frozen
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        return json.loads(line)


@frozen
class Shell:
    """Run commands in this process."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path) -> Ran:
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = self.capture.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in err
        assert KEY not in out + err
        return Ran(ended.value.code, out, err)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def fake() -> FakeHeyGen:
    return FakeHeyGen(plan=["completed"])


@pytest.fixture
def server(fake: FakeHeyGen, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """A fake HeyGen that the environment points to, and a client without the pauses that people would not notice."""
    monkeypatch.setattr(work, "_LOCAL_POLLING", PollPolicy(first_after=0.01, max_interval=0.01))
    defaults = AsyncHeyGen.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "retries", RetryPolicy(max_attempts=2, base=0.01, reconcile_window=0.05))
    with fake.serve() as server:
        monkeypatch.setenv("HEYGEN_API_BASE", server.url)
        monkeypatch.setenv("HEYGEN_API_KEY", KEY)
        yield server


@pytest.mark.usefixtures("server")
def test_generate_saves_the_video_and_prints_its_path(shell: Shell, fake: FakeHeyGen, tmp_path: Path) -> None:
    """The path is all of stdout; the progress is on stderr, plain because it is no terminal."""
    target = tmp_path / "new" / "hello.mp4"
    ran = shell(*HELLO, "--out", target, "--title", "T", "--background", "#008000", "--aspect-ratio", "9:16")
    assert (ran.code, ran.out) == (0, f"{target}\n")
    assert target.read_bytes() == fake.file
    assert fake.posts[0].json == {
        "type": "avatar",
        "avatar_id": "avatar-1",
        "voice_id": "voice-1",
        "script": "Hello",
        "title": "T",
        "background": {"type": "color", "value": "#008000"},
        "aspect_ratio": "9:16",
    }
    assert f"Submitted: video {fake.job.id}" in ran.err
    assert "hello.mp4: completed" in ran.err
    assert "hello.mp4: saved" in ran.err
    assert "\x1b" not in ran.err
    assert SIGNATURE not in ran.err


@pytest.mark.usefixtures("server")
def test_generate_with_json_prints_one_object(shell: Shell, fake: FakeHeyGen, tmp_path: Path) -> None:
    """Scripts get the id, the key, the file and the presigned URLs."""
    target = tmp_path / "a.mp4"
    ran = shell(*HELLO, "--out", target, "--idempotency-key", "order-7", "--json")
    assert ran.code == 0
    expected = {
        "id": fake.job.id,
        "status": "completed",
        "api_version": "v3",
        "idempotency_key": "order-7",
        "path": str(target),
        "size": len(fake.file),
        "failure": None,
    }
    assert ran.json.items() >= expected.items()
    assert SIGNATURE in ran.json["video_url"]
    assert "raw" not in ran.json
    assert fake.keys == {"order-7"}


@pytest.mark.usefixtures("server")
def test_generate_without_a_target_prints_the_id(shell: Shell, fake: FakeHeyGen) -> None:
    """The id is what everything else goes on from; a presigned URL does not belong on a screen."""
    ran = shell(*HELLO)
    assert (ran.code, ran.out) == (0, f"{fake.job.id}\n")
    assert f"Next: heygen-async download {fake.job.id} --out FILE" in ran.err
    assert SIGNATURE not in ran.err
    assert shell(*HELLO, "--json").json["path"] is None


@pytest.mark.usefixtures("server")
def test_no_wait_prints_the_id_at_once(shell: Shell, fake: FakeHeyGen) -> None:
    """One POST and nothing else."""
    fake.plan = ["processing"]
    assert shell(*HELLO, "--no-wait").out == f"{fake.job.id}\n"
    ran = shell(*HELLO, "--no-wait", "--json", "--idempotency-key", "k")
    assert ran.json == {"id": "video-0002", "api_version": "v3", "idempotency_key": "k"}
    assert fake.routes() == {"POST /v3/videos": 2}


@pytest.mark.usefixtures("server")
def test_a_script_from_a_file_reaches_heygen(shell: Shell, fake: FakeHeyGen, tmp_path: Path) -> None:
    """`@FILE` is the file's text."""
    (tmp_path / "s.txt").write_text("From a file.\n", encoding="utf-8")
    assert shell("generate", "--avatar", "a", "--script", f"@{tmp_path}/s.txt").code == 0
    assert fake.posts[0].json["script"] == "From a file."


@pytest.mark.usefixtures("server")
def test_a_request_file_goes_out_on_the_wire_it_is_written_for(shell: Shell, fake: FakeHeyGen, tmp_path: Path) -> None:
    """The Quick Start's JSON needs no rewriting; the captured id leads back on v2."""
    file = tmp_path / "quick.json"
    file.write_text(json.dumps(QUICK_START), encoding="utf-8")
    ran = shell("generate", "--request", file, "--out", tmp_path / "q.mp4", "--json")
    assert (ran.code, ran.json["api_version"]) == (0, "v2")
    sent = fake.seen("POST /v2/video/generate")[0].json
    assert {name: sent[name] for name in QUICK_START} == QUICK_START


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("by", ["option", "environment"])
def test_api_version_v2_makes_a_quick_start_request(
    by: str, shell: Shell, fake: FakeHeyGen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same options, asked for on the older API."""
    if by == "environment":
        monkeypatch.setenv("HEYGEN_API_VERSION", "v2")
    extra = ["--api-version", "v2"] if by == "option" else []
    assert shell(*HELLO, *extra, "--aspect-ratio", "9:16").code == 0
    sent = fake.seen("POST /v2/video/generate")[0].json
    assert sent["dimension"] == {"width": 720, "height": 1280}
    assert sent["video_inputs"][0]["voice"]["input_text"] == "Hello"


@pytest.mark.usefixtures("server")
def test_the_announced_end_of_v2_is_shown_once(shell: Shell, fake: FakeHeyGen) -> None:
    """On stderr, where it cannot disturb a script."""
    fake.deprecated = True
    ran = shell(*HELLO, "--api-version", "v2", "--no-wait")
    assert (ran.code, ran.out) == (0, f"{fake.job.id}\n")
    assert ran.err.count("Note: POST /v2/video/generate") == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["generate"], "--avatar"),
        (["generate", "--avatar", "a"], "--script"),
        ([*HELLO[:-1], ""], "script"),
        ([*HELLO[:-1], "x" * 5001], "5,000"),
        ([*HELLO, "--background", "green"], "--background"),
        ([*HELLO, "--resolution", "8k"], "resolution"),
        ([*HELLO, "--aspect-ratio", "3:2"], "aspect_ratio"),
        ([*HELLO, "--timeout", "-1"], "--timeout"),
        ([*HELLO, "--timeout", "nan"], "--timeout"),
        ([*HELLO, "--timeout", "soon"], "--timeout"),
        ([*HELLO, "--api-version", "v9"], "--api-version"),
        ([*HELLO, "--idempotency-key", "order 7"], "idempotency_key"),
        ([*HELLO, "--no-wait", "--out", "x.mp4"], "--no-wait"),
        ([*HELLO, "--out", "{dir}"], "{dir}"),
        ([*HELLO, "--out", "{dir}/there.mp4"], "{dir}/there.mp4"),
        ([*HELLO, "--out", "{dir}/there.mp4/x.mp4"], "{dir}/there.mp4"),
        ([*HELLO, "--request", "r.json"], "--avatar"),
        (["generate", "--request", "{dir}/missing.json"], "{dir}/missing.json"),
        (["generate", "--request", "{dir}/there.mp4"], "--request"),
        (["generate", "--request", "{dir}/empty.json"], "video_inputs"),
        (["generate", "--frobnicate"], "--frobnicate"),
        (["download", "v1"], "--out"),
        (["download", "v1", "--out", "{dir}"], "{dir}"),
        (["download", "v1", "--out", "x.mp4", "--asset", "sound"], "--asset"),
        (["status"], "VIDEO_ID"),
        (["status", " "], "video_id"),
        (["frobnicate"], "frobnicate"),
        (["sandbox", "--port", "99999"], "--port"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("server")
def test_bad_input_is_named_and_nothing_is_sent(
    arguments: list[str], named: str, shell: Shell, fake: FakeHeyGen, tmp_path: Path
) -> None:
    """Exit code 2, one line that says what is wrong, the same in JSON, and not a single request."""
    (tmp_path / "there.mp4").write_bytes(b"mine")
    (tmp_path / "empty.json").write_text("{}")
    arguments = [argument.replace("{dir}", str(tmp_path)) for argument in arguments]
    named = named.replace("{dir}", str(tmp_path))
    ran = shell(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error: ")
    assert named in ran.err.splitlines()[0]
    as_json = shell(*arguments, "--json") if arguments[0] != "sandbox" else None
    if as_json is not None:
        assert as_json.code == 2
        assert named in as_json.json["error"]["message"]
    assert fake.requests == []
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("key", [None, "", "   "])
def test_a_missing_key_is_auth(
    key: str | None, shell: Shell, fake: FakeHeyGen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3, and the variable is named."""
    monkeypatch.delenv("HEYGEN_API_KEY")
    if key is not None:
        monkeypatch.setenv("HEYGEN_API_KEY", key)
    for arguments in (HELLO, ["status", "v1"], ["download", "v1", "--out", "x.mp4"]):
        ran = shell(*arguments, "--json")
        assert ran.code == 3
        assert ran.json["error"]["type"] == "ConfigurationError"
        assert "HEYGEN_API_KEY" in ran.err
    assert fake.requests == []


def test_a_public_http_base_is_usage(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key would go out in clear text."""
    monkeypatch.setenv("HEYGEN_API_KEY", KEY)
    monkeypatch.setenv("HEYGEN_API_BASE", "http://example.test")
    ran = shell(*HELLO)
    assert ran.code == 2
    assert "example.test" in ran.err


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("fault", "code", "kind"),
    [
        (answer(400, "invalid_parameter", param="script"), 1, "BadRequestError"),
        (answer(401, "unauthorized"), 3, "AuthenticationError"),
        (answer(402, "insufficient_credit"), 1, "InsufficientCreditError"),
        (answer(403, "forbidden"), 3, "PermissionDeniedError"),
        (answer(500, "internal_error"), 1, "InternalServerError"),
        (html(502), 1, "InternalServerError"),
        (html(200), 1, "SubmissionUncertainError"),
        (broken("reset"), 1, "APIConnectionError"),
    ],
    ids=["400", "401", "402", "403", "500", "502", "html", "reset"],
)
def test_what_heygen_refuses_ends_with_its_exit_code(
    fault: Any, code: int, kind: str, shell: Shell, fake: FakeHeyGen
) -> None:
    """One line on stderr; in JSON the class, and the key that repeats the submission safely."""
    fake.on("POST /v3/videos", fault, times=None)
    ran = shell(*HELLO, "--idempotency-key", "order-7", "--json")
    assert ran.code == code
    assert ran.json["error"]["type"] == kind
    assert ran.json["error"]["idempotency_key"] == "order-7"
    assert sum(line.startswith("Error: ") for line in ran.err.splitlines()) == 1
    assert ("--idempotency-key order-7" in ran.err) == (
        kind not in {"BadRequestError", "InsufficientCreditError"} and code == 1
    )


def test_nobody_listening_is_a_network_failure(shell: Shell, server: LoopbackServer) -> None:
    """Exit code 1, without a traceback."""
    server.close()
    ran = shell("status", "v1", "--json")
    assert (ran.code, ran.json["error"]["type"]) == (1, "APIConnectionError")


@pytest.mark.usefixtures("server")
def test_a_time_out_prints_how_to_go_on(shell: Shell, fake: FakeHeyGen, tmp_path: Path) -> None:
    """Exit code 4; the printed command then saves the video."""
    fake.plan = ["processing"]
    target = tmp_path / "late one.mp4"
    ran = shell(*HELLO, "--out", target, "--timeout", "0.05", "--json")
    assert ran.code == 4
    assert ran.json["error"].items() >= {"type": "WaitTimeoutError", "job_id": fake.job.id}.items()
    assert fake.job.id in ran.err
    command = f"heygen-async download {fake.job.id} --out '{target}'"
    assert ran.json["error"]["next"] == command
    assert f"Next: {command}" in ran.err

    fake.job.plan = ["completed"]
    again = shell("download", fake.job.id, "--out", target)
    assert (again.code, again.out) == (0, f"{target}\n")
    assert target.read_bytes() == fake.file
    assert fake.paid == 1


@pytest.mark.usefixtures("server")
def test_a_failed_render_is_a_failure_of_generate_and_an_answer_of_status(shell: Shell, fake: FakeHeyGen) -> None:
    """HeyGen's code and reason are in both."""
    fake.plan = ["failed"]
    original = FakeHeyGen._new_job

    def failing(self: FakeHeyGen, wire: str, body: dict[str, Any]) -> Any:
        job = original(self, wire, body)
        job.failure = {"code": "rendering_failed", "message": "No face found"}
        return job

    fake._new_job = failing.__get__(fake)  # type: ignore[method-assign]
    ran = shell(*HELLO, "--json")
    assert ran.code == 1
    assert ran.json["error"].items() >= {"type": "VideoFailedError", "code": "rendering_failed"}.items()
    assert "No face found" in ran.err
    looked = shell("status", fake.job.id)
    assert looked.code == 0
    assert "status: failed" in looked.out
    assert "failure: No face found (rendering_failed)" in looked.out


@pytest.mark.usefixtures("server")
def test_status_shows_no_signed_url_to_people(shell: Shell, fake: FakeHeyGen) -> None:
    """The files that exist are named; scripts get the URLs."""
    fake.add("v1", title="My film")
    people = shell("status", "v1")
    assert (people.code, people.err) == (0, "")
    assert people.out.splitlines() == [
        "id: v1",
        "status: completed",
        "title: My film",
        "duration: 4.2 s",
        "files: video, thumbnail, gif",
    ]
    scripts = shell("status", "v1", "--json")
    assert SIGNATURE in scripts.json["video_url"]
    assert scripts.json["captioned_video_url"] is None


@pytest.mark.usefixtures("server")
def test_status_of_an_unknown_id_is_an_api_error(shell: Shell) -> None:
    """Exit code 1, with what to check."""
    ran = shell("status", "nope", "--json")
    assert ran.code == 1
    assert ran.json["error"].items() >= {"type": "NotFoundError", "status_code": 404}.items()
    assert "--api-version v2" in ran.err


@pytest.mark.usefixtures("server")
def test_status_on_v2_asks_v1(shell: Shell, fake: FakeHeyGen) -> None:
    """`--api-version v2` looks where the Quick Start says."""
    fake.add("v1", wire="v2")
    assert shell("status", "v1", "--api-version", "v2").code == 0
    assert fake.routes() == {"GET /v1/video_status.get": 1}


@pytest.mark.usefixtures("server")
def test_download_waits_and_saves_the_asset(shell: Shell, fake: FakeHeyGen, tmp_path: Path) -> None:
    """Another file of the same video, with its size in JSON."""
    fake.add("v1", plan=["processing", "completed"])
    target = tmp_path / "v.mp4"
    ran = shell("download", "v1", "--out", target, "--json")
    assert ran.json == {"id": "v1", "asset": "video", "path": str(target), "size": len(fake.file), "resumed_from": 0}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.mp4"]


@pytest.mark.usefixtures("server")
def test_download_replaces_a_file_only_when_told(shell: Shell, fake: FakeHeyGen, tmp_path: Path) -> None:
    """Without `--overwrite` the file stays, and the way out is named."""
    fake.add("v1")
    target = tmp_path / "v.mp4"
    target.write_bytes(b"mine")
    refused = shell("download", "v1", "--out", target)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert target.read_bytes() == b"mine"
    assert shell("download", "v1", "--out", target, "--overwrite").code == 0
    assert target.read_bytes() == fake.file


@pytest.mark.usefixtures("server")
def test_a_page_instead_of_the_file_is_a_failed_download(shell: Shell, fake: FakeHeyGen, tmp_path: Path) -> None:
    """Exit code 1, no file, and the command that tries again."""
    fake.add("v1")
    fake.on("GET /files/*", html(200), times=None)
    target = tmp_path / "v.mp4"
    ran = shell("download", "v1", "--out", target, "--json")
    assert (ran.code, ran.json["error"]["type"]) == (1, "DownloadCorruptError")
    assert ran.json["error"]["next"] == f"heygen-async download v1 --out {target}"
    assert SIGNATURE not in ran.out + ran.err
    assert not target.exists()


@pytest.mark.usefixtures("server")
def test_a_removed_endpoint_names_the_way_out(shell: Shell, fake: FakeHeyGen) -> None:
    """`--api-version v2` is never translated behind the caller's back."""
    fake.v2_gone = gone(410)
    ran = shell(*HELLO, "--api-version", "v2")
    assert ran.code == 1
    assert "--api-version auto" in ran.err


@pytest.mark.usefixtures("server")
def test_a_reader_who_left_is_no_bad_input(shell: Shell, fake: FakeHeyGen, monkeypatch: pytest.MonkeyPatch) -> None:
    """`heygen-async status ... | head` ends quietly."""
    fake.add("v1")

    def result(*_: Any) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(Output, "result", result)
    assert shell("status", "v1") == Ran(1, "", "")


def test_the_version_is_printed(shell: Shell) -> None:
    """Nothing else."""
    assert shell("--version") == Ran(0, f"heygen-async {__version__}\n", "")


def test_help_names_the_commands_that_exist(shell: Shell) -> None:
    """And the exit codes; without arguments it is shown too."""
    ran = shell("--help")
    assert ran.code == 0
    for word in ("demo", "generate", "status", "download", "sandbox", "Exit codes"):
        assert word in ran.out
    assert shell().out == ran.out


def started(fake: LoopbackServer, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "HEYGEN_API_BASE": fake.url, "HEYGEN_API_KEY": KEY, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "heygen_async", *arguments],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A test run started in the background of a shell ignores Ctrl-C, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def until(met: Any) -> None:
    deadline = time.monotonic() + 30
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def interrupted(process: subprocess.Popen[str]) -> Ran:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    return Ran(process.returncode, out, err)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to another process there")
def test_ctrl_c_in_a_wait_prints_how_to_go_on(fake: FakeHeyGen) -> None:
    """Exit code 130; the video is named, because it goes on and is paid."""
    fake.plan = ["processing"]
    with fake.serve() as server:
        process = started(server, *HELLO, "--out", "x.mp4", "--json")
        until(lambda: fake.paid)
        until(lambda: len(fake.requests) > 1)
        ran = interrupted(process)
    assert ran.code == 130
    assert ran.json["error"].items() >= {"type": "KeyboardInterrupt", "job_id": fake.job.id}.items()
    assert f"Next: heygen-async download {fake.job.id} --out x.mp4" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to another process there")
def test_ctrl_c_in_a_submission_prints_its_key(fake: FakeHeyGen) -> None:
    """Nobody knows whether the video was made: its key leads back to it."""
    fake.on("POST /v3/videos", slow(60))
    with fake.serve() as server:
        process = started(server, *HELLO)
        until(lambda: fake.paid)
        ran = interrupted(process)
    (key,) = fake.keys
    assert (ran.code, ran.out) == (130, "")
    assert f"--idempotency-key {key}" in ran.err


@pytest.mark.parametrize(("base", "grace"), [("http://127.0.0.1:8765", 5), ("https://api.heygen.com", 60)])
def test_a_mistyped_id_is_told_by_a_sandbox_soon(base: str, grace: float) -> None:
    """HeyGen may not find a fresh video for a while; an emulator on this machine has no such excuse."""
    assert work.polling_for(base, None).visibility_grace == grace
    limited = work.polling_for(base, 7.0)
    assert (limited.visibility_grace, limited.timeout, limited.url_grace) == (grace, 7.0, 7.0)
