"""Avatars, looks, voices and the account on the sandbox's wires, and what it says to ids that it does not know."""

from __future__ import annotations

import httpx
import pytest

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.render.speech.studio import timbre_of
from heygen_async.sandbox.stock_catalogue import stock
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process, quick_start

pytestmark = pytest.mark.anyio

DAISY, PAIGE = "Daisy-inskirt-20220818", "2d5b0e6cf36f460aa7fc47e3eee4ba54"
PHOTO = {"type": "photo", "name": "Me", "file": {"type": "url", "url": "https://example.com/me.png"}}


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


async def ok(call) -> dict:
    answer = await call
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(call) -> tuple[int, str]:
    answer = await call
    return answer.status_code, answer.json()["error"]["code"]


async def all_pages(api: httpx.AsyncClient, path: str, **query) -> list[dict]:
    """Read a list page by page, as a client does."""
    rows, token = [], None
    for _ in range(100):
        page = await ok(api.get(path, params={**query, **({"token": token} if token else {})}))
        rows += page["data"]
        assert page["has_more"] is (page["next_token"] is not None)
        if (token := page["next_token"]) is None:
            return rows
    raise AssertionError("the list never ends")


LISTS = ["/v3/avatars", "/v3/avatars/looks", "/v3/voices", "/v3/templates", "/v3/brand-kits", "/v3/brand-glossaries"]


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_in_small_pages_is_the_same_list(api, path):
    """Nothing twice, nothing missing, the same order."""
    whole = await all_pages(api, path)
    assert len(whole) == len({str(row) for row in whole}) > 0
    ids = [
        next(value for key, value in row.items() if key.endswith("id")) for row in await all_pages(api, path, limit=2)
    ]
    assert ids == [next(value for key, value in row.items() if key.endswith("id")) for row in whole]


@pytest.mark.parametrize(
    "path", [*LISTS, "/v3/assets?username=sandbox", "/v3/assets/search?query=a&type=image", "/v3/audio/sounds?query=a"]
)
@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"token": "nonsense"}, {"token": "é"}]
)
async def test_a_list_refuses_bad_limits_and_foreign_tokens(api, path, query):
    """400, and the parameter is named."""
    answer = await api.get(httpx.URL(path).copy_merge_params(query))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(query)))


async def test_a_token_of_another_list_is_refused(api):
    """It would start in the wrong place."""
    token = (await ok(api.get("/v3/voices", params={"limit": 1})))["next_token"]
    assert await refused(api.get("/v3/avatars", params={"token": token})) == (400, "invalid_parameter")


async def test_new_rows_do_not_shift_the_pages_behind_them(api):
    """A look made between two pages is neither shown nor does it repeat a row."""
    before = [look["id"] for look in await all_pages(api, "/v3/avatars/looks")]
    first = await ok(api.get("/v3/avatars/looks", params={"limit": 3}))
    await ok(api.post("/v3/avatars", json=PHOTO))
    second = await ok(api.get("/v3/avatars/looks", params={"limit": 3, "token": first["next_token"]}))
    assert [look["id"] for look in first["data"] + second["data"]] == before[:6]


async def test_a_group_leads_to_its_looks(api):
    """A dozen public avatars, most with several looks; public ones have no status."""
    groups = await all_pages(api, "/v3/avatars")
    assert len(groups) == 12
    assert sum(group["looks_count"] > 1 for group in groups) >= 8
    daisy = next(group for group in groups if group["name"] == "Daisy")
    looks = (await ok(api.get("/v3/avatars/looks", params={"group_id": daisy["id"]})))["data"]
    assert looks[0]["id"] == DAISY
    assert len(looks) == daisy["looks_count"] == 3
    assert {look["group_id"] for look in looks} == {daisy["id"]}
    assert (daisy["status"], looks[0]["status"], daisy["consent_status"]) == (None, None, None)
    assert (await ok(api.get(f"/v3/avatars/{daisy['id']}")))["data"]["name"] == "Daisy"
    assert (await ok(api.get(f"/v3/avatars/looks/{DAISY}")))["data"]["default_voice_id"] == PAIGE


