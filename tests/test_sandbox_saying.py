"""Speech without a video: the call, its file, its words and its price; in fast mode and by the render process."""

from __future__ import annotations

import io
import json
import sys
import wave

import anyio.to_thread
import httpx
import pytest

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.plan import Voice
from heygen_async.sandbox.prices import SPEECH_PER_SECOND
from heygen_async.sandbox.render.pool import STOPPED, Said, WorkerRenderer
from heygen_async.sandbox.render.sound import loudness
from heygen_async.sandbox.render.speech.studio import Studio
from heygen_async.sandbox.render.timeline import Cue
from heygen_async.sandbox.saying import say, speech_plan, text_of, word_timestamps
from heygen_async.sandbox.stock_catalogue import PAIGE, hex_id
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process

pytestmark = pytest.mark.anyio

PATH = "/v3/voices/speech"
SAYS = "import sys, json\nfor line in sys.stdin: print(json.dumps({}), flush=True)"
CRASH = "import sys\nsys.stdin.readline()\nsys.exit(7)"


@pytest.fixture
def anyio_backend() -> str:
    """Run on one loop: nothing here waits for anything."""
    return "asyncio"


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    """Return a sandbox whose clock moves only by hand."""
    return Sandbox(renderer=InstantRenderer(tmp_path, size=4096), speed=0.0, start_time=1_800_000_000.0)


@pytest.fixture
async def api(sandbox):
    async with in_process(sandbox) as client:
        yield client
    sandbox.stop()


def asked(**changes) -> dict:
    return {"text": "One two three four five.", "voice_id": PAIGE, **changes}


async def spoken(api, **changes) -> dict:
    answer = await api.post(PATH, json=asked(**changes))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def heard(body: bytes) -> float:
    with wave.open(io.BytesIO(body)) as file:
        return file.getnframes() / file.getframerate()


async def test_speech_has_a_file_of_its_length_and_a_time_for_each_word(api, sandbox):
    """Five words take two seconds at HeyGen's pace."""
    said = await spoken(api)
    assert said["duration"] == 2.0
    words = said["word_timestamps"]
    assert [word["word"] for word in words] == ["<start>", "One", "two", "three", "four", "five.", "<end>"]
    assert all(word["start"] <= word["end"] for word in words)
    assert words == sorted(words, key=lambda word: (word["start"], word["end"]))
    file = await api.get(said["audio_url"], headers={"X-Api-Key": ""})
    assert (file.status_code, file.headers["Content-Type"]) == (400, "application/xml")
    del api.headers["X-Api-Key"]
    file = await api.get(said["audio_url"])
    assert (file.status_code, file.headers["Content-Type"]) == (200, "audio/wav")
    assert heard(file.content) == 2.0
    sandbox.advance(days=7)
    assert (await api.get(said["audio_url"])).status_code == 403


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"speed": 2.0}, 1.0),
        ({"speed": 0.5}, 4.0),
        ({"text": 'One two <break time="3s"/> three four five.'}, 5.0),
        ({"text": "<speak>One <em>two</em> three &amp; four</speak>", "input_type": "ssml"}, 2.0),
        ({"text": "word " * 999}, 300.0),
    ],
    ids=["fast", "slow", "pause", "ssml", "at most five minutes"],
)
async def test_its_length_follows_words_speed_and_pauses(api, changes, seconds):
    assert (await spoken(api, **changes))["duration"] == seconds


async def test_each_call_is_charged_by_the_second(api, sandbox):
    """There is no idempotency key for it."""
    for _ in range(2):
        await api.post(PATH, json=asked(), headers={"Idempotency-Key": "k"})
    charges = sandbox.charges
    assert [charge.seconds for charge in charges] == [2.0, 2.0]
    assert [charge.usd for charge in charges] == [pytest.approx(2 * SPEECH_PER_SECOND)] * 2
    assert sandbox.wallet == pytest.approx(10_000 - 4 * SPEECH_PER_SECOND)
    assert sandbox.jobs.count == 0


REFUSED = [
    ({"text": ""}, 400, "invalid_parameter", "text"),
    ({"text": "x" * 5001}, 400, "invalid_parameter", "text"),
    ({"text": "... !"}, 400, "tts_text_invalid", "text"),
    ({"text": "<speak> </speak>", "input_type": "ssml"}, 400, "tts_text_invalid", "text"),
    ({"voice_id": None}, 400, "invalid_parameter", "voice_id"),
    ({"voice_id": hex_id("voice", "Jonas 3")}, 400, "invalid_parameter", "voice_id"),
    ({"speed": 2.1}, 400, "invalid_parameter", "speed"),
    ({"input_type": "html"}, 400, "invalid_parameter", "input_type"),
]


@pytest.mark.parametrize(("changes", "status", "code", "param"), REFUSED, ids=[str(one[0])[:40] for one in REFUSED])
async def test_what_cannot_be_said_is_refused_by_its_field_and_costs_nothing(
    api, sandbox, changes, status, code, param
):
    """The voice of the last but one runs on another engine."""
    answer = await api.post(PATH, json=asked(**changes))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert sandbox.charges == []


async def test_unknown_voices_and_empty_wallets_are_refused(api, sandbox):
    sandbox.switches.known_ids = True
    assert (await api.post(PATH, json=asked(voice_id="nobody"))).json()["error"]["code"] == "voice_not_found"
    sandbox.wallet = 0.001
    answer = await api.post(PATH, json=asked())
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "insufficient_credit")


async def test_v1_answers_the_same_in_the_envelope_of_v2(api):
    answer = (await api.post("/v1/audio/text_to_speech", json=asked())).json()
    assert answer["error"] is None
    assert answer["data"].keys() == {"audio_url", "duration", "request_id", "word_timestamps"}
    assert answer["warning"]["v3_endpoint"] == "POST /v3/voices/speech"


