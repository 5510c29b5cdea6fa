"""The calls about videos, on both wires: one request each, as typed values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

from attrs import define

from heygen_async._api import Api
from heygen_async._protocol.envelopes import Answer
from heygen_async._protocol.looks import BulkStatus, VideoPage
from heygen_async._protocol.templates import is_template
from heygen_async._protocol.videos import UnreadableVideoError, bulk_from, page_from, video_from
from heygen_async._transport.api_lane import ApiCall
from heygen_async.errors import APIResponseError
from heygen_async.models.video import ApiVersion, Video

T = TypeVar("T")

V2_CREATE: Final = "/v2/video/generate"
V3_VIDEOS: Final = "/v3/videos"
V2_TEMPLATE: Final = "/v2/template/{template_id}"
V3_TEMPLATES: Final = "/v3/templates"
PAGE_SIZE: Final = 100


def create_call(wire: ApiVersion, payload: Mapping[str, Any], *, idempotency_key: str | None) -> ApiCall:
    """Return the call that submits a video, from a template if the payload names one; v2 knows no idempotency key."""
    if is_template(payload):
        return _from_template_call(wire, payload, idempotency_key)
    if wire == "v2":
        return ApiCall(method="POST", path=V2_CREATE, endpoint=f"POST {V2_CREATE}", body=payload)
    return ApiCall(
        method="POST",
        path=V3_VIDEOS,
        endpoint=f"POST {V3_VIDEOS}",
        body=payload,
        idempotency_key=idempotency_key,
    )


def v2_create_path(payload: Mapping[str, Any]) -> str:
    """Return the path of the v2 endpoint that a payload is for, without ids."""
    return f"{V2_TEMPLATE}/generate" if is_template(payload) else V2_CREATE


def v3_create_path(payload: Mapping[str, Any]) -> str:
    """Return the path of the v3 endpoint that a payload is for, without ids."""
    return f"{V3_TEMPLATES}/{{template_id}}" if is_template(payload) else V3_VIDEOS


def _from_template_call(wire: ApiVersion, payload: Mapping[str, Any], idempotency_key: str | None) -> ApiCall:
    pattern = v2_create_path(payload) if wire == "v2" else v3_create_path(payload)
    return ApiCall(
        method="POST",
        path=pattern.format(template_id=quote(payload["template_id"], safe="")),
        endpoint=f"POST {pattern}",
        body={name: value for name, value in payload.items() if name != "template_id"},
        idempotency_key=idempotency_key,
    )


def template_call(template_id: str, wire: ApiVersion) -> ApiCall:
    """Return the call that reads one template."""
    pattern = V2_TEMPLATE if wire == "v2" else f"{V3_TEMPLATES}/{{template_id}}"
    path = pattern.format(template_id=quote(template_id, safe=""))
    return ApiCall(method="GET", path=path, endpoint=f"GET {pattern}")


def template_page_call(wire: ApiVersion, token: str | None, *, limit: int = PAGE_SIZE) -> ApiCall:
    """Return the call that reads a page of the account's templates; v2 has a single one."""
    if wire == "v2":
        return ApiCall(method="GET", path="/v2/templates", endpoint="GET /v2/templates")
    params: dict[str, str | int] = {"limit": limit, **({"token": token} if token else {})}
    return ApiCall(method="GET", path=V3_TEMPLATES, endpoint=f"GET {V3_TEMPLATES}", params=params)


def one_call(video_id: str, wire: ApiVersion) -> ApiCall:
    """Return the call that reads one video."""
    if wire == "v2":
        path = "/v1/video_status.get"
        return ApiCall(method="GET", path=path, endpoint=f"GET {path}", params={"video_id": video_id})
    return ApiCall(method="GET", path=_v3_path(video_id), endpoint="GET /v3/videos/{video_id}")


def page_call(wire: ApiVersion, token: str | None, *, limit: int = PAGE_SIZE, **filters: str | None) -> ApiCall:
    """Return the call that reads a page of the account's videos, newest first."""
    path = "/v1/video.list" if wire == "v2" else V3_VIDEOS
    wanted = {"token": token, **filters}
    params: dict[str, str | int] = {"limit": limit, **{name: value for name, value in wanted.items() if value}}
    return ApiCall(method="GET", path=path, endpoint=f"GET {path}", params=params)


def bulk_call(video_ids: Sequence[str]) -> ApiCall:
    """Return the call that looks at up to 100 videos at once."""
    path = "/v3/videos/statuses"
    return ApiCall(method="GET", path=path, endpoint=f"GET {path}", params={"video_ids": ",".join(video_ids)})


def delete_call(video_id: str, wire: ApiVersion) -> ApiCall:
    """Return the call that deletes a video."""
    if wire == "v2":
        path = "/v1/video.delete"
        return ApiCall(method="DELETE", path=path, endpoint=f"DELETE {path}", params={"video_id": video_id})
    return ApiCall(method="DELETE", path=_v3_path(video_id), endpoint="DELETE /v3/videos/{video_id}")


def understood(answer: Answer, read: Callable[[], T], call: ApiCall) -> T:
    """Return what `read` makes of an answer; raise `APIResponseError` if it makes nothing of it."""
    try:
        return read()
    except UnreadableVideoError as error:
        raise APIResponseError(
            f"{call.method} {call.path} was answered, but {error}", request_id=answer.request_id
        ) from error


def _v3_path(video_id: str) -> str:
    # An id is the caller's text: neither a slash nor dots in it may lead to another endpoint.
    segment = quote(video_id, safe="")
    return f"{V3_VIDEOS}/{segment if segment.strip('.') else segment.replace('.', '%2E')}"


@define(eq=False)
class ApiLooks:
    """Look at videos through the API, one request per look and no retries: the coordinator repeats by its schedule."""

    _api: Api

    async def bulk(self, video_ids: Sequence[str]) -> Sequence[BulkStatus]:
        """Return the states of up to 100 videos from `GET /v3/videos/statuses`."""
        call = bulk_call(video_ids)
        answer = await self._api.once(call)
        return understood(answer, lambda: bulk_from(answer.data), call)

    async def one(self, video_id: str, wire: ApiVersion) -> Video:
        """Return one video in full."""
        call = one_call(video_id, wire)
        answer = await self._api.once(call)
        return understood(answer, lambda: video_from(answer.data, known_id=video_id), call)

    async def page(self, wire: ApiVersion, token: str | None) -> VideoPage:
        """Return the newest 100 videos, or the page that `token` stands for; those that have not ended in brief."""
        call = page_call(wire, token)
        answer = await self._api.once(call)
        return understood(answer, lambda: page_from(answer.body, in_brief=True), call)
