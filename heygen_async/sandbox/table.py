"""Every call the sandbox answers: one row each, its handler in the module of its resource.

A further resource is a module with handlers, and its rows here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, cast

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from heygen_async.sandbox import template_routes, v2_routes, v3_routes
from heygen_async.sandbox.problems import Generation
from heygen_async.sandbox.service import Service

Handler = Callable[[Service, Request], Awaitable[Response]]
"""Answers one call, or raises the `Problem` that the gate writes in its generation's envelope."""


@frozen
class Endpoint:
    """One row: `rule` is method and path as the API reference writes them."""

    rule: str
    handler: Handler

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return self.rule.partition(" ")[0]

    @property
    def generation(self) -> Generation:
        """Return which generation of the API the path belongs to."""
        return cast("Generation", self.rule.partition("/")[2].partition("/")[0])

    @property
    def path(self) -> str:
        """Return the path below its generation."""
        return "/" + self.rule.partition("/")[2].partition("/")[2]


TABLE: Final = (
    Endpoint("POST /v3/videos", v3_routes.create),
    Endpoint("GET /v3/videos", v3_routes.list_videos),
    Endpoint("GET /v3/videos/statuses", v3_routes.statuses),
    Endpoint("GET /v3/videos/{video_id}", v3_routes.get),
    Endpoint("DELETE /v3/videos/{video_id}", v3_routes.delete),
    Endpoint("GET /v3/templates", template_routes.list_v3),
    Endpoint("GET /v3/templates/{template_id}", template_routes.get_v3),
    Endpoint("POST /v3/templates/{template_id}", template_routes.generate_v3),
    Endpoint("POST /v2/video/generate", v2_routes.generate),
    Endpoint("GET /v2/templates", template_routes.list_v2),
    Endpoint("GET /v2/template/{template_id}", template_routes.get_v2),
    Endpoint("POST /v2/template/{template_id}/generate", template_routes.generate_v2),
    Endpoint("GET /v1/video_status.get", v2_routes.get_status),
    Endpoint("GET /v1/video.list", v2_routes.list_videos),
    Endpoint("DELETE /v1/video.delete", v2_routes.delete),
)
"""A fixed path stands above the parametrised one that would match it too."""
