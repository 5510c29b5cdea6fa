"""Templates: list them, read their variables, make videos from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from attrs import define, field

from heygen_async._calls import PAGE_SIZE, template_call, template_page_call, understood
from heygen_async._jobs import VideoJob
from heygen_async._protocol.encoding import prepare
from heygen_async._protocol.templates import is_template, template_from, template_page_from
from heygen_async._services import Services
from heygen_async.models._checks import check_text, refuse
from heygen_async.models.templates import GenerateFromTemplate, Template, TemplateSummary
from heygen_async.models.video import ApiVersion
from heygen_async.resources._pages import PageOf, Pages, checked_limit

AnyTemplateRequest = GenerateFromTemplate | Mapping[str, Any]
"""A request for a video from a template: typed, or the JSON of the HeyGen docs with `template_id` in it."""


@define(eq=False)
class Templates:
    """Make videos from templates of HeyGen's editor; `heygen.templates`.

    ::

        template = await heygen.templates.get(template_id)
        job = await heygen.templates.generate(template.request({"first_name": "Ada", "logo": "https://..."}))

    The requests go into `heygen.videos.generate` and `generate_many` as well. Without `api_version` templates are
    looked up on v3, unless the client speaks v2 only; templates of HeyGen's old editor exist on v2 only.
    """

    _services: Services = field(repr=False)

    def list(self, *, limit: int = PAGE_SIZE, api_version: ApiVersion | None = None) -> AsyncIterator[TemplateSummary]:
        """Iterate over the account's templates, fetching pages of `limit` (1 to 100) when needed.

        v3 lists only templates that have variables, v2 lists all in one page. Raise `ValueError` for another `limit`,
        and the `APIError` of a page that kept failing.
        """
        wire = api_version or self._services.lookup_wire
        checked_limit(limit)

        async def page(token: str | None) -> PageOf[TemplateSummary]:
            call = template_page_call(wire, token, limit=limit)
            answer = await self._services.api.call(call)
            found = understood(answer, lambda: template_page_from(answer.body), call)
            return found.templates, found.next_token

        return Pages(page)

    async def get(self, template_id: str, *, api_version: ApiVersion | None = None) -> Template:
        """Return a template with its variables; raise `NotFoundError` if there is none on that wire."""
        check_text("template_id", template_id)
        wire = api_version or self._services.lookup_wire
        call = template_call(template_id, wire)
        answer = await self._services.api.call(call)
        return understood(answer, lambda: template_from(answer.data, known_id=template_id, wire=wire), call)

    async def generate(self, request: AnyTemplateRequest, *, idempotency_key: str | None = None) -> VideoJob:
        """Submit a video from a template and return a handle on it as soon as HeyGen has accepted it.

        Whether the template has these variables is checked by `Template.request`, not here. A v2 request goes to v3
        once HeyGen has removed v2, unless the client speaks v2 only. `idempotency_key`, what is raised and what
        cancelling does are as with `heygen.videos.create`.
        """
        prepared = prepare(request)
        if not is_template(prepared.payload):
            refuse("request", "must be a GenerateFromTemplate, or a mapping with template_id")
        submitter = self._services.submitter
        done = await submitter.send(submitter.describe(prepared, idempotency_key=idempotency_key))
        return VideoJob(done.video_id, done.wire, done.idempotency_key, self._services, done.at, done.length)