async def test_speech_is_no_upload_but_can_be_the_sound_of_a_video(api, sandbox):
    """No list shows it, and a video takes its link."""
    said = await spoken(api)
    assert (await api.get("/v3/assets?username=sandbox")).json()["data"] == []
    assert (await api.get(f"/v3/assets/{said['request_id']}")).status_code == 404
    body = avatar_video(script=None, voice_id=None, audio_url=said["audio_url"])
    assert (await api.post("/v3/videos", json=body)).status_code == 200
    job = next(iter(sandbox._service.account.jobs.values()))
    assert job.order.plan.scenes[0].recording.path is not None


def test_a_state_folder_keeps_it(tmp_path):
    """Its link is good after a restart."""
    for turn in (1, 2):
        with (
            Sandbox(mode="fast", state=tmp_path / "state") as sandbox,
            httpx.Client(base_url=sandbox.url, trust_env=False) as client,
        ):
            if turn == 1:
                answer = client.post(PATH, json=asked(), headers={"X-Api-Key": "k"}).json()
                link = answer["data"]["audio_url"].removeprefix(sandbox.url)
            assert client.get(link).status_code == 200


def test_a_link_to_words_of_no_length_does_not_break():
    assert word_timestamps([], 1.0) == [
        {"word": "<start>", "start": 0.0, "end": 0.0},
        {"word": "<end>", "start": 1.0, "end": 1.0},
    ]
    halves = word_timestamps([Cue(start=1.0, end=2.0, text="ab cd")], 2.0)
    assert [(word["start"], word["end"]) for word in halves[1:-1]] == [(1.0, 1.5), (1.5, 2.0)]


def test_only_pauses_are_left_of_ssml():
    written = '<speak>Now <break time="1s"/> <prosody rate="fast">go</prosody> &lt;3</speak>'
    assert text_of(written, ssml=True).split() == ["Now", "<break", 'time="1s"/>', "go", "<3"]
    assert text_of(written, ssml=False) == written


def test_the_render_process_speaks_with_its_voices(tmp_path):
    """Here with the one that is always there: heard from the first word to the last."""
    pytest.importorskip("av")
    from heygen_async.sandbox.render.tasks import serve

    plan, path = speech_plan("One two three. Four five.", Voice(id=PAIGE)), tmp_path / "said.wav"
    answers = io.BytesIO()
    serve(io.BytesIO(json.dumps({"say": plan.to_json(), "path": str(path)}).encode() + b"\n"), answers, Studio({}))
    answer = json.loads(answers.getvalue())
    assert (answer["error"], answer["voice"]) == (None, "babble")
    assert heard(path.read_bytes()) == pytest.approx(answer["seconds"])
    assert " ".join(text for _, _, text in answer["cues"]) == "One two three. Four five."
    with wave.open(str(path)) as file:
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
    assert max(loudness([sample / 32768 for sample in samples], 10)) > 0.05


def test_what_the_render_process_cannot_say_is_an_error_and_not_its_end(tmp_path):
    pytest.importorskip("av")
    from heygen_async.sandbox.render.tasks import serve

    task = {"say": speech_plan("One.", Voice()).to_json(), "path": str(tmp_path / "no folder" / "said.wav")}
    answers = io.BytesIO()
    serve(io.BytesIO((json.dumps(task) + "\n").encode() * 2), answers, Studio({}))
    assert ["FileNotFoundError" in json.loads(line)["error"] for line in answers.getvalue().splitlines()] == [True] * 2


@pytest.mark.parametrize(("code", "told"), [(CRASH, "ended"), (SAYS, "error")], ids=["crash", "nonsense"])
async def test_a_render_process_that_fails_fails_the_call_and_leaves_the_money(tmp_path, code, told):
    """And whoever asks next gets a new process."""
    renderer = WorkerRenderer(now=lambda: 0.0, command=[sys.executable, "-c", code])
    sandbox = Sandbox(renderer=renderer)
    async with in_process(sandbox) as api:
        for _ in range(2):
            answer = await api.post(PATH, json=asked())
            assert (answer.status_code, answer.json()["error"]["code"]) == (500, "voice_provider_error")
            assert told in answer.json()["error"]["message"]
    assert sandbox.charges == []
    await anyio.to_thread.run_sync(sandbox.stop)
    with pytest.raises(RuntimeError, match=STOPPED):
        say(renderer, speech_plan("One.", Voice()), tmp_path / "said.wav")


async def test_a_worker_hands_on_what_was_said(tmp_path):
    """The call tells who spoke, and what it really took."""
    said = {"error": None, "seconds": 1.5, "cues": [[0.0, 1.5, "One."]], "voice": "someone"}
    code = f"import sys, json\nfor line in sys.stdin: print({json.dumps(said)!r}, flush=True)"
    renderer = WorkerRenderer(now=lambda: 0.0, command=[sys.executable, "-c", code])
    sandbox = Sandbox(renderer=renderer)
    try:
        got = await anyio.to_thread.run_sync(say, renderer, speech_plan("One.", Voice()), tmp_path / "said.wav")
        async with in_process(sandbox) as api:
            answer = await api.post(PATH, json=asked())
    finally:
        await anyio.to_thread.run_sync(sandbox.stop)
    assert answer.headers["X-Sandbox-Voice"] == "someone"
    assert (answer.json()["data"]["duration"], sandbox.charges[0].seconds) == (1.5, 1.5)
    assert got == Said(seconds=1.5, cues=(Cue(start=0.0, end=1.5, text="One."),), voice="someone")
