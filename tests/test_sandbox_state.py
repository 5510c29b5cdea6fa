"""A sandbox with a state folder: whatever was there before a restart is there after it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from heygen_async.sandbox import Sandbox, StateError, state
from heygen_async.sandbox.long_texts import MARK
from heygen_async.sandbox.render.pool import WorkerRenderer
from heygen_async.sandbox.state import FORMAT, VERSION
from tests.sandbox_fakes import InstantRenderer, avatar_video

START = 1_800_000_000.0
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40

# Makes one file per video and says so; without it nothing can be rendered.
WORKER = (
    "import sys, json, pathlib\n"
    "for line in sys.stdin:\n"
    "    folder = pathlib.Path(json.loads(line)['folder'])\n"
    "    folder.mkdir()\n"
    "    (folder / 'video.mp4').write_bytes(b'rendered')\n"
    "    print(json.dumps({'error': None, 'seconds': 4.25, 'voice': 'v'}), flush=True)\n"
)


@pytest.fixture(autouse=True)
def soon(monkeypatch) -> None:
    """Have changes written sooner than users need it."""
    monkeypatch.setattr(state, "SAVE_EVERY", 0.05)


@pytest.fixture
def renderer(tmp_path) -> InstantRenderer:
    folder = tmp_path / "made"
    folder.mkdir()
    return InstantRenderer(folder, size=256)


@pytest.fixture
def built(tmp_path, renderer) -> Callable[..., Sandbox]:
    def build(**options) -> Sandbox:
        standard = {"renderer": renderer, "state": tmp_path / "state", "start_time": START, "speed": 0}
        return Sandbox(**{**standard, **options})

    return build


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "state" / "state.json"


def ask(sandbox: Sandbox, method: str, path: str, **options) -> httpx.Response:
    headers = {"X-Api-Key": "k", **options.pop("headers", {})}
    return httpx.request(method, sandbox.url + path, headers=headers, trust_env=False, **options)


def create(sandbox: Sandbox, **changes) -> str:
    answer = ask(sandbox, "POST", "/v3/videos", json=avatar_video(**changes))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["video_id"]


def read(sandbox: Sandbox, path: str):
    answer = ask(sandbox, "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 30 seconds"
        time.sleep(0.02)


def test_jobs_and_money_are_as_before(built):
    """Finished, failed, deleted, running and waiting ones; the same answers, the same charges."""
    with built() as sandbox:
        done = create(sandbox, title="Mine", callback_id="c")
        sandbox.fail_next(40119)
        failed = create(sandbox, title="Fails")
        deleted = create(sandbox)
        ask(sandbox, "DELETE", f"/v3/videos/{deleted}")
        sandbox.progress("after 100s")
        sandbox.concurrency = 1
        sandbox.advance(50)
        running = create(sandbox, script="Runs.")
        opened = ask(sandbox, "POST", "/v3/videos/batches", json={"videos": [avatar_video(script="Waits.")]})
        batch = opened.json()["data"]["batch_id"]
        before = list(sandbox.jobs), sandbox.charges, sandbox.wallet, sandbox.clock.now()
        answer = read(sandbox, f"/v3/videos/{failed}")
    with built(progress="after 100s", concurrency=1) as sandbox:
        after = list(sandbox.jobs), sandbox.charges, sandbox.wallet, sandbox.clock.now()
        assert after == before
        assert read(sandbox, f"/v3/videos/{failed}") == answer
        assert ask(sandbox, "GET", f"/v3/videos/{deleted}").status_code == 404
        assert sandbox.jobs[done].title == "Mine"
        assert read(sandbox, f"/v3/videos/batches/{batch}")["data"]["items"][0]["status"] == "queued"
        sandbox.advance(100)
        assert [job.status for job in sandbox.jobs][3:] == ["completed", "pending"]
        assert sandbox.jobs[running].completed_at == START + 150
        sandbox.advance(100)
        assert [job.status for job in sandbox.jobs][3:] == ["completed", "completed"]
        sandbox.concurrency = None
        assert create(sandbox) not in {done, failed, deleted, running}


def test_a_replayed_create_call_pays_once_across_a_restart(built):
    """The answer is the stored one; after 24 virtual hours it is forgotten."""
    key = {"Idempotency-Key": "order-1"}
    with built() as sandbox:
        first = ask(sandbox, "POST", "/v3/videos", json=avatar_video(), headers=key).json()
    with built() as sandbox:
        assert ask(sandbox, "POST", "/v3/videos", json=avatar_video(), headers=key).json() == first
        assert sandbox.jobs.count == 1
        sandbox.advance(24 * 3600)
        assert ask(sandbox, "POST", "/v3/videos", json=avatar_video(), headers=key).json() != first


def test_links_stay_good_and_lead_to_the_same_file(built):
    """Until they expire on the clock, which goes on from where it stood."""
    with built() as sandbox:
        link = read(sandbox, f"/v3/videos/{create(sandbox)}")["data"]["video_url"].removeprefix(sandbox.url)
        sandbox.advance(6 * 86400)
    with built() as sandbox:
        assert sandbox.clock.now() == START + 6 * 86400
        assert httpx.get(sandbox.url + link, trust_env=False).status_code == 200
        sandbox.advance(86400)
        assert httpx.get(sandbox.url + link, trust_env=False).status_code == 403


def test_the_clock_never_goes_back(built):
    """A new clock that begins later wins."""
    with built():
        pass
    with built(start_time=START + 500) as sandbox:
        assert sandbox.clock.now() == START + 500
    with built(start_time=0) as sandbox:
        assert sandbox.clock.now() == START + 500


def test_uploads_and_the_own_part_of_the_catalogue_are_as_before(built, tmp_path):
    """Files lie in the folder until they are deleted."""
    with built() as sandbox:
        upload = ask(sandbox, "POST", "/v3/assets", files={"file": ("a.png", PNG, "image/png")}).json()["data"]
        clone = {"voice_name": "Mine", "audio": {"type": "url", "url": "https://example.com/me.mp3"}}
        voice = ask(sandbox, "POST", "/v3/voices/clone", json=clone).json()["data"]["voice_clone_id"]
        count = len(sandbox._service.account.catalogue.voices)
    with built() as sandbox:
        assert read(sandbox, f"/v3/voices/{voice}")["data"]["name"] == "Mine"
        assert len(sandbox._service.account.catalogue.voices) == count
        again = ask(sandbox, "POST", "/v3/assets", files={"file": ("a.png", PNG, "image/png")}).json()["data"]
        assert again["asset_id"] != upload["asset_id"]
        assert sandbox._service.assets.path(upload["asset_id"]).read_bytes() == PNG
        ask(sandbox, "DELETE", f"/v3/assets/{upload['asset_id']}")
    with built() as sandbox:
        assert not sandbox._service.assets.is_known(upload["asset_id"])
        assert sandbox._service.assets.is_known(again["asset_id"])
    assert len([path for path in (tmp_path / "state" / "assets").iterdir() if path.read_bytes() == PNG]) == 1


def delivered(sandbox: Sandbox) -> list[tuple[object, ...]]:
    return [(one.number, one.event, one.url, one.state, one.reason) for one in sandbox.webhooks.deliveries]


def test_webhook_endpoints_and_what_was_delivered_are_as_before(built):
    """With their secrets; what was on its way goes on."""
    body = {"url": "https://example.com/hook", "events": ["avatar_video.success"]}
    with built() as sandbox:
        assert ask(sandbox, "POST", "/v3/webhooks/endpoints", json=body).status_code == 200
        create(sandbox)
        wait_for(lambda: [one.state for one in sandbox.webhooks.deliveries] == ["refused"])
        before = sandbox.webhooks.endpoints, sandbox.webhooks.events, delivered(sandbox)
    with built() as sandbox:
        assert (sandbox.webhooks.endpoints, sandbox.webhooks.events, delivered(sandbox)) == before
        create(sandbox, script="Another.")
        wait_for(lambda: [one.state for one in sandbox.webhooks.deliveries] == ["refused", "refused"])


def test_settings_are_those_of_the_new_start(built):
    """What was turned by hand is not kept: rules, switches, speed, limits."""
    with built() as sandbox:
        sandbox.fault("POST /v3/videos status(500)")
        sandbox.switches.lenient, sandbox.concurrency, sandbox.wallet = True, 1, 5.0
    with built(concurrency=7, wallet=99.0) as sandbox:
        assert (len(sandbox.faults), sandbox.switches.lenient, sandbox.concurrency) == (0, False, 7)
        assert sandbox.wallet == 5.0, "money is no setting"


def test_the_same_sandbox_can_be_started_again(built, tmp_path):
    """It goes on too; `reset` begins anew, also after the next restart."""
    sandbox = built()
    with sandbox:
        create(sandbox)
        asset = ask(sandbox, "POST", "/v3/assets", files={"file": ("a.png", PNG, "image/png")}).json()["data"]
    with sandbox:
        assert sandbox.jobs.count == 1
        assert sandbox._service.assets.path(asset["asset_id"]).read_bytes() == PNG
        sandbox.reset()
    with sandbox:
        assert (sandbox.jobs.count, sandbox._service.assets.is_known(asset["asset_id"])) == (0, False)
    assert not (tmp_path / "state" / "assets").exists()


def test_rendered_files_are_kept_and_not_made_again(built, tmp_path):
    """The new renderer has no worker that works, and needs none; the true length is known too."""
    with built(renderer=WorkerRenderer(now=lambda: START, command=[sys.executable, "-c", WORKER])) as sandbox:
        video_id = create(sandbox)
        sandbox.wait_rendered()
        assert sandbox.jobs[video_id].duration == 4.25
    with built(renderer=WorkerRenderer(now=lambda: START, command=["/nonexistent"])) as sandbox:
        video = read(sandbox, f"/v3/videos/{video_id}")["data"]
        assert (video["status"], video["duration"]) == ("completed", 4.25)
        assert httpx.get(video["video_url"], trust_env=False).content == b"rendered"
        assert read(sandbox, f"/v3/videos/{create(sandbox)}")["data"]["status"] == "completed", "an equal one"


def test_a_render_that_did_not_end_is_begun_again(built, tmp_path):
    """Stopping fails no video that goes on later, and half of one is thrown away."""
    hang = [sys.executable, "-c", "import sys, time\nsys.stdin.readline()\ntime.sleep(600)"]
    with built(renderer=WorkerRenderer(now=lambda: START, command=hang)) as sandbox:
        video_id = create(sandbox)
        half = sandbox._service.account.jobs[video_id].rendering.folder
    half.mkdir()
    (half / "video.mp4").write_bytes(b"half")
    with built(renderer=WorkerRenderer(now=lambda: START, command=[sys.executable, "-c", WORKER])) as sandbox:
        sandbox.wait_rendered()
        video = read(sandbox, f"/v3/videos/{video_id}")["data"]
        assert httpx.get(video["video_url"], trust_env=False).content == b"rendered"
    assert half.parent == tmp_path / "state" / "videos"


def test_what_a_killed_sandbox_left_half_made_is_removed(built, tmp_path):
    """Videos under way and uploads that were still coming in; nothing else."""
    videos, assets = tmp_path / "state" / "videos", tmp_path / "state" / "assets"
    (videos / "making-abc").mkdir(parents=True)
    (videos / "making-abc" / "video.mp4").write_bytes(b"half")
    (videos / "whole").mkdir()
    assets.mkdir()
    (assets / "incoming-abc").write_bytes(b"half")
    with built(renderer=WorkerRenderer(now=lambda: START, command=["/nonexistent"])):
        assert [path.name for path in videos.iterdir()] == ["whole"]
        assert list(assets.iterdir()) == []


BASE64 = "QUJD" * 5000


def photo(data: str = BASE64) -> dict:
    picture = {"type": "base64", "media_type": "image/png", "data": data}
    return {"type": "image", "avatar_id": None, "image": picture}


def test_a_file_within_a_request_is_written_once(built, file):
    """The state names it, however often it is saved; with nobody's eyes but the owner's."""
    inputs = file.parent / "inputs"
    with built() as sandbox:
        video_id = create(sandbox, **photo())
        create(sandbox, **photo())
        wait_for(lambda: file.exists() and len(json.loads(file.read_text())["stores"]["account"]["jobs"]) == 2)
        written = {path.name: path.stat().st_mtime_ns for path in inputs.iterdir()}
        create(sandbox)
    assert {path.name: path.stat().st_mtime_ns for path in inputs.iterdir()} == written
    assert sorted(path.read_text() for path in inputs.iterdir()) == [BASE64, "data:image/png;base64," + BASE64]
    assert BASE64 not in file.read_text()
    assert sys.platform == "win32" or {stat.S_IMODE(path.stat().st_mode) for path in inputs.iterdir()} == {0o600}
    with built() as sandbox:
        assert sandbox.jobs[video_id].request["image"]["data"] == BASE64
        plan = sandbox._service.account.jobs[video_id].order.plan
        assert plan.scenes[0].backdrop.media.url == "data:image/png;base64," + BASE64
    assert {path.name: path.stat().st_mtime_ns for path in inputs.iterdir()} == written
    with built() as sandbox:
        sandbox.reset()
    assert list(inputs.iterdir()) == []


def test_a_request_that_looks_like_a_mark_stays_as_it_is(built):
    """Only what the state took out is put back."""
    mark = {MARK: "../state.json"}
    with built(lenient=True) as sandbox:
        video_id = create(sandbox, extra=mark)
    with built() as sandbox:
        assert sandbox.jobs[video_id].request["extra"] == mark


def test_a_state_whose_files_were_lost_is_an_error(built, file):
    """It names what is lacking."""
    with built() as sandbox:
        create(sandbox, **photo())
    for path in (file.parent / "inputs").iterdir():
        path.unlink()
    sandbox = built()
    with pytest.raises(StateError, match="FileNotFoundError"):
        sandbox.start()
    sandbox.stop()


def test_changes_are_written_while_it_runs(built, file):
    """Soon after; with nobody's eyes but the owner's."""
    with built() as sandbox:
        video_id = create(sandbox)
        wait_for(lambda: file.exists() and video_id in file.read_text())
        ask(sandbox, "DELETE", f"/v3/videos/{video_id}")
        wait_for(lambda: '"deleted": true' in file.read_text())
        sandbox.wallet = 1.25
        wait_for(lambda: '"wallet": 1.25' in file.read_text())
        if sys.platform != "win32":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_sandbox_loses_no_more_than_its_last_second(built, file, tmp_path):
    """The folder is free at once."""
    code = (
        "import sys, time, httpx\nfrom heygen_async.sandbox import Sandbox, state\nstate.SAVE_EVERY = 0.05\n"
        f"sandbox = Sandbox(mode='fast', state={str(tmp_path / 'state')!r}).start()\n"
        f"body = {avatar_video()!r}\n"
        "httpx.post(sandbox.url + '/v3/videos', json=body, headers={'X-Api-Key': 'k'}, trust_env=False)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_for(lambda: file.exists() and len(json.loads(file.read_text())["stores"]["account"]["jobs"]) == 1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with built(mode="fast", renderer=None) as sandbox:
        assert sandbox.jobs.count == 1
        video = read(sandbox, f"/v3/videos/{next(iter(sandbox.jobs)).id}")["data"]
        assert httpx.get(video["video_url"], trust_env=False).status_code == 200


def test_one_folder_belongs_to_one_sandbox(built):
    """The second one is told who has it, and changes nothing."""
    with built() as sandbox:
        create(sandbox)
        with pytest.raises(StateError, match=f"process {os.getpid()} keeps its state here"):
            built().start()
    with built() as sandbox:
        assert sandbox.jobs.count == 1


WHOLE = {FORMAT: VERSION, "stores": {"clock": {"now": 1.0}}}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "JSONDecodeError"),
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"other": 1}', "KeyError"),
        (json.dumps(WHOLE), "KeyError: 'links'"),
        (json.dumps(WHOLE | {"stores": {"clock": {"now": "soon"}}}), "ValueError"),
        (
            json.dumps(WHOLE | {FORMAT: VERSION + 1}),
            f"a state of version {VERSION + 1}, this heygen-async reads {VERSION}",
        ),
        ("\udcff", "UnicodeDecodeError"),
    ],
    ids=["empty", "cut", "list", "foreign", "lacking", "wrong", "newer", "binary"],
)
def test_a_state_that_cannot_be_read_is_an_error_and_left_as_it_is(built, file, content, told):
    """With the way out; once it was moved away, the folder can be used."""
    file.parent.mkdir()
    file.write_bytes(content.encode(errors="surrogateescape"))
    kept = file.read_bytes()
    sandbox = built()
    with pytest.raises(StateError) as raised:
        sandbox.start()
    sandbox.stop()
    assert str(file) in str(raised.value)
    assert told in str(raised.value)
    assert "nothing was changed" in str(raised.value)
    assert file.read_bytes() == kept
    file.rename(file.with_name("away.json"))
    with built() as sandbox:
        assert sandbox.jobs.count == 0


def test_a_taken_port_gives_the_folder_back(built):
    """The next one can have it."""
    with Sandbox(mode="fast") as other, pytest.raises(OSError, match=r"[Aa]ddress"):
        built(port=int(other.url.rpartition(":")[2])).start()
    with built() as sandbox:
        assert sandbox.jobs.count == 0


def test_a_folder_that_cannot_be_made_is_an_error(built, tmp_path):
    """With what the system says, and the way out."""
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(StateError, match=r"taken: no state can be kept here \(.+\); use a folder"):
        built(state=tmp_path / "taken").start()