async def test_the_catalogue_is_the_same_in_every_sandbox(api, tmp_path):
    """Whatever the seed: public ids can be written into tests."""
    other = Sandbox(renderer=InstantRenderer(tmp_path), seed=7)
    async with in_process(other) as second:
        assert [row["id"] for row in await all_pages(api, "/v3/avatars")] == [
            row["id"] for row in await all_pages(second, "/v3/avatars")
        ]


async def test_looks_are_filtered_by_type_and_owner(api):
    """Words that the API does not have are refused."""
    mine = (await ok(api.post("/v3/avatars", json=PHOTO)))["data"]["avatar_item"]["id"]
    private = await all_pages(api, "/v3/avatars/looks", ownership="private")
    assert [look["id"] for look in private] == [mine]
    public = await all_pages(api, "/v3/avatars/looks", ownership="public", avatar_type="photo_avatar")
    assert {look["avatar_type"] for look in public} == {"photo_avatar"}
    assert mine not in {look["id"] for look in public}
    for query in ({"ownership": "mine"}, {"avatar_type": "robot"}):
        answer = await api.get("/v3/avatars/looks", params=query)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(query)))


async def test_a_preview_is_a_picture_on_the_file_host(api):
    """A presigned link that works, without a key."""
    look = (await ok(api.get(f"/v3/avatars/looks/{DAISY}")))["data"]
    answer = await api.get(look["preview_image_url"], headers={"X-Api-Key": ""})
    assert answer.status_code == 400, "a key must not be sent to the file host"
    del api.headers["X-Api-Key"]
    picture = await api.get(look["preview_image_url"])
    assert (picture.status_code, picture.headers["content-type"], picture.content[:4]) == (200, "image/png", b"\x89PNG")


@pytest.mark.parametrize("rule", ["immediate", "after 60s", "polls=2"])
async def test_a_photo_avatar_becomes_ready_as_jobs_do(api, sandbox, rule):
    """`processing` in the answer, then by the rule for all jobs; a dollar is charged."""
    sandbox.progress(rule)
    made = (await ok(api.post("/v3/avatars", json=PHOTO)))["data"]
    look_id, group_id = made["avatar_item"]["id"], made["avatar_group"]["id"]
    assert (made["avatar_item"]["status"], made["avatar_group"]["status"]) == ("processing", "processing")
    seen = []
    for _ in range(2):
        seen.append((await ok(api.get(f"/v3/avatars/looks/{look_id}")))["data"]["status"])
        sandbox.advance(60)
    assert seen[-1] == "completed"
    assert (seen[0] == "completed") is (rule == "immediate")
    assert (await ok(api.get(f"/v3/avatars/{group_id}")))["data"]["status"] == "completed"
    assert [(charge.video_id, charge.usd) for charge in sandbox.charges] == [(look_id, 1.0)]


async def test_a_look_in_training_cannot_be_rendered(api, sandbox):
    """Not even where any id is accepted: this one the sandbox knows."""
    sandbox.progress("after 60s")
    look_id = (await ok(api.post("/v3/avatars", json=PHOTO)))["data"]["avatar_item"]["id"]
    assert await refused(api.post("/v3/videos", json=avatar_video(avatar_id=look_id))) == (409, "resource_not_ready")
    sandbox.advance(60)
    await ok(api.post("/v3/videos", json=avatar_video(avatar_id=look_id)))


async def test_a_digital_twin_waits_for_consent(api):
    """The person opens the page; before that a render is refused."""
    body = {**PHOTO, "type": "digital_twin"}
    made = (await ok(api.post("/v3/avatars", json=body)))["data"]
    look_id, group_id = made["avatar_item"]["id"], made["avatar_group"]["id"]
    assert (await ok(api.get(f"/v3/avatars/looks/{look_id}")))["data"]["status"] == "pending_consent"
    video = avatar_video(avatar_id=look_id)
    assert await refused(api.post("/v3/videos", json=video)) == (400, "avatar_consent_required")
    consent = (await ok(api.post(f"/v3/avatars/{group_id}/consent", json={})))["data"]
    assert consent["avatar_group"]["consent_status"] == "pending"
    assert (await api.get(consent["url"])).status_code == 200
    assert (await ok(api.get(f"/v3/avatars/{group_id}")))["data"]["status"] == "completed"
    await ok(api.post("/v3/videos", json=video))
    assert (await api.get("/consent/nobody")).status_code == 404


