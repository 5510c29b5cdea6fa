"""Files on their way in: multipart, raw and PUT bodies go to disk in blocks, and no further than the cap."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import aclosing
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
from attrs import frozen
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from heygen_async.sandbox.bodies import declared_length
from heygen_async.sandbox.media_types import HEAD_BYTES, sniffed
from heygen_async.sandbox.problems import Problem

MAX_UPLOAD: Final = 32 * 1024 * 1024
"""What one upload may hold: 32 MB."""

_ENVELOPE: Final = 64 * 1024
_BLOCK: Final = 1024 * 1024


@frozen
class Received:
    """A file that came in whole: `media_type` is what its bytes are, None if HeyGen does not take it."""

    path: Path
    size: int
    media_type: str | None
    name: str | None = None


def too_large(limit: int) -> Problem:
    """Refuse a file above the cap."""
    return Problem(413, "payload_too_large", f"File exceeds the maximum size of {limit} bytes", param="file")


async def receive_multipart(request: Request, path: Path, *, limit: int = MAX_UPLOAD) -> Received:
    """Write the part `file` of a multipart body to `path`.

    Raise the `Problem` for other bodies, for one without a file, and for one that is above the limit: as soon as that
    is known, by its declared length or on its way in.
    """
    whole = Request(request.scope, _capped(request, limit))
    try:
        async with whole.form(max_files=1, max_fields=16) as form:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise Problem.invalid("file", "Field required: a multipart form with one file")
            if (part.size or 0) > limit:
                raise too_large(limit)
            await anyio.to_thread.run_sync(_copy, part, path)
            name = part.filename
    except HTTPException as error:  # what Starlette says of a broken form
        raise Problem.invalid("file", error.detail) from None
    return await anyio.to_thread.run_sync(_read_back, path, name)


async def receive_body(request: Request, path: Path, *, limit: int = MAX_UPLOAD) -> Received:
    """Write a whole body to `path`; raise the 413 as soon as it is above the limit."""
    _refuse_declared(request, limit)
    size, held = 0, bytearray()
    async with await anyio.open_file(path, "wb") as file, aclosing(request.stream()) as chunks:
        async for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            held += chunk
            if len(held) >= _BLOCK:  # each write is a trip to a thread
                await file.write(held)
                held = bytearray()
        await file.write(held)
    return await anyio.to_thread.run_sync(_read_back, path, None)


def sha256(path: Path) -> bytes:
    """Return the digest of a file; blocks for as long as it takes to read it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _capped(request: Request, limit: int) -> Receive:
    _refuse_declared(request, limit, more=_ENVELOPE)
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit + _ENVELOPE:
            raise too_large(limit)
        return message

    return receive


def _refuse_declared(request: Request, limit: int, *, more: int = 0) -> None:
    if declared_length(request.headers) > limit + more:
        raise too_large(limit)


def _copy(part: UploadFile, path: Path) -> None:
    with path.open("wb") as out:
        shutil.copyfileobj(part.file, out, _BLOCK)


def _read_back(path: Path, name: str | None) -> Received:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return Received(path, path.stat().st_size, sniffed(head), name)
