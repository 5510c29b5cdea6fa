"""The files of the account: uploaded ones in a temporary folder, and the public ones beside them."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import define

from heygen_async.sandbox.files import Signer
from heygen_async.sandbox.media_types import SUFFIXES, family
from heygen_async.sandbox.stock_files import STOCK_FILES

OWNER: Final = "sandbox"
SPACE: Final = "sandbox-space"
UPLOAD_SECONDS: Final = 3600.0
"""How long the link of a direct upload is good, in virtual seconds."""

_INCOMING: Final = "incoming-"
_LINK: Final = re.compile(r"/files/assets/([^/]+)/[^/]+$")
_IMAGE_KEY: Final = re.compile(r"image/([^/]+)/original\.\w+")


@define(eq=False, kw_only=True)
class Asset:
    """One uploaded file; times are virtual unix seconds. It has no bytes before `arrived`.

    `completed_at` is when it was whole, None while a direct upload is not completed; `checksum` is what the client
    announced, `direct` says that it came by a presigned PUT.
    """

    id: str
    number: int
    name: str
    media_type: str
    size: int
    path: Path
    created_at: float
    checksum: str | None = None
    direct: bool = False
    arrived: bool = False
    completed_at: float | None = None

    @property
    def kind(self) -> str:
        """Return `image`, `video`, `audio` or `document`."""
        return family(self.media_type)

    @property
    def file_name(self) -> str:
        """Return the last part of a link to it."""
        return "original" + SUFFIXES.get(self.media_type, ".bin")


class AssetStore:
    """Uploaded files by id; `clear` removes them. Call it while the service is open, except `path`."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self.uploads = Signer(now=now, lifetime=UPLOAD_SECONDS)
        self.by_id: dict[str, Asset] = {}
        self.spoken: dict[str, Asset] = {}
        """Speech that was asked for: files with links, but no uploads, so that no list shows them."""

        self._home: Path | None = None
        self._folder: Path | None = None
        self._removal: Callable[[], object] | None = None

    @property
    def folder(self) -> Path:
        """Return the folder of the files, made when first needed; it is gone with the process at the latest."""
        if self._home is not None:
            self._home.mkdir(exist_ok=True)
            return self._home
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="heygen-sandbox-assets-"))
            self._removal = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    @contextmanager
    def incoming(self) -> Generator[Path]:
        """Give a new empty file for bytes that are still coming in; it is removed if it was not moved by then."""
        with tempfile.NamedTemporaryFile(prefix=_INCOMING, dir=self.folder, delete=False) as file:
            path = Path(file.name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def add(self, asset: Asset) -> Asset:
        """Keep an asset; return it."""
        self.by_id[asset.id] = asset
        return asset

    def keep(self, asset: Asset, file: Path) -> Asset:
        """Take a file that came in whole as the bytes of an asset, and keep it; return the asset."""
        file.replace(asset.path)
        asset.arrived = True
        return self.add(asset)

    def file(self, asset_id: str) -> Asset | None:
        """Return what has a file of its own: an upload or speech."""
        return self.by_id.get(asset_id) or self.spoken.get(asset_id)

    def next_number(self) -> int:
        """Return a number above all that are in use."""
        return max((asset.number for asset in self.by_id.values()), default=0) + 1

    def delete(self, asset_id: str) -> bool:
        """Forget an asset and remove its file; say whether there was one."""
        asset = self.by_id.pop(asset_id, None)
        if asset is None:
            return False
        asset.path.unlink(missing_ok=True)
        return True

    def path(self, asset_id_or_url: str) -> Path | None:
        """Return the local file of an asset, by its id, one of its links or its `image_key`; None if there is none.

        Links are recognised by their path, whatever host, mount or signature they carry; nothing is ever fetched.
        """
        asset_id = _id_in(asset_id_or_url)
        asset = self.file(asset_id)
        if asset is not None:
            return asset.path if asset.arrived and asset.completed_at is not None else None
        return self._stock_path(asset_id) if asset_id in STOCK_FILES else None

    def is_known(self, asset_id: str) -> bool:
        """Say whether there is such an asset, uploaded or public."""
        return self.file(asset_id) is not None or asset_id in STOCK_FILES

    def keep_in(self, home: Path | None) -> None:
        """Forget everything, and from now on have the files in this folder, which `close` leaves as it is."""
        self.clear()
        self._home = home
        for unfinished in home.glob(f"{_INCOMING}*") if home else ():  # what an earlier process was killed over
            unfinished.unlink(missing_ok=True)

    def close(self) -> None:
        """Forget everything; the files are removed unless they are kept."""
        self.by_id.clear()
        self.spoken.clear()
        self._home = None
        self.clear()

    def clear(self) -> None:
        """Forget everything and remove the files; the next upload makes a new folder."""
        self.by_id.clear()
        self.spoken.clear()
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
        removal, self._removal, self._folder = self._removal, None, None
        if removal is not None:
            removal()

    def _stock_path(self, asset_id: str) -> Path:
        stock = STOCK_FILES[asset_id]
        path = self.folder / (asset_id + SUFFIXES[stock.media_type])
        if not path.exists():
            with self.incoming() as unfinished:
                unfinished.write_bytes(stock.make())
                unfinished.replace(path)
        return path


def _id_in(text: str) -> str:
    try:
        found = _LINK.search(urlsplit(text).path) if "://" in text else _IMAGE_KEY.fullmatch(text)
    except ValueError:  # not a URL after all
        return text
    return found[1] if found else text