async def test_a_consent_video_is_the_consent(api):
    """Then there is no page; and it cannot be combined with a text."""
    group_id = (await ok(api.post("/v3/avatars", json={**PHOTO, "type": "digital_twin"})))["data"]["avatar_group"]["id"]
    video = {"type": "url", "url": "https://example.com/consent.mp4"}
    both = {"consent_video": video, "consent_text": "I agree"}
    assert await refused(api.post(f"/v3/avatars/{group_id}/consent", json=both)) == (400, "invalid_parameter")
    answer = (await ok(api.post(f"/v3/avatars/{group_id}/consent", json={"consent_video": video})))["data"]
    assert (answer["url"], answer["avatar_group"]["consent_status"]) == (None, "completed")


async def test_a_look_can_be_added_renamed_and_deleted(api):
    """The group counts them; a second delete finds nothing."""
    made = (await ok(api.post("/v3/avatars", json=PHOTO)))["data"]
    group_id, look_id = made["avatar_group"]["id"], made["avatar_item"]["id"]
    second = {
        "type": "prompt",
        "name": "In a hat",
        "prompt": "me in a hat",
        "avatar_group_id": group_id,
        "avatar_id": look_id,
    }
    added = (await ok(api.post("/v3/avatars", json=second)))["data"]
    assert added["avatar_group"]["looks_count"] == 2
    renamed = (await ok(api.patch(f"/v3/avatars/looks/{look_id}", json={"name": "Myself"})))["data"]
    assert (renamed["id"], renamed["name"]) == (look_id, "Myself")
    assert (await ok(api.delete(f"/v3/avatars/looks/{look_id}"))) == {"data": {"id": look_id}}
    assert await refused(api.delete(f"/v3/avatars/looks/{look_id}")) == (404, "avatar_not_found")
    assert (await ok(api.delete(f"/v3/avatars/{group_id}"))) == {"data": {"id": group_id}}
    assert await refused(api.get(f"/v3/avatars/{group_id}")) == (404, "avatar_group_not_found")
    assert await refused(api.get(f"/v3/avatars/looks/{added['avatar_item']['id']}")) == (404, "avatar_not_found")


async def test_public_things_cannot_be_changed(api):
    """They belong to somebody else."""
    group_id = (await ok(api.get(f"/v3/avatars/looks/{DAISY}")))["data"]["group_id"]
    calls = [
        api.patch(f"/v3/avatars/looks/{DAISY}", json={"name": "x"}),
        api.delete(f"/v3/avatars/looks/{DAISY}"),
        api.delete(f"/v3/avatars/{group_id}"),
        api.delete(f"/v3/voices/{PAIGE}"),
        api.post("/v3/avatars", json={**PHOTO, "avatar_group_id": group_id}),
    ]
    assert [await refused(call) for call in calls] == [(403, "resource_access_denied")] * 5


async def test_making_an_avatar_is_idempotent_and_costs_money(api, sandbox):
    """One key, one avatar, one charge; 402 when the wallet is empty."""
    headers = {"Idempotency-Key": "me-1"}
    first = await ok(api.post("/v3/avatars", json=PHOTO, headers=headers))
    again = await ok(api.post("/v3/avatars", json={**PHOTO, "name": "Other"}, headers=headers))
    assert again == first
    assert len(sandbox.charges) == 1
    sandbox.wallet = 0.5
    assert await refused(api.post("/v3/avatars", json=PHOTO)) == (402, "insufficient_credit")
    assert len(await all_pages(api, "/v3/avatars", ownership="private")) == 1


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"type": "statue"}, "type"),
        ({"name": None}, "name"),
        ({"file": {"type": "url"}}, "file.url"),
        ({"file": {"type": "asset_id", "asset_id": "a", "url": "https://a.b/c"}}, "file.url"),
    ],
)
async def test_a_bad_avatar_request_names_its_field(api, change, param):
    """400 with `param`."""
    answer = await api.post("/v3/avatars", json={**PHOTO, **change})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_voices_are_found_by_language_gender_engine_and_type(api):
    """Exact words; without a type the public ones."""
    voices = await all_pages(api, "/v3/voices")
    assert len(voices) >= 10
    assert len({voice["language"] for voice in voices}) >= 5
    spanish = await all_pages(api, "/v3/voices", language="Spanish", gender="female")
    assert [voice["name"] for voice in spanish] == ["Lucia"]
    fish = {voice["name"] for voice in await all_pages(api, "/v3/voices", engine="fish")}
    assert fish == {"Oliver", "Jonas"}
    assert await all_pages(api, "/v3/voices", type="private") == []
    assert await refused(api.get("/v3/voices", params={"type": "secret"})) == (400, "invalid_parameter")
    assert (await ok(api.get(f"/v3/voices/{PAIGE}")))["data"]["status"] is None


