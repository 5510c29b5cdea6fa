"""Faults that alter a good JSON answer: pure functions on it, and the actions that apply them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from heygen_async.sandbox.faults import checks
from heygen_async.sandbox.faults.action import OnCall, action
from heygen_async.sandbox.faults.exchange import Collected, Exchange

Json = dict[str, Any]

_REASONS: Final = frozenset({"failure_code", "failure_message", "error"})

FAILURE_SHAPES: Final = ("int_code", "string_code", "string", "null", "missing")
BULK_SHAPES: Final = ("missing", "duplicated", "reordered", "has_more", "null_id", "stranger", "batch")


@action
def bom() -> OnCall:
    """Put a byte order mark before a good answer."""
    return _encoded(lambda _answer, body: b"\xef\xbb\xbf" + body)


@action
def gzip_json() -> OnCall:
    """Compress a good answer, asked for or not."""

    def packed(answer: Collected, body: bytes) -> bytes:
        answer.headers["Content-Encoding"] = "gzip"
        return gzip.compress(body)

    return _encoded(packed)


@action
def patch_answer(patch: Json, remove: Sequence[str] = ()) -> OnCall:
    """Lay `patch` over a good answer, into every entry of a list, and take out `remove`: dotted paths."""
    checks.json_object("patch", patch)
    paths = checks.paths("remove", remove)

    def patched(answer: Json) -> Json:
        merged = merge(answer, patch)
        for path in paths:
            take_out(merged, path)
        return cast("Json", merged)

    return _altered(patched)


@action
def status_word(text: str) -> OnCall:
    """Say this word as the status of every video in a good answer."""
    checks.words("text", text)
    return _on_entries(lambda entry: entry | {"status": text} if "status" in entry else entry)


@action
def failure_shape(kind: str) -> OnCall:
    """Tell failures in another shape: `int_code`, `string_code`, `string`, `null` or `missing`."""
    checks.one_of("kind", kind, FAILURE_SHAPES)
    return _on_entries(lambda entry: reshaped_failure(entry, kind) if entry.get("status") == "failed" else entry)


@action
def bulk_shape(kind: str) -> OnCall:
    """Answer bulk looks oddly: `missing`, `duplicated`, `reordered`, `has_more`, `null_id`, `stranger` or `batch`."""
    checks.one_of("kind", kind, BULK_SHAPES)

    def shaped(answer: Json) -> Json:
        return reshaped_bulk(answer, kind) if isinstance(answer.get("data"), list) else answer

    return _altered(shaped)


@action
def scheme(text: str) -> OnCall:
    """Give links another scheme: `http`, `s3`."""
    checks.words("text", text)

    def changed(entry: Json) -> Json:
        links = {name: url for name, url in entry.items() if name.endswith(("_url", "_url_caption")) and url}
        return entry | {name: f"{text}://{str(url).partition('://')[2]}" for name, url in links.items()}

    return _on_entries(changed)


def merge(value: Any, patch: Any) -> Any:
    """Return the value with the patch laid over it: objects are merged, an object goes into each entry of a list."""
    if not isinstance(patch, dict):
        return patch
    changes = cast("Json", patch)
    if isinstance(value, list):
        entries = cast("list[object]", value)
        return [merge(entry, changes) for entry in entries]
    merged = dict(cast("Json", value)) if isinstance(value, dict) else {}
    for name, inner in changes.items():
        merged[name] = merge(merged.get(name), inner)
    return merged


def take_out(value: Any, path: Sequence[str]) -> None:
    """Remove the member at the path, in every entry of a list."""
    if isinstance(value, list):
        entries = cast("list[object]", value)
        for entry in entries:
            take_out(entry, path)
    elif isinstance(value, dict):
        found = cast("Json", value)
        if len(path) == 1:
            found.pop(path[0], None)
        else:
            take_out(found.get(path[0]), path[1:])


def reshaped_failure(entry: Json, kind: str) -> Json:
    """Return a failed video whose reason is told in another shape; v3 has two flat fields, the others an object."""
    flat = "failure_code" in entry
    error = _as_object(entry.get("error"))
    code, text = (
        (entry["failure_code"], entry["failure_message"]) if flat else (error.get("code"), error.get("message"))
    )
    if kind == "missing":
        return {name: value for name, value in entry.items() if name not in _REASONS}
    told: object | None = {"int_code": 40119, "string_code": str(code)}.get(kind)
    if flat:
        return entry | {"failure_code": told, "failure_message": None if kind == "null" else text}
    if told is not None:
        return entry | {"error": {"code": told, "message": text}}
    return entry | {"error": None if kind == "null" else text}


def reshaped_bulk(answer: Json, kind: str) -> Json:
    """Return a bulk answer in which something is odd."""
    entries: list[Json] = list(answer["data"])
    match kind:
        case "has_more":
            return answer | {"has_more": True, "next_token": "there-is-no-next-page"}
        case "missing":
            entries = entries[1:]
        case "duplicated":
            entries = [entry for entry in entries for _ in range(2)]
        case "reordered":
            entries.reverse()
        case "null_id":
            entries = [entry | {"video_id": None} for entry in entries]
        case "stranger":
            entries.insert(0, entries[0] | {"video_id": "0" * 32, "status": "completed"})
        case _:
            entries = [entry | {"batch_id": "batch-1", "item_index": index} for index, entry in enumerate(entries)]
    return answer | {"data": entries}


def _as_object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _on_entries(change: Callable[[Json], Json]) -> OnCall:
    """Change every video in an answer, wherever the wire keeps it."""

    def changed(answer: Json) -> Json:
        data = answer.get("data")
        if isinstance(data, list):
            return answer | {"data": [change(entry) for entry in cast("list[Json]", data)]}
        if not isinstance(data, dict):
            return answer
        inner = cast("Json", data)
        if isinstance(inner.get("videos"), list):
            return answer | {"data": inner | {"videos": [change(entry) for entry in inner["videos"]]}}
        return answer | {"data": change(inner)}

    return _altered(changed)


def _altered(change: Callable[[Json], Json]) -> OnCall:
    return _encoded(lambda _answer, body: json.dumps(change(json.loads(body))).encode())


def _encoded(encode: Callable[[Collected, bytes], bytes]) -> OnCall:
    async def perform(exchange: Exchange) -> None:
        if exchange.call.is_file:
            await exchange.work()
            return
        answer = await exchange.collect()
        good = answer.status < 300 and answer.headers.get("content-type", "").startswith("application/json")
        await exchange.resend(answer, encode(answer, answer.body) if good else answer.body)

    return OnCall(perform, lambda call, _lasting: call.method != "HEAD")
