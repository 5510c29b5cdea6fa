"""The bodies of the calls about assets as HeyGen documents them; unknown fields pass."""

from __future__ import annotations

from typing import Final

from heygen_async.sandbox.batches import MOST_ITEMS
from heygen_async.sandbox.schema import items, nullable, number, record, required, text, url

_CHECKSUM: Final = nullable(text(shortest=1))

DIRECT_UPLOAD: Final = record(
    {
        "content_type": required(text(shortest=1)),
        "filename": required(text(shortest=1)),
        "size_bytes": required(number(1, whole=True)),
        "checksum_sha256": _CHECKSUM,
    }
)
"""Checks the body of `POST /v3/assets/direct-uploads`."""

DIRECT_UPLOAD_BATCH: Final = record(
    {
        "files": required(items(DIRECT_UPLOAD, fewest=1, most=MOST_ITEMS)),
        "title": nullable(text()),
        "callback_url": nullable(url),
    }
)
"""Checks the body of `POST /v3/assets/direct-uploads/batches`."""

COMPLETE: Final = record({"checksum_sha256": _CHECKSUM})
"""Checks the body of `POST /v3/assets/{asset_id}/complete`."""

COMPLETE_BATCH: Final = record({"batch_id": required(text(shortest=1))})
"""Checks the body of `POST /v3/assets/complete/batches`."""