def test_voices_sound_different_and_like_their_names():
    """The renderer makes the timbre from the id: men are low, women are not, and hardly two are alike."""
    voices = stock().voices.values()
    heights = {voice.name: timbre_of(voice.id) for voice in voices}
    assert all(heights[voice.name] < 0.9 for voice in voices if voice.gender == "male")
    assert all(heights[voice.name] > 0.85 for voice in voices if voice.gender == "female")
    assert len({round(heights[voice.name], 2) for voice in voices if voice.language == "English"}) >= 5


async def test_a_cloned_voice_becomes_complete_and_can_be_deleted(api, sandbox):
    """Its last word is `complete`, not `completed`; a second delete finds nothing."""
    sandbox.progress("after 30s")
    body = {"voice_name": "Mine", "audio": {"type": "url", "url": "https://example.com/me.mp3"}}
    voice_id = (await ok(api.post("/v3/voices/clone", json=body)))["data"]["voice_clone_id"]
    assert (await ok(api.get(f"/v3/voices/{voice_id}")))["data"]["status"] == "processing"
    assert await refused(api.post("/v3/videos", json=avatar_video(voice_id=voice_id))) == (409, "resource_not_ready")
    sandbox.advance(30)
    assert (await ok(api.get(f"/v3/voices/{voice_id}")))["data"]["status"] == "complete"
    assert [voice["voice_id"] for voice in await all_pages(api, "/v3/voices", type="private")] == [voice_id]
    assert await ok(api.delete(f"/v3/voices/{voice_id}")) == {"data": {"voice_id": voice_id}}
    assert await refused(api.delete(f"/v3/voices/{voice_id}")) == (404, "voice_not_found")


async def test_a_description_finds_at_most_three_voices(api):
    """The same words and seed find the same voices, the next seed others."""
    body = {"prompt": "a warm voice", "gender": "female", "locale": "en-US"}
    first, again = [(await ok(api.post("/v3/voices", json=body)))["data"] for _ in range(2)]
    assert [voice["voice_id"] for voice in first["voices"]] == [voice["voice_id"] for voice in again["voices"]]
    assert (first["seed"], len(first["voices"])) == (0, 3)
    assert {(voice["language"], voice["gender"]) for voice in first["voices"]} == {("English", "female")}
    pages = [(await ok(api.post("/v3/voices", json={"prompt": "x", "seed": seed})))["data"] for seed in (0, 1)]
    assert not {voice["name"] for voice in pages[0]["voices"]} & {voice["name"] for voice in pages[1]["voices"]}


async def test_the_wallet_is_charged_by_the_second_and_seen_on_all_wires(api, sandbox):
    """`users/me` shows dollars, v2 the same in sixtieths of a credit; every key of the quota is there."""
    sandbox.wallet = 10.0
    await ok(api.post("/v3/videos", json=avatar_video()))
    (charge,) = sandbox.charges
    assert charge.usd == pytest.approx(0.0667 * charge.seconds)
    me = (await ok(api.get("/v3/users/me")))["data"]
    assert (me["billing_type"], me["subscription"], me["wallet"]["currency"]) == ("wallet", None, "usd")
    assert me["wallet"]["remaining_balance"] == pytest.approx(10 - charge.usd)
    quota = (await ok(api.get("/v2/user/remaining_quota")))["data"]
    assert quota["remaining_quota"] == quota["details"]["api"] == int((10 - charge.usd) * 60)
    assert {"api", "streaming_avatar", "streaming_avatar_instance_quota", "seat"} <= quota["details"].keys()
    v1 = await ok(api.get("/v1/user/me"))
    assert (v1["code"], v1["data"]["username"]) == (100, me["username"])


