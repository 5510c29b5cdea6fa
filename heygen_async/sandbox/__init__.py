"""A local HeyGen for tests and first steps: both wires, a virtual clock, play money and real small videos.

::

    async with Sandbox() as sandbox:
        async with AsyncHeyGen("any-key", base_url=sandbox.url) as heygen:
            ...

Needs the extra `sandbox`, or `sandbox-lite` for videos that show a card only. Nothing it makes can be taken for
HeyGen's: every frame says so.
"""

from heygen_async.sandbox.extras import require

require("starlette", "uvicorn", "python_multipart")

from heygen_async.sandbox.app import Sandbox  # noqa: E402 - a missing extra is told above in one sentence
from heygen_async.sandbox.clock import VirtualClock  # noqa: E402
from heygen_async.sandbox.core import Charge  # noqa: E402
from heygen_async.sandbox.failures import Failure  # noqa: E402
from heygen_async.sandbox.gate import Switches  # noqa: E402
from heygen_async.sandbox.journal import Call, Journal  # noqa: E402
from heygen_async.sandbox.plan import Backdrop, Plan, Scene  # noqa: E402
from heygen_async.sandbox.progress import Progress  # noqa: E402
from heygen_async.sandbox.render.pool import Render, Renderer  # noqa: E402
from heygen_async.sandbox.state import StateError  # noqa: E402
from heygen_async.sandbox.views import Jobs, JobView  # noqa: E402
from heygen_async.sandbox.webhooks.deliveries import Attempt, Delivery  # noqa: E402
from heygen_async.sandbox.webhooks.endpoints import WebhookEndpoint  # noqa: E402
from heygen_async.sandbox.webhooks.engine import Webhooks  # noqa: E402
from heygen_async.sandbox.webhooks.happenings import WebhookEvent  # noqa: E402

__all__ = [
    "Attempt",
    "Backdrop",
    "Call",
    "Charge",
    "Delivery",
    "Failure",
    "JobView",
    "Jobs",
    "Journal",
    "Plan",
    "Progress",
    "Render",
    "Renderer",
    "Sandbox",
    "Scene",
    "StateError",
    "Switches",
    "VirtualClock",
    "WebhookEndpoint",
    "WebhookEvent",
    "Webhooks",
]
