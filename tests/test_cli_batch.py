"""`heygen-async batch` against a scripted HeyGen: what is sent, paid, saved, printed, and how it goes on."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from heygen_async import AsyncHeyGen, PollPolicy, RetryPolicy
from heygen_async._journal import read_journal
from heygen_async.cli import work
from heygen_async.sandbox import Sandbox
from tests.fake_heygen import KEY, SIGNATURE, FakeHeyGen, LoopbackServer, Received, Reply, Work, answer
from tests.sandbox_fakes import InstantRenderer
from tests.test_cli_commands import Ran, Shell, started, until

pytestmark = pytest.mark.timeout(120)

QUICK = PollPolicy(first_after=0.01, max_interval=0.01)
Running = Callable[..., "subprocess.Popen[str]"]
THREE = "key,script\na,One\nb,Two\nc,Three\n"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def fake() -> FakeHeyGen:
    return FakeHeyGen(plan=["completed"])


@pytest.fixture
def server(fake: FakeHeyGen, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """A fake HeyGen that the environment points to, and a client that loses no time."""
    monkeypatch.setattr(work, "_LOCAL_POLLING", QUICK)
    defaults = AsyncHeyGen.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "retries", RetryPolicy(max_attempts=2, base=0.01, reconcile_window=0.05))
    with fake.serve() as server:
        monkeypatch.setenv("HEYGEN_API_BASE", server.url)
        monkeypatch.setenv("HEYGEN_API_KEY", KEY)
        yield server


class Folder:
    """A place with an input file, a journal and videos."""

    def __init__(self, place: Path, text: str = THREE, name: str = "in.csv") -> None:
        self.file = place / name
        self.file.write_text(text, encoding="utf-8")
        self.out = place / "out"
        self.journal = place / "b.sqlite"

    @property
    def command(self) -> list[str]:
        places = ["--out", str(self.out), "--journal", str(self.journal)]
        return ["batch", str(self.file), *places, "--avatar", "av"]

    def saved(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.out.iterdir())} if self.out.exists() else {}

    def states(self) -> dict[str, str]:
        return {entry.key: entry.state for entry in read_journal(self.journal)}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def results(ran: Ran) -> dict[str, str]:
    return {row["key"]: row["result"] for row in ran.json["outcomes"]}


@pytest.mark.usefixtures("server")
def test_every_row_becomes_a_video_and_a_rerun_sends_nothing(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """Plain lines for people; the second run finds everything in the journal."""
    ran = shell(*folder.command)
    assert ran.code == 0
    assert ran.out.startswith("3 succeeded, 0 failed, 0 skipped of 3; about $0.")
    assert folder.saved() == {f"{key}.mp4": fake.file for key in "abc"}
    assert sorted(post.json["script"] for post in fake.posts) == ["One", "Three", "Two"]
    assert "\x1b" not in ran.err + ran.out
    assert SIGNATURE not in ran.err + ran.out

    fake.requests.clear()
    again = shell(*folder.command, "--json")
    assert (again.code, fake.requests) == (0, [])
    assert again.json["counts"] == {"total": 3, "succeeded": 3, "failed": 0, "skipped": 0}
    assert again.json["estimated_usd"] == 0
    assert [row["path"] for row in again.json["outcomes"]] == [str(folder.out / f"{key}.mp4") for key in "abc"]


@pytest.mark.usefixtures("server")
def test_a_rerun_fetches_what_is_missing_and_pays_nothing(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """A file that was deleted comes back from the video that exists."""
    assert shell(*folder.command).code == 0
    (folder.out / "b.mp4").unlink()
    assert shell(*folder.command).code == 0
    assert folder.saved()["b.mp4"] == fake.file
    assert fake.paid == 3


@pytest.mark.usefixtures("server")
def test_a_dry_run_prices_every_row_and_sends_nothing(
    shell: Shell, fake: FakeHeyGen, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no key, no folder and no journal, and makes none; a budget that is too small is told."""
    monkeypatch.delenv("HEYGEN_API_KEY")
    ran = shell("batch", folder.file, "--avatar", "av", "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("3 rows are good: about 3 s of video, about $0.20")
    beyond = shell(*folder.command, "--dry-run", "--max-cost", "0.15", "--json")
    assert beyond.code == 1
    assert [row["reason"] for row in beyond.json["outcomes"]] == [None, None, "beyond --max-cost $0.15"]
    assert beyond.json["dry_run"] is True
    assert fake.requests == []
    assert sorted(path.name for path in folder.file.parent.iterdir()) == ["in.csv"]


@pytest.mark.usefixtures("server")
def test_a_bad_file_is_told_whole_and_sends_nothing(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """A line per problem on stderr; in JSON a list."""
    folder.file.write_text("key,script,dimension\na,,1x1\nb,Hi,1280x721\nb,Ho,\n")
    ran = shell(*folder.command)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        f"Error: {folder.file} has 4 problems; nothing was sent",
        "line 2, column script: is empty",
        "line 2, column dimension: width: must be at least 128 and at most 4096, not 1",
        "line 3, column dimension: height: must be even, not 721",
        "line 4, column key: 'b' is that of line 3 too",
    ]
    as_json = shell(*folder.command, "--json")
    assert as_json.code == 2
    assert [(one["line"], one["column"]) for one in as_json.json["error"]["problems"]] == [
        (2, "script"),
        (2, "dimension"),
        (3, "dimension"),
        (4, "key"),
    ]
    assert fake.requests == []
    assert not folder.journal.exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["batch"], "FILE"),
        (["batch", "{dir}/none.csv"], "--out"),
        (["batch", "{dir}/none.csv", "--out", "o"], "--journal"),
        (["batch", "{dir}/none.csv", "--dry-run"], "{dir}/none.csv"),
        (["batch", "{dir}", "--dry-run"], "{dir}"),
        (["batch", "{file}", "--out", "{file}", "--journal", "j"], "{file}"),
        (["batch", "{file}", "--dry-run", "--max-cost", "-1"], "--max-cost"),
        (["batch", "{file}", "--dry-run", "--max-cost", "nan"], "--max-cost"),
        (["batch", "{file}", "--dry-run", "--max-in-flight", "0"], "--max-in-flight"),
        (["batch", "{file}", "--dry-run", "--timeout", "-1"], "--timeout"),
        (["batch", "{file}", "--dry-run", "--template", "t", "--avatar", "a"], "--template"),
        (["batch", "{file}", "--status", "j"], "--status"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("server")
def test_bad_arguments_are_named(
    arguments: list[str], named: str, shell: Shell, fake: FakeHeyGen, folder: Folder
) -> None:
    """Exit code 2, and nothing is sent."""
    places = {"{dir}": str(folder.file.parent), "{file}": str(folder.file)}
    for name, value in places.items():
        arguments = [argument.replace(name, value) for argument in arguments]
        named = named.replace(name, value)
    ran = shell(*arguments, "--json")
    assert ran.code == 2
    assert named in ran.json["error"]["message"]
    assert fake.requests == []


def test_a_missing_key_is_auth(shell: Shell, folder: Folder) -> None:
    """After the file was checked, before a journal is made."""
    ran = shell(*folder.command, "--json")
    assert (ran.code, ran.json["error"]["type"]) == (3, "ConfigurationError")
    assert not folder.journal.exists()


@pytest.mark.usefixtures("server")
def test_failed_rows_are_in_the_table_and_do_not_sink_others(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """Line, key and reason; exit code 1."""
    folder.file.write_text("key,script,avatar_id\na,One,\nb,Two,gone\nc,Three,\n")
    fake.missing_avatars = {"gone"}
    ran = shell(*folder.command)
    assert ran.code == 1
    header, row, blank, total = ran.out.splitlines()
    assert header.split() == ["LINE", "KEY", "RESULT", "REASON"]
    assert row.startswith("3     b    failed  NotFoundError: ")
    assert blank == ""
    assert total.startswith("2 succeeded, 1 failed, 0 skipped of 3")
    assert f"Next: repeat the same command; it goes on from {folder.journal}" in ran.err
    as_json = shell(*folder.command, "--json")
    assert results(as_json) == {"a": "succeeded", "b": "failed", "c": "succeeded"}
    assert as_json.json["exit_code"] == as_json.code == 1
    assert fake.paid == 2


@pytest.mark.usefixtures("server")
def test_a_refused_key_stops_the_batch(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """One row failed, the others were not tried; exit code 3."""
    fake.on("POST /v3/videos", answer(401, "unauthorized"), times=None)
    ran = shell(*folder.command, "--max-in-flight", "1", "--json")
    assert ran.code == 3
    assert results(ran) == {"a": "failed", "b": "skipped", "c": "skipped"}
    assert "Nothing more is submitted" in ran.err


@pytest.mark.usefixtures("server")
def test_rows_that_only_took_too_long_have_their_own_exit_code(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """Exit code 4; the same command then waits for the same videos."""
    fake.plan = ["processing"]
    ran = shell(*folder.command, "--timeout", "0.05", "--json")
    assert ran.code == 4
    assert {row["error"]["type"] for row in ran.json["outcomes"]} == {"WaitTimeoutError"}
    assert {row["video_id"] for row in ran.json["outcomes"]} == set(fake.jobs)
    for job in fake.jobs.values():
        job.plan = ["completed"]
    assert shell(*folder.command).code == 0
    assert fake.paid == 3


@pytest.mark.usefixtures("server")
def test_the_budget_ends_the_batch_before_it_is_exceeded(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """Also over several runs of the same journal."""
    ran = shell(*folder.command, "--max-cost", "0.15", "--json")
    assert ran.code == 1
    assert list(results(ran).values()).count("skipped") == 1
    assert ran.json["estimated_usd"] == pytest.approx(2 * 0.0667)
    assert ran.json["next"].startswith("repeat the same command with a higher --max-cost; it goes on from")
    assert shell(*folder.command, "--max-cost", "0.15").code == 1
    assert fake.paid == 2


@pytest.mark.usefixtures("server")
def test_a_file_that_is_there_is_replaced_only_when_told(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """Its row fails before it is paid; the others are made."""
    folder.out.mkdir()
    (folder.out / "b.mp4").write_bytes(b"mine")
    ran = shell(*folder.command, "--json")
    assert ran.code == 1
    assert [row["error"] and row["error"]["type"] for row in ran.json["outcomes"]] == [None, "FileExistsError", None]
    assert ran.json["next"].startswith("repeat the same command with --overwrite, to replace files that exist, or")
    assert folder.saved()["b.mp4"] == b"mine"
    assert fake.paid == 2
    assert shell(*folder.command, "--overwrite").code == 0
    assert folder.saved()["b.mp4"] == fake.file
    assert fake.paid == 3


@pytest.mark.usefixtures("server")
def test_a_folder_with_braces_in_its_name_is_a_folder(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """The pattern for files is ours."""
    folder.out = folder.out.with_name("{key} {x}")
    assert shell(*folder.command).code == 0
    assert sorted(folder.saved()) == ["a.mp4", "b.mp4", "c.mp4"]


@pytest.mark.usefixtures("server")
def test_a_changed_row_under_a_known_key_is_refused(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """HeyGen would answer with the old video."""
    assert shell(*folder.command).code == 0
    folder.file.write_text(THREE.replace("Two", "Other"))
    ran = shell(*folder.command, "--json")
    assert results(ran) == {"a": "succeeded", "b": "failed", "c": "succeeded"}
    assert ran.json["outcomes"][1]["error"]["type"] == "JournalError"
    assert fake.paid == 3


@pytest.mark.usefixtures("server")
def test_whole_requests_and_columns_go_out_on_their_wires(shell: Shell, fake: FakeHeyGen, tmp_path: Path) -> None:
    """A canvas in pixels is v2's; a JSON request is what it says."""
    lines = [
        {"key": "a", "script": "One", "dimension": "1280x720"},
        {"key": "b", "request": {"type": "avatar", "avatar_id": "x", "script": "Two"}},
    ]
    folder = Folder(tmp_path, "\n".join(map(json.dumps, lines)), "in.jsonl")
    assert shell(*folder.command, "--json").code == 0
    (old,) = fake.seen("POST /v2/video/generate")
    assert old.json["dimension"] == {"width": 1280, "height": 720}
    (new,) = fake.seen("POST /v3/videos")
    assert new.json == {"type": "avatar", "avatar_id": "x", "script": "Two"}


@pytest.mark.usefixtures("server")
def test_a_file_that_can_be_read_once_is_read_twice(fake: FakeHeyGen, server: LoopbackServer, folder: Folder) -> None:
    """Standard input is copied."""
    command = ["batch", "-", *folder.command[2:], "--json"]
    ran = subprocess.run(
        [sys.executable, "-m", "heygen_async", *command], input=THREE, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout)["counts"]["succeeded"] == 3
    assert fake.paid == 3


def test_a_template_makes_one_video_per_row(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the sandbox: a wrong variable is refused before anything is made, then every row is."""
    (tmp_path / "renders").mkdir()
    monkeypatch.setattr(work, "_LOCAL_POLLING", QUICK)
    with Sandbox(renderer=InstantRenderer(tmp_path / "renders", size=2000)) as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        header = "key,first_name,company,presenter,logo"
        row = "Ada,Acme,sandbox-anna,https://x.test/l.png"
        folder = Folder(tmp_path, f"{header}s\na,{row}\n")
        command = [*folder.command[:-2], "--template", "template-welcome"]
        bad = shell(*command, "--json")
        assert bad.code == 2
        assert [(one["line"], one["column"]) for one in bad.json["error"]["problems"]] == [(1, "logos"), (1, "logo")]
        assert not folder.journal.exists()

        folder.file.write_text(f"{header}\na,{row}\nb,{row}\n")
        dry = shell(*command, "--dry-run", "--json")
        assert (dry.code, dry.json["unpriced"]) == (0, 2)
        budget = shell(*command, "--max-cost", "1", "--json")
        assert budget.code == 2
        ran = shell(*command, "--json")
        assert (ran.code, ran.json["unpriced"]) == (0, 2)
        assert sorted(folder.saved()) == ["a.mp4", "b.mp4"]
        unknown = shell(*folder.command[:-2], "--template", "nope", "--json")
        assert (unknown.code, unknown.json["error"]["type"]) == (1, "NotFoundError")


@pytest.mark.usefixtures("server")
def test_status_reads_a_journal_and_touches_nothing(shell: Shell, fake: FakeHeyGen, folder: Folder) -> None:
    """Without a key, a network or a change; what is not done is in the table."""
    fake.missing_avatars = {"gone"}
    folder.file.write_text("key,script,avatar_id\na,One,\nb,Two,gone\n")
    assert shell(*folder.command).code == 1
    fake.requests.clear()
    files = {path: path.read_bytes() for path in folder.journal.parent.glob("b.sqlite*")}
    people = shell("batch", "--status", folder.journal)
    assert people.code == 0
    assert people.out.splitlines()[1].split()[:2] == ["b", "failed"]
    assert people.out.splitlines()[-1] == "1 saved, 1 failed; about $0.07 spent in all runs"
    ran = shell("batch", "--status", folder.journal, "--json")
    assert ran.json["counts"] == {
        "total": 2,
        "intended": 0,
        "submitted": 0,
        "completed": 0,
        "saved": 1,
        "failed": 1,
    }
    saved, failed = ran.json["items"]
    assert saved.items() >= {"key": "a", "path": str(folder.out / "a.mp4"), "error": None}.items()
    assert failed["error"]["code"] == "avatar_not_found"
    assert {path: path.read_bytes() for path in folder.journal.parent.glob("b.sqlite*")} == files
    assert fake.requests == []


@pytest.mark.parametrize("there", [False, True])
def test_status_of_what_is_no_journal_is_an_error(there: bool, shell: Shell, tmp_path: Path) -> None:
    """In one line, and nothing is made."""
    path = tmp_path / "x.sqlite"
    if there:
        path.write_text("no journal, but long enough to be looked at as one" * 20)
    ran = shell("batch", "--status", path, "--json")
    assert (ran.code, ran.json["error"]["type"]) == (1, "JournalError")
    assert path.exists() is there


# Ctrl-C, in real processes

no_signals = pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to another process there")


@pytest.fixture
def running() -> Iterator[Running]:
    """Start commands, and end those that a failed test leaves behind."""
    with contextlib.ExitStack() as stack:

        def start(server: LoopbackServer, *arguments: str) -> subprocess.Popen[str]:
            process = stack.enter_context(started(server, *arguments))
            stack.callback(process.kill)
            return process

        yield start


def ended(process: subprocess.Popen[str]) -> Ran:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return Ran(process.returncode, out, err)


@no_signals
def test_ctrl_c_finishes_what_runs_and_begins_nothing_more(
    running: Running, fake: FakeHeyGen, folder: Folder, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130; the same command then makes the rest, and nothing twice."""
    fake.plan = ["processing"]
    with fake.serve() as server:
        process = running(server, *folder.command, "--max-in-flight", "1", "--json")
        until(lambda: fake.paid)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        until(lambda: "Ctrl-C again" in process.stderr.readline())
        fake.job.plan = fake.plan = ["completed"]
        ran = ended(process)
        assert ran.code == 130
        assert results(ran) == {"a": "succeeded", "b": "skipped", "c": "skipped"}
        assert ran.json["interrupted"] is True
        assert f"goes on from {folder.journal}" in ran.json["next"]
        assert fake.paid == 1
        assert sorted(folder.saved()) == ["a.mp4"]

        monkeypatch.setenv("HEYGEN_API_BASE", server.url)
        monkeypatch.setenv("HEYGEN_API_KEY", KEY)
        assert shell(*folder.command).code == 0
    assert fake.paid == 3


@no_signals
def test_a_second_ctrl_c_leaves_at_once(
    running: Running, fake: FakeHeyGen, folder: Folder, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was submitted is named; the same command picks it up."""
    fake.plan = ["processing"]
    with fake.serve() as server:
        process = running(server, *folder.command, "--max-in-flight", "2", "--json")
        until(lambda: len(folder.states()) == 2 if folder.journal.exists() else False)
        until(lambda: set(folder.states().values()) == {"submitted"})
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        until(lambda: "Ctrl-C again" in process.stderr.readline())
        process.send_signal(signal.SIGINT)
        ran = ended(process)
        assert ran.code == 130
        assert results(ran) == dict.fromkeys("abc", "skipped")
        submitted = {entry.key: entry.video_id for entry in read_journal(folder.journal)}
        assert {row["key"]: row["video_id"] for row in ran.json["outcomes"]} == {**submitted, "c": None}
        for job in fake.jobs.values():
            job.plan = ["completed"]
        fake.plan = ["completed"]
        monkeypatch.setenv("HEYGEN_API_BASE", server.url)
        monkeypatch.setenv("HEYGEN_API_KEY", KEY)
        assert shell(*folder.command).code == 0
    assert fake.paid == 3


@no_signals
def test_a_second_ctrl_c_does_not_wait_for_an_answer_that_does_not_come(
    running: Running, fake: FakeHeyGen, folder: Folder, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A submission under way is left to the journal, which repeats it under its key."""

    def silent(_: FakeHeyGen, __: Received, work: Work) -> Reply:
        return replace(work(), delay=600)

    fake.on("POST /v3/videos", silent)
    with fake.serve() as server:
        process = running(server, *folder.command, "--max-in-flight", "1", "--json")
        until(lambda: fake.paid)
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        until(lambda: "Ctrl-C again" in process.stderr.readline())
        process.send_signal(signal.SIGINT)
        ran = ended(process)
        assert ran.code == 130
        assert results(ran) == dict.fromkeys("abc", "skipped")
        monkeypatch.setenv("HEYGEN_API_BASE", server.url)
        monkeypatch.setenv("HEYGEN_API_KEY", KEY)
        assert shell(*folder.command).code == 0
    assert (fake.paid, fake.replays) == (3, 1)