async def test_v2_shows_the_catalogue_in_its_own_keys(api):
    """Strict clients want every key of a voice; photos stand apart from avatars."""
    data = (await ok(api.get("/v2/avatars")))["data"]
    assert data["avatars"][0]["avatar_id"] == DAISY
    assert data["talking_photos"][0].keys() == {"talking_photo_id", "talking_photo_name", "preview_image_url"}
    voices = (await ok(api.get("/v2/voices")))["data"]["voices"]
    assert PAIGE in {voice["voice_id"] for voice in voices}
    assert all({"support_pause", "emotion_support", "support_interactive_avatar"} <= voice.keys() for voice in voices)
    details = (await ok(api.get(f"/v2/avatar/{DAISY}/details")))["data"]
    assert (details["id"], details["is_public"]) == (DAISY, True)
    assert await refused(api.get("/v2/avatar/nobody/details")) == (404, "avatar_not_found")


async def test_previews_can_be_watched_and_heard(api):
    """Strict clients want URLs, and these lead somewhere: a clip, and a voice that says its name without words."""
    look = (await ok(api.get("/v2/avatars")))["data"]["avatars"][0]
    voices = (await ok(api.get("/v2/voices")))["data"]["voices"]
    v3 = (await ok(api.get(f"/v3/voices/{PAIGE}")))["data"]["preview_audio_url"]
    del api.headers["X-Api-Key"]
    clip = await api.get(look["preview_video_url"])
    assert (clip.headers["content-type"], clip.content[4:8]) == ("video/mp4", b"ftyp")
    assert all(voice["preview_audio"].startswith("http") for voice in voices)
    for url in (v3, voices[0]["preview_audio"]):
        sound = await api.get(url)
        assert (sound.status_code, sound.headers["content-type"], sound.content[:4]) == (200, "audio/wav", b"RIFF")
        assert len(sound.content) > 20_000


async def test_v2_groups_are_ones_own_unless_public_ones_are_asked_for(api):
    """And a group leads to its avatars."""
    assert (await ok(api.get("/v2/avatar_group.list")))["data"] == {"total_count": 0, "avatar_group_list": []}
    groups = (await ok(api.get("/v2/avatar_group.list", params={"include_public": "true"})))["data"]
    assert groups["total_count"] == len(groups["avatar_group_list"]) == 12
    group = groups["avatar_group_list"][0]
    avatars = (await ok(api.get(f"/v2/avatar_group/{group['id']}/avatars")))["data"]["avatar_list"]
    assert len(avatars) == group["num_looks"]
    assert {avatar["avatar_id"] for avatar in avatars} == {avatar["id"] for avatar in avatars}
    strict = ("avatar_name", "gender", "preview_image_url", "preview_video_url")
    assert all(isinstance(avatar[name], str) for avatar in avatars for name in strict)
    assert await refused(api.get("/v2/avatar_group/none/avatars")) == (404, "avatar_group_not_found")


async def test_legacy_answers_are_marked_and_can_be_retired(api, sandbox):
    """Headers on v1 and v2, a `warning` with the successor on v2; after the sunset nothing but 410."""
    answer = await api.get("/v2/voices")
    assert (answer.headers["deprecation"], answer.json()["warning"]["v3_endpoint"]) == ("true", "GET /v3/voices")
    assert "sunset" in (await api.get("/v1/user/me")).headers
    sandbox.switches.deprecation = False
    assert "warning" not in (await api.get("/v2/voices")).json()
    sandbox.v2_gone = 410
    for path in ("/v2/avatars", "/v2/user/remaining_quota", "/v1/user/me", "/v1/talking_photo.list"):
        assert (await api.get(path)).status_code == 410
    assert (await api.get("/v3/users/me")).status_code == 200


