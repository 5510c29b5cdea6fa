"""The facts of one HTTP call that rules ask about."""

from __future__ import annotations

from typing import Any, Final, Self, cast
from urllib.parse import parse_qs

from attrs import frozen
from starlette.datastructures import Headers
from starlette.types import Scope

from heygen_async.sandbox.problems import Generation

_NOT_IDS: Final = frozenset({"statuses", "batches"})


@frozen(kw_only=True)
class CallFacts:
    """One call: `video_ids` are the videos it names in its path or query, `key` is its `Idempotency-Key`."""

    method: str
    path: str
    query: str = ""
    key: str | None = None
    api_key: str | None = None
    ranged: bool = False
    video_ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """Read the facts from an ASGI scope; below a mount, the path is the one inside it."""
        headers = Headers(scope=scope)
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        query: str = scope["query_string"].decode("latin-1")
        return cls(
            method=scope["method"],
            path=path,
            query=query,
            key=headers.get("idempotency-key"),
            api_key=headers.get("x-api-key"),
            ranged="range" in headers,
            video_ids=named_videos(path, query),
        )

    @property
    def is_file(self) -> bool:
        """Say whether the call goes to the file host."""
        return self.path.startswith("/files/")

    @property
    def generation(self) -> Generation:
        """Return the generation of the API whose words an answer has to use."""
        first = self.path.split("/")[1]
        return cast("Generation", first) if first in {"v1", "v2"} else "v3"


def named_videos(path: str, query: str) -> tuple[str, ...]:
    """Return the ids of the videos that a call names."""
    parts = path.strip("/").split("/")
    if parts[:2] in (["v3", "videos"], ["v2", "videos"]) and len(parts) == 3 and parts[2] not in _NOT_IDS:
        return (parts[2],)
    if parts[0] == "files" and len(parts) > 1:
        return (parts[1],)
    asked: dict[str, list[Any]] = parse_qs(query)
    many = [video_id for text in asked.get("video_ids", []) for video_id in text.split(",") if video_id]
    return (*asked.get("video_id", []), *many)
