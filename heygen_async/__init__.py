"""Async client for the HeyGen avatar-video API: never pays twice, never loses a video, never shows a half file.

Names are imported from their modules when they are first asked for (PEP 562), so that a program pays for what it uses.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from heygen_async._version import __version__

if TYPE_CHECKING:
    from heygen_async import v2, webhooks
    from heygen_async._client import AsyncHeyGen
    from heygen_async._jobs import VideoJob
    from heygen_async._policies import Limits, PollPolicy, RetryPolicy, Timeouts
    from heygen_async.errors import (
        APIConnectionError,
        APIError,
        APIResponseError,
        ApiRetiredError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConfigurationError,
        ConflictError,
        DownloadBusyError,
        DownloadCorruptError,
        DownloadError,
        DownloadExpiredError,
        DownloadIncompleteError,
        DownloadTooLargeError,
        DownloadUrlError,
        DownloadWriteError,
        HeyGenDeprecationWarning,
        HeyGenError,
        IdempotencyKeyReusedError,
        InsufficientCreditError,
        InternalServerError,
        JobError,
        JournalError,
        JournalLockedError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        SubmissionUncertainError,
        TranslationError,
        VideoFailedError,
        VideoNotAvailableError,
        WaitTimeoutError,
        WebhookVerificationError,
    )
    from heygen_async.events import (
        AdmissionChanged,
        AdmissionStopped,
        DownloadInterrupted,
        Event,
        FileSaved,
        ItemDownloading,
        ItemFinished,
        ItemRendered,
        ItemRetried,
        ItemStalled,
        ItemSubmitted,
        LookFailed,
        RequestRetried,
        StatusChanged,
        SubmissionInterrupted,
        SubmissionReconciling,
        VideoSubmitted,
        WaitingForSlot,
    )
    from heygen_async.models.assets import AssetBase64, AssetId, AssetUrl
    from heygen_async.models.estimate import Estimate, PriceTable
    from heygen_async.models.outcomes import BatchReport, Failed, Skipped, Succeeded
    from heygen_async.models.parts import (
        AvatarIIIEngineConfig,
        AvatarIVEngineConfig,
        AvatarVEngineConfig,
        Background,
        CaptionSettings,
        ElevenLabsEngineSettings,
        FishEngineSettings,
        StarfishEngineSettings,
        VoiceSettings,
        Watermark,
        WatermarkPlacement,
    )
    from heygen_async.models.progress import DownloadProgress, JobUpdate, SavedFile
    from heygen_async.models.requests import AvatarVideo, CinematicVideo, ImageVideo, StudioVideo
    from heygen_async.models.studio import (
        StudioAvatarInput,
        StudioAvatarVideoScene,
        StudioColorBackground,
        StudioImageInput,
        StudioImageScene,
        StudioVideoPlayback,
        StudioVideoScene,
    )
    from heygen_async.models.template_variables import (
        AudioVariable,
        CharacterVariable,
        ImageVariable,
        TextVariable,
        VideoVariable,
        VoiceVariable,
    )
    from heygen_async.models.templates import (
        DeclaredVariable,
        GenerateFromTemplate,
        Template,
        TemplateScene,
        TemplateSubtitles,
        TemplateSummary,
    )
    from heygen_async.models.video import Video, VideoFailure, VideoStatus

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AdmissionChanged",
    "AdmissionStopped",
    "ApiRetiredError",
    "AssetBase64",
    "AssetId",
    "AssetUrl",
    "AsyncHeyGen",
    "AudioVariable",
    "AuthenticationError",
    "AvatarIIIEngineConfig",
    "AvatarIVEngineConfig",
    "AvatarVEngineConfig",
    "AvatarVideo",
    "Background",
    "BadRequestError",
    "BatchReport",
    "CaptionSettings",
    "CharacterVariable",
    "CinematicVideo",
    "ConfigurationError",
    "ConflictError",
    "DeclaredVariable",
    "DownloadBusyError",
    "DownloadCorruptError",
    "DownloadError",
    "DownloadExpiredError",
    "DownloadIncompleteError",
    "DownloadInterrupted",
    "DownloadProgress",
    "DownloadTooLargeError",
    "DownloadUrlError",
    "DownloadWriteError",
    "ElevenLabsEngineSettings",
    "Estimate",
    "Event",
    "Failed",
    "FileSaved",
    "FishEngineSettings",
    "GenerateFromTemplate",
    "HeyGenDeprecationWarning",
    "HeyGenError",
    "IdempotencyKeyReusedError",
    "ImageVariable",
    "ImageVideo",
    "InsufficientCreditError",
    "InternalServerError",
    "ItemDownloading",
    "ItemFinished",
    "ItemRendered",
    "ItemRetried",
    "ItemStalled",
    "ItemSubmitted",
    "JobError",
    "JobUpdate",
    "JournalError",
    "JournalLockedError",
    "Limits",
    "LookFailed",
    "NotFoundError",
    "PermissionDeniedError",
    "PollPolicy",
    "PriceTable",
    "RateLimitError",
    "RequestRetried",
    "RetryPolicy",
    "SavedFile",
    "Skipped",
    "StarfishEngineSettings",
    "StatusChanged",
    "StudioAvatarInput",
    "StudioAvatarVideoScene",
    "StudioColorBackground",
    "StudioImageInput",
    "StudioImageScene",
    "StudioVideo",
    "StudioVideoPlayback",
    "StudioVideoScene",
    "SubmissionInterrupted",
    "SubmissionReconciling",
    "SubmissionUncertainError",
    "Succeeded",
    "Template",
    "TemplateScene",
    "TemplateSubtitles",
    "TemplateSummary",
    "TextVariable",
    "Timeouts",
    "TranslationError",
    "Video",
    "VideoFailedError",
    "VideoFailure",
    "VideoJob",
    "VideoNotAvailableError",
    "VideoStatus",
    "VideoSubmitted",
    "VideoVariable",
    "VoiceSettings",
    "VoiceVariable",
    "WaitTimeoutError",
    "WaitingForSlot",
    "Watermark",
    "WatermarkPlacement",
    "WebhookVerificationError",
    "__version__",
    "v2",
    "webhooks",
]

# The same as above, for the interpreter: which module has which names.
_HOMES: Final = {
    "_client": "AsyncHeyGen",
    "_jobs": "VideoJob",
    "_policies": "Limits PollPolicy RetryPolicy Timeouts",
    "errors": (
        "APIConnectionError APIError APIResponseError ApiRetiredError APIStatusError APITimeoutError "
        "AuthenticationError BadRequestError ConfigurationError ConflictError DownloadBusyError "
        "DownloadCorruptError DownloadError DownloadExpiredError DownloadIncompleteError DownloadTooLargeError "
        "DownloadUrlError DownloadWriteError HeyGenDeprecationWarning HeyGenError IdempotencyKeyReusedError "
        "InsufficientCreditError InternalServerError JobError JournalError JournalLockedError NotFoundError "
        "PermissionDeniedError RateLimitError SubmissionUncertainError TranslationError VideoFailedError "
        "VideoNotAvailableError WaitTimeoutError WebhookVerificationError"
    ),
    "events": (
        "AdmissionChanged AdmissionStopped DownloadInterrupted Event FileSaved ItemDownloading ItemFinished "
        "ItemRendered ItemRetried ItemStalled ItemSubmitted LookFailed RequestRetried StatusChanged "
        "SubmissionInterrupted SubmissionReconciling VideoSubmitted WaitingForSlot"
    ),
    "models.assets": "AssetBase64 AssetId AssetUrl",
    "models.estimate": "Estimate PriceTable",
    "models.outcomes": "BatchReport Failed Skipped Succeeded",
    "models.parts": (
        "AvatarIIIEngineConfig AvatarIVEngineConfig AvatarVEngineConfig Background CaptionSettings "
        "ElevenLabsEngineSettings FishEngineSettings StarfishEngineSettings VoiceSettings Watermark "
        "WatermarkPlacement"
    ),
    "models.progress": "DownloadProgress JobUpdate SavedFile",
    "models.requests": "AvatarVideo CinematicVideo ImageVideo StudioVideo",
    "models.studio": (
        "StudioAvatarInput StudioAvatarVideoScene StudioColorBackground StudioImageInput StudioImageScene "
        "StudioVideoPlayback StudioVideoScene"
    ),
    "models.template_variables": (
        "AudioVariable CharacterVariable ImageVariable TextVariable VideoVariable VoiceVariable"
    ),
    "models.templates": (
        "DeclaredVariable GenerateFromTemplate Template TemplateScene TemplateSubtitles TemplateSummary"
    ),
    "models.video": "Video VideoFailure VideoStatus",
}
_MODULE_OF: Final = {name: module for module, names in _HOMES.items() for name in names.split()}
_MODULES: Final = frozenset({"errors", "events", "models", "v2", "webhooks"})

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return import_module(f"heygen_async.{name}")
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"heygen_async.{_MODULE_OF[name]}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_MODULES})