async def test_by_default_any_id_will_do(api):
    """Users paste the ids of their own account."""
    await ok(api.post("/v3/videos", json=avatar_video(avatar_id="mine", voice_id="mine too")))
    await ok(api.post("/v2/video/generate", json=quick_start()))


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"avatar_id": "nobody"}, "avatar_not_found", "avatar_id"),
        ({"voice_id": "nothing"}, "voice_not_found", "voice_id"),
        ({"script": None, "voice_id": None, "audio_asset_id": "gone"}, "asset_not_found", "audio_asset_id"),
        ({"background": {"type": "image", "asset_id": "gone"}}, "asset_not_found", "background.asset_id"),
    ],
)
async def test_a_strict_catalogue_refuses_unknown_ids(tmp_path, change, code, param):
    """404 on v3, with the field; nothing is made or charged."""
    sandbox = Sandbox(renderer=InstantRenderer(tmp_path), known_ids=True)
    async with in_process(sandbox) as api:
        answer = await api.post("/v3/videos", json=avatar_video(**{"avatar_id": DAISY, "voice_id": PAIGE, **change}))
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)
        assert answer.json()["error"]["param"] == param
        assert (sandbox.jobs.count, sandbox.charges) == (0, [])


async def test_a_strict_catalogue_knows_the_quick_start_and_the_templates(api, sandbox):
    """A template can be sent back as it was read."""
    sandbox.switches.known_ids = True
    await ok(api.post("/v2/video/generate", json=quick_start()))
    await ok(api.post("/v3/videos", json=avatar_video(avatar_id=DAISY, voice_id=PAIGE)))
    for template in await all_pages(api, "/v3/templates"):
        detail = (await ok(api.get(f"/v3/templates/{template['id']}")))["data"]
        variables = {
            name: {key: value for key, value in variable.items() if value is not None}
            for name, variable in detail["variables"].items()
        }
        await ok(api.post(f"/v3/templates/{template['id']}", json={"variables": variables}))


async def test_a_strict_catalogue_on_v2_refuses_avatars_and_fails_videos_with_other_unknown_ids(api, sandbox):
    """There the check of voices comes late: the job is accepted, and its status tells."""
    sandbox.switches.known_ids = True
    body = quick_start()
    scene = body["video_inputs"][0]
    scene["voice"]["voice_id"] = "nothing"
    video_id = (await ok(api.post("/v2/video/generate", json=body)))["data"]["video_id"]
    data = (await ok(api.get("/v1/video_status.get", params={"video_id": video_id})))["data"]
    assert (data["status"], data["error"]["code"]) == ("failed", 400548)
    scene["character"]["avatar_id"] = "nobody"
    answer = await api.post("/v2/video/generate", json=body)
    assert (answer.status_code, answer.json()["error"]) == (
        404, {"code": "avatar_not_found", "message": "avatar look not found"},
    )  # fmt: skip


