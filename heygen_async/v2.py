"""Requests for the v2 wire, HeyGen's Quick Start API (`POST /v2/video/generate`), and their translation to v3.

::

    v2.VideoRequest(
        video_inputs=[
            v2.VideoInput(
                character=v2.Avatar(avatar_id="Daisy-inskirt-20220818", avatar_style="normal"),
                voice=v2.TextVoice(input_text="Welcome!", voice_id="2d5b0e6cf36f460aa7fc47e3eee4ba54"),
                background=v2.ColorBackground("#008000"),
            )
        ],
        dimension=v2.Dimension(1280, 720),
    )

Field names are the wire's. What HeyGen would refuse is a `ValueError` that names the field, before anything is sent.
"""

from heygen_async._protocol.translation import to_v3
from heygen_async.models._canvas import Dimension, Position
from heygen_async.models.v2_parts import (
    AudioVoice,
    Avatar,
    Character,
    ColorBackground,
    ElevenLabsSettings,
    ImageBackground,
    Offset,
    SceneBackground,
    SilenceVoice,
    TalkingPhoto,
    TextVoice,
    VideoBackground,
    Voice,
)
from heygen_async.models.v2_request import Subtitles, TextOverlay, VideoInput, VideoRequest

__all__ = [
    "AudioVoice",
    "Avatar",
    "Character",
    "ColorBackground",
    "Dimension",
    "ElevenLabsSettings",
    "ImageBackground",
    "Offset",
    "Position",
    "SceneBackground",
    "SilenceVoice",
    "Subtitles",
    "TalkingPhoto",
    "TextOverlay",
    "TextVoice",
    "VideoBackground",
    "VideoInput",
    "VideoRequest",
    "Voice",
    "to_v3",
]
