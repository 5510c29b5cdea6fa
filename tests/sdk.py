"""The SDK's client in front of the fake HeyGen, and the requests that most tests send."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from heygen_async import AsyncHeyGen, AvatarVideo, v2
from tests.fake_heygen import KEY, FakeHeyGen, LoopbackServer

AVATAR = AvatarVideo(avatar_id="avatar-1", voice_id="voice-1", script="Hello")

AVATAR_JSON: dict[str, Any] = {"type": "avatar", "avatar_id": "avatar-1", "voice_id": "voice-1", "script": "Hello"}


def quick_start(**fields: Any) -> v2.VideoRequest:
    """Return HeyGen's Quick Start request, without test mode so that it can be translated."""
    return v2.VideoRequest(
        video_inputs=[
            v2.VideoInput(
                character=v2.Avatar(avatar_id="Daisy-inskirt-20220818", avatar_style="normal"),
                voice=v2.TextVoice(
                    input_text="Welcome to the HeyGen API!", voice_id="2d5b0e6cf36f460aa7fc47e3eee4ba54"
                ),
                background=v2.ColorBackground("#008000"),
            )
        ],
        dimension=v2.Dimension(1280, 720),
        **fields,
    )


@contextlib.asynccontextmanager
async def heygen_on(fake: FakeHeyGen, **options: Any) -> AsyncIterator[AsyncHeyGen]:
    """Open a client on the fake without sockets: works on the virtual clock."""
    async with fake.client() as http, AsyncHeyGen(KEY, http_client=http, **options) as heygen:
        yield heygen


def heygen_at(server: LoopbackServer, **options: Any) -> AsyncHeyGen:
    """Return a client with sockets of its own for a loopback server."""
    return AsyncHeyGen(KEY, base_url=server.url, **options)