async def test_every_id_of_a_request_is_checked(api, sandbox):
    """In lists and in scenes, with the path of the one that is unknown."""
    sandbox.switches.known_ids = True
    cinematic = {"type": "cinematic_avatar", "avatar_id": [DAISY, "nobody"], "prompt": "walking"}
    scenes = [{"type": "image", "source": {"type": "asset_id", "asset_id": "gone"}, "duration": 2}]
    for body, param in ((cinematic, "avatar_id"), ({"type": "studio", "scenes": scenes}, "scenes.0.source.asset_id")):
        answer = await api.post("/v3/videos", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (404, param)
    known = {"type": "asset_id", "asset_id": "sandbox-image-sky"}
    await ok(api.post("/v3/videos", json={"type": "studio", "scenes": [{**scenes[0], "source": known}]}))
    body = quick_start()
    body["video_inputs"][0]["voice"] = {"type": "audio", "audio_asset_id": "gone"}
    video_id = (await ok(api.post("/v2/video/generate", json=body)))["data"]["video_id"]
    data = (await ok(api.get("/v1/video_status.get", params={"video_id": video_id})))["data"]
    assert (data["status"], data["error"]["code"]) == ("failed", 40044)


async def test_a_look_in_training_is_refused_on_v2_at_once(api, sandbox):
    """In its envelope."""
    sandbox.progress("after 60s")
    look_id = (await ok(api.post("/v3/avatars", json=PHOTO)))["data"]["avatar_item"]["id"]
    body = quick_start()
    body["video_inputs"][0]["character"] = {"type": "talking_photo", "talking_photo_id": look_id}
    assert await refused(api.post("/v2/video/generate", json=body)) == (409, "resource_not_ready")


async def test_a_look_speaks_with_its_own_voice_if_none_is_given(api, sandbox):
    """What was sent is kept as it was; an unknown look has no voice of its own."""
    scene = {"type": "avatar_video", "input": {"type": "avatar", "avatar_id": DAISY, "script": "Hi there."}}
    await ok(api.post("/v3/videos", json=avatar_video(avatar_id=DAISY, voice_id=None)))
    await ok(api.post("/v3/videos", json={"type": "studio", "scenes": [scene]}))
    await ok(api.post("/v3/videos", json=avatar_video(voice_id=None)))
    await ok(api.post("/v3/videos", json=avatar_video(avatar_id=DAISY)))
    plans = [render.plan for render in sandbox._service.renderer.renders]
    assert [plan.scenes[0].voice.id for plan in plans] == [PAIGE, PAIGE, "", "voice-1"]
    assert ["voice_id" in job.request for job in sandbox.jobs] == [False, False, False, True]


async def test_a_template_shows_and_speaks_with_what_it_is_given(api, sandbox):
    """Public files resolve too; the voice of a variable speaks."""
    variables = {
        "footage": {"type": "video", "asset_id": "sandbox-preview-video"},
        "speaker": {"type": "voice", "voice_id": PAIGE},
    }
    await ok(api.post("/v3/templates/template-product", json={"variables": variables}))
    (scene,) = sandbox._service.renderer.renders[0].plan.scenes
    assert (scene.voice.id, scene.backdrop.path) == (PAIGE, str(sandbox._service.assets.path("sandbox-preview-video")))


async def test_an_old_plan_queues_on_v3_too(api, sandbox):
    """No 429: the job waits for a slot, and its status says `pending`."""
    sandbox.progress("after 10s")
    sandbox.concurrency = 1
    await ok(api.post("/v3/videos", json=avatar_video()))
    assert await refused(api.post("/v3/videos", json=avatar_video())) == (429, "rate_limit_exceeded")
    sandbox.switches.old_plan = True
    second = (await ok(api.post("/v3/videos", json=avatar_video())))["data"]["video_id"]
    assert sandbox.jobs[second].status == "waiting"
    assert (await ok(api.get(f"/v3/videos/{second}")))["data"]["status"] == "pending"
    sandbox.advance(10)
    sandbox.advance(10)
    assert sandbox.jobs[second].status == "completed"


async def test_sounds_are_scored_by_the_words_they_share(api):
    """A query is needed, the score bounded; the file is there."""
    rows = await all_pages(api, "/v3/audio/sounds", query="calm piano")
    assert [(row["id"], row["score"], row["type"]) for row in rows] == [("sandbox-tune", 1.0, "music")]
    effects = await all_pages(api, "/v3/audio/sounds", query="bell", type="sound_effects")
    assert [row["id"] for row in effects] == ["sandbox-chime"]
    assert await refused(api.get("/v3/audio/sounds")) == (400, "invalid_parameter")
    assert len(await all_pages(api, "/v3/audio/sounds", query="nothing like it", min_score="0")) == 2
    for score in ("2", "x", "nan"):
        call = api.get("/v3/audio/sounds", params={"query": "a", "min_score": score})
        assert await refused(call) == (400, "invalid_parameter")
    del api.headers["X-Api-Key"]
    sound = await api.get(effects[0]["audio_url"])
    assert (sound.headers["content-type"], sound.content[:4]) == ("audio/wav", b"RIFF")


async def test_reset_forgets_ones_own_and_keeps_the_public(api, sandbox):
    """As at the start."""
    await ok(api.post("/v3/avatars", json=PHOTO))
    sandbox.reset()
    assert await all_pages(api, "/v3/avatars", ownership="private") == []
    assert len(await all_pages(api, "/v3/avatars")) == 12
