"""Every call the sandbox answers: one row each, its handler in the module of its resource.

A further resource is a module with handlers, and its rows here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, cast

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from heygen_async.sandbox import (
    account_routes,
    asset_routes,
    avatar_routes,
    batch_routes,
    library_routes,
    speech_routes,
    template_routes,
    v2_asset_routes,
    v2_avatar_routes,
    v2_routes,
    v3_routes,
    voice_routes,
)
from heygen_async.sandbox.problems import Generation
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.webhooks import routes as webhook_routes
from heygen_async.sandbox.webhooks import v1_routes as webhook_v1_routes

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
    Endpoint("POST /v3/videos/batches", batch_routes.create_videos),
    Endpoint("GET /v3/videos/batches/{batch_id}", batch_routes.VIDEOS.read),
    Endpoint("GET /v3/videos/statuses", batch_routes.VIDEOS.statuses),
    Endpoint("GET /v3/videos/{video_id}", v3_routes.get),
    Endpoint("DELETE /v3/videos/{video_id}", v3_routes.delete),
    Endpoint("GET /v3/templates", template_routes.list_v3),
    Endpoint("GET /v3/templates/{template_id}", template_routes.get_v3),
    Endpoint("POST /v3/templates/{template_id}", template_routes.generate_v3),
    Endpoint("POST /v3/webhooks/endpoints", webhook_routes.create),
    Endpoint("GET /v3/webhooks/endpoints", webhook_routes.list_endpoints),
    Endpoint("PATCH /v3/webhooks/endpoints/{endpoint_id}", webhook_routes.update),
    Endpoint("DELETE /v3/webhooks/endpoints/{endpoint_id}", webhook_routes.delete),
    Endpoint("POST /v3/webhooks/endpoints/{endpoint_id}/rotate-secret", webhook_routes.rotate),
    Endpoint("GET /v3/webhooks/event-types", webhook_routes.event_types),
    Endpoint("GET /v3/webhooks/events", webhook_routes.events),
    Endpoint("POST /v3/avatars", avatar_routes.create),
    Endpoint("GET /v3/avatars", avatar_routes.list_groups),
    Endpoint("GET /v3/avatars/looks", avatar_routes.list_looks),
    Endpoint("GET /v3/avatars/looks/{look_id}", avatar_routes.get_look),
    Endpoint("PATCH /v3/avatars/looks/{look_id}", avatar_routes.update_look),
    Endpoint("DELETE /v3/avatars/looks/{look_id}", avatar_routes.delete_look),
    Endpoint("GET /v3/avatars/{group_id}", avatar_routes.get_group),
    Endpoint("DELETE /v3/avatars/{group_id}", avatar_routes.delete_group),
    Endpoint("POST /v3/avatars/{group_id}/consent", avatar_routes.consent),
    Endpoint("POST /v3/voices", voice_routes.design),
    Endpoint("GET /v3/voices", voice_routes.list_voices),
    Endpoint("POST /v3/voices/clone", voice_routes.clone),
    Endpoint("POST /v3/voices/speech", speech_routes.speak_v3),
    Endpoint("GET /v3/voices/{voice_id}", voice_routes.get),
    Endpoint("DELETE /v3/voices/{voice_id}", voice_routes.delete),
    Endpoint("POST /v3/assets", asset_routes.upload),
    Endpoint("GET /v3/assets", asset_routes.list_assets),
    Endpoint("GET /v3/assets/search", asset_routes.search),
    Endpoint("GET /v3/assets/statuses", batch_routes.ASSETS.statuses),
    Endpoint("POST /v3/assets/direct-uploads", asset_routes.create_direct),
    Endpoint("POST /v3/assets/direct-uploads/batches", batch_routes.announce_assets),
    Endpoint("POST /v3/assets/complete/batches", batch_routes.complete_assets),
    Endpoint("GET /v3/assets/batches/{batch_id}", batch_routes.ASSETS.read),
    Endpoint("POST /v3/assets/{asset_id}/complete", asset_routes.complete_direct),
    Endpoint("GET /v3/assets/{asset_id}", asset_routes.get),
    Endpoint("DELETE /v3/assets/{asset_id}", asset_routes.delete),
    Endpoint("GET /v3/audio/sounds", library_routes.sounds),
    Endpoint("GET /v3/brand-kits", library_routes.brand_kits),
    Endpoint("GET /v3/brand-glossaries", library_routes.brand_glossaries),
    Endpoint("GET /v3/users/me", account_routes.me_v3),
    Endpoint("POST /v2/video/generate", v2_routes.generate),
    Endpoint("GET /v2/videos/{video_id}", v2_routes.get_video),
    Endpoint("GET /v2/templates", template_routes.list_v2),
    Endpoint("GET /v2/template/{template_id}", template_routes.get_v2),
    Endpoint("POST /v2/template/{template_id}/generate", template_routes.generate_v2),
    Endpoint("GET /v2/avatars", v2_avatar_routes.avatars),
    Endpoint("GET /v2/avatar/{avatar_id}/details", v2_avatar_routes.avatar_details),
    Endpoint("GET /v2/avatar_group.list", v2_avatar_routes.groups),
    Endpoint("GET /v2/avatar_group/{group_id}/avatars", v2_avatar_routes.group_avatars),
    Endpoint("GET /v2/voices", v2_avatar_routes.voices),
    Endpoint("DELETE /v2/talking_photo/{id}", v2_avatar_routes.delete_photo),
    Endpoint("GET /v2/user/remaining_quota", account_routes.remaining_quota),
    Endpoint("GET /v1/video_status.get", v2_routes.get_status),
    Endpoint("GET /v1/video.list", v2_routes.list_videos),
    Endpoint("DELETE /v1/video.delete", v2_routes.delete),
    Endpoint("POST /v1/asset", v2_asset_routes.upload),
    Endpoint("GET /v1/asset/list", v2_asset_routes.list_assets),
    Endpoint("POST /v1/asset/{asset_id}/delete", v2_asset_routes.delete),
    Endpoint("GET /v1/talking_photo.list", v2_avatar_routes.talking_photos),
    Endpoint("POST /v1/talking_photo", v2_avatar_routes.upload_photo),
    Endpoint("POST /v1/audio/text_to_speech", speech_routes.speak_v1),
    Endpoint("GET /v1/user/me", account_routes.me_v1),
    Endpoint("GET /v1/webhook/webhook.list", webhook_v1_routes.event_names),
    Endpoint("GET /v1/webhook/endpoint.list", webhook_v1_routes.list_endpoints),
    Endpoint("POST /v1/webhook/endpoint.add", webhook_v1_routes.add),
    Endpoint("PATCH /v1/webhook/endpoint.update", webhook_v1_routes.update),
    Endpoint("DELETE /v1/webhook/endpoint.delete", webhook_v1_routes.delete),
)
"""A fixed path stands above the parametrised one that would match it too."""
