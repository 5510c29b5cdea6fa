"""Where a file may be saved: impossible targets are refused before a byte is fetched, and names are safe."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from heygen_async import DownloadBusyError, DownloadWriteError, _partfile
from heygen_async._partfile import PartFile
from heygen_async._policies import Limits
from heygen_async._protocol.targets import safe_name
from tests import file_server as host
from tests.downloads import Kit, kit_on, quick_folder
from tests.file_server import FileServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as server:
        yield server


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture
async def kit(server: FileServer, folder: Path) -> AsyncIterator[Kit]:
    async with kit_on(server, folder) as kit:
        yield kit


async def refused(kit: Kit, error: type[Exception], path: Any, **options: Any) -> None:
    """Check that both the early look and the save refuse a target, before any request."""
    with pytest.raises(error):
        await kit.downloader.check_target(path, **options)
    await kit.fails(error, path=path, **options)
    assert kit.server.seen == []


async def test_47b_a_folder_is_no_target(kit: Kit) -> None:
    """An existing folder, and anything that can only be one."""
    (kit.folder / "sub").mkdir()
    for path in (kit.folder / "sub", f"{kit.folder}/new/", ".", "", "/", kit.folder / ".."):
        await refused(kit, IsADirectoryError, path, overwrite=True)
    assert kit.files == []


async def test_47b_a_file_is_no_folder(kit: Kit) -> None:
    """A parent of the target is a file."""
    (kit.folder / "file").write_bytes(b"x")
    await refused(kit, NotADirectoryError, kit.folder / "file" / "film.mp4")
    await refused(kit, NotADirectoryError, kit.folder / "file" / "deep" / "film.mp4")


async def test_47b_a_folder_without_permission_is_refused(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the folder does not exist yet: then the one it would be made in counts."""
    monkeypatch.setattr(os, "access", lambda path, *_, **__: Path(path) != kit.folder)
    monkeypatch.setattr(os, "supports_effective_ids", set())
    await refused(kit, PermissionError, kit.target)
    await refused(kit, PermissionError, kit.folder / "new" / "film.mp4")
    assert list(kit.folder.iterdir()) == []


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder that even root cannot write to")
async def test_47b_a_folder_that_only_writing_shows_to_be_closed(kit: Kit) -> None:
    """What no look can tell, opening the part file does, still before the first request."""
    await kit.fails((PermissionError, DownloadWriteError), path="/sys/kernel/film.mp4")
    assert kit.server.seen == []


@pytest.mark.parametrize(("number", "error"), [(errno.EROFS, PermissionError), (errno.ENOSPC, DownloadWriteError)])
async def test_47b_a_part_file_that_cannot_be_made(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    """A read-only disk is a matter of permission, a full one of writing."""

    def fail(*_: Any) -> int:
        raise OSError(number, os.strerror(number), "film.mp4.part")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", fail)
        caught = await kit.fails(error)
    assert caught.errno == number
    assert kit.server.seen == []


async def test_47b_something_else_in_the_way_of_the_part_file(kit: Kit) -> None:
    """A pipe or a symbolic link under the name of the part file is not written through."""
    os.mkfifo(kit.part)
    await kit.fails(FileExistsError)
    kit.part.unlink()
    precious = kit.folder / "precious"
    precious.write_bytes(b"precious")
    kit.part.symlink_to(precious)
    await kit.fails(FileExistsError)
    assert precious.read_bytes() == b"precious"
    assert kit.server.seen == []


@pytest.mark.parametrize("digest", ["sha257", "", "shake_128", 5])
async def test_an_unknown_digest_is_refused_by_name(kit: Kit, digest: Any) -> None:
    """Also one whose length is not fixed."""
    with pytest.raises(ValueError, match=repr(digest)):
        await kit.downloader.check_target(kit.target, digest=digest)
    await kit.fails(ValueError, digest=digest)


@pytest.mark.parametrize(
    "options", [{"max_bytes": 0}, {"max_bytes": -1}, {"max_bytes": True}, {"max_bytes": 1.5}, {"asset": "soundtrack"}]
)
async def test_arguments_out_of_range_are_refused(kit: Kit, options: dict[str, Any]) -> None:
    """Before anything happens, naming the argument."""
    error = await kit.fails(ValueError, **options)
    assert next(iter(options)) in str(error)
    assert kit.server.seen == []
    assert kit.files == []


async def test_an_async_progress_callback_is_refused(kit: Kit) -> None:
    """It would never be awaited."""

    async def on_progress(_: object) -> None: ...

    await kit.fails(ValueError, on_progress=on_progress)


async def test_a_null_character_is_refused(kit: Kit) -> None:
    """A path that no system takes."""
    await refused(kit, ValueError, f"{kit.folder}/a\0b.mp4")


async def test_47c_an_existing_target_is_refused(kit: Kit) -> None:
    """Also a dangling link; the file stays as it was."""
    kit.target.write_bytes(b"old")
    await refused(kit, FileExistsError, kit.target)
    kit.assert_only_the_film(b"old")
    link = kit.folder / "link.mp4"
    link.symlink_to("nowhere")
    await refused(kit, FileExistsError, link)


async def test_47c_overwriting_replaces_at_the_end_only(kit: Kit) -> None:
    """While the new file comes, the old one is there."""
    kit.target.write_bytes(b"old")
    seen: list[bytes] = []
    await kit.save(overwrite=True, on_progress=lambda _: seen.append(kit.target.read_bytes()))
    assert set(seen) == {b"old"}
    kit.assert_only_the_film()


async def test_47c_a_failure_leaves_the_old_file(kit: Kit) -> None:
    """Overwriting with a download that does not work out changes nothing."""
    kit.target.write_bytes(b"old")
    kit.server.always = host.answer(404)
    await kit.fails(Exception, overwrite=True)
    kit.assert_only_the_film(b"old")


async def test_47c_devices_are_never_replaced(kit: Kit) -> None:
    """`overwrite=True` on /dev/null must not turn it into a file."""
    os.mkfifo(kit.target)
    await refused(kit, FileExistsError, kit.target, overwrite=True)
    assert kit.target.is_fifo()


@pytest.mark.parametrize("has_links", [True, False])
async def test_47c_a_target_that_appears_meanwhile_is_not_replaced(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    """Somebody else was faster: their file stays, ours can be renamed by a later save."""
    if not has_links:

        def no_links(*_: Any) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", no_links)
    await kit.fails(FileExistsError, on_progress=lambda _: kit.target.write_bytes(b"theirs"))
    assert kit.target.read_bytes() == b"theirs"
    assert kit.part.read_bytes() == kit.server.body
    kit.target.unlink()
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, f"bytes={len(kit.server.body)}-"]


@pytest.mark.parametrize(
    "text",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/b\\c:d",
        "nul\0l",
        "CON",
        "com1.mp4",
        " x. ",
        "\u202egpm.exe",
        "\ud800",
        "e" * 500,
        "日本" * 100,
    ],
)
async def test_47d_any_text_becomes_a_safe_name(kit: Kit, text: str) -> None:
    """Titles and keys may hold anything; the file is one file in the folder meant for it."""
    name = safe_name(text)
    assert (kit.folder / f"{name}.mp4").resolve().parent == kit.folder.resolve()
    assert name != text
    assert len(name.encode()) < 140
    await kit.save(path=kit.folder / f"{name}.mp4")
    assert kit.files == [f"{name}.mp4"]


def test_47d_different_texts_have_different_names() -> None:
    """Keys that differ only in forbidden characters must not share a file."""
    names = {safe_name(text) for text in ("a/b", "a:b", "a_b", "a\\b")}
    assert len(names) == 4
    assert safe_name("Hello, World (1) – ünïcode") == "Hello, World (1) – ünïcode"


@pytest.mark.parametrize("name", ["x" * 251 + ".mp4", "ü" * 125 + ".mp4"])
async def test_47d_the_longest_possible_name_still_has_a_part_file(kit: Kit, name: str) -> None:
    """`.part.json` would not fit behind it, so the name of the part is shortened; it resumes all the same."""
    kit.server.script = [host.cut(100_000), host.answer(405)]
    await kit.fails(Exception, path=kit.folder / name)
    assert len(kit.files) == 2
    await kit.save(path=kit.folder / name)
    assert kit.files == [name]
    assert kit.server.ranges == [None, "bytes=100000-", "bytes=100000-"]


async def test_umask_is_honoured(kit: Kit) -> None:
    """The file gets the permissions that any file of this process gets."""
    before = os.umask(0o027)
    try:
        await kit.save()
    finally:
        os.umask(before)
    assert kit.target.stat().st_mode & 0o777 == 0o640


# 47a: the disk refuses


class Full:
    """Stand in for `os.write` on a disk with room for some bytes."""

    def __init__(self, room: int, number: int) -> None:
        self.room, self.number = room, number

    def __call__(self, descriptor: int, data: Any) -> int:
        if self.room <= 0:
            raise OSError(self.number, os.strerror(self.number))
        taken = min(self.room, len(data))
        self.room -= taken
        return (
            os.pwrite(descriptor, data[:taken], os.lseek(descriptor, 0, os.SEEK_CUR))
            and os.lseek(descriptor, taken, os.SEEK_CUR)
            and taken
        )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("lane", ["thread", "async"])
async def test_47a_a_full_disk_keeps_the_part_file(
    server: FileServer, folder: Path, lane: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One typed error, no retries; with room again the next save goes on. The digest knows what was written."""
    async with kit_on(server, folder, lane=lane) as kit:
        kit.target.write_bytes(b"old")
        with monkeypatch.context() as patched:
            patched.setattr("heygen_async._partfile.os.write", Full(70_001, number))
            error = await kit.fails(DownloadWriteError, overwrite=True, digest="sha256")
        assert isinstance(error, OSError)
        assert (error.errno, error.bytes_done) == (number, 70_001)
        assert len(kit.server.seen) == 1
        assert kit.target.read_bytes() == b"old"
        saved = await kit.save(overwrite=True, digest="sha256")
        assert saved.resumed_from == 70_001
        assert saved.digest == hashlib.sha256(server.body).hexdigest()
        kit.assert_only_the_film()


async def test_47a_a_full_disk_keeps_even_what_cannot_be_continued(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an ETag the part is of no use to us, but whoever looks at the disk sees what happened."""
    kit.server.etag = None
    monkeypatch.setattr("heygen_async._partfile.os.write", Full(50_000, errno.ENOSPC))
    error = await kit.fails(DownloadWriteError)
    assert error.bytes_done == 50_000
    assert kit.files == ["film.mp4.part"]


async def test_47a_a_disk_that_fails_at_the_flush_cannot_be_built_on(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed fsync nobody knows which bytes arrived: the next save starts over."""

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "the disk is dying")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        await kit.fails(DownloadWriteError)
    assert kit.files == ["film.mp4.part"]
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, None]


async def test_47a_a_rename_that_fails_is_an_error_of_the_disk(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verified bytes stay for the next save."""

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "the disk is dying")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", fail)
        await kit.fails(DownloadWriteError)
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges[1:] == [f"bytes={len(kit.server.body)}-"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs file size limits that raise EFBIG")
def test_47a_a_limit_of_the_system_is_met_for_real(server: FileServer, folder: Path) -> None:
    """Not a stand-in: RLIMIT_FSIZE stops the file at 100,000 bytes."""
    code = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
import anyio
from pathlib import Path
from heygen_async import DownloadWriteError
from tests.downloads import kit_on
from tests.file_server import FileServer
class Server: url = {server.url!r}
async def main():
    async with kit_on(Server, Path({str(folder)!r})) as kit:
        error = await kit.fails(DownloadWriteError)
        print(error.bytes_done)
anyio.run(main)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert done.stdout.strip() == b"100000"
    assert sorted(path.name for path in folder.iterdir()) == ["film.mp4.part", "film.mp4.part.json"]


# 48: two writers


@pytest.mark.parametrize("slots", [1, 4])
async def test_48_the_second_of_two_tasks_fails_fast(server: FileServer, folder: Path, slots: int) -> None:
    """Also when it would have had to wait for its turn; the first is not disturbed."""
    async with kit_on(server, folder, limits=Limits(max_downloads=slots)) as kit:
        kit.server.script = [host.stall(100_000)]
        async with anyio.create_task_group() as group:
            group.start_soon(kit.save)
            await anyio.to_thread.run_sync(kit.server.holding.wait, 5)
            with pytest.raises(DownloadBusyError):
                await kit.save()
            with pytest.raises(DownloadBusyError):
                await kit.save(path=str(kit.target), overwrite=True)
            group.cancel_scope.cancel()
        assert len(server.seen) == 1
        await kit.save()
        kit.assert_only_the_film()


async def test_48_a_second_client_fails_fast(kit: Kit, folder: Path) -> None:
    """Another client of the same process, or another process, meets the lock on the part file."""
    kit.server.script = [host.stall(100_000)]
    async with kit_on(kit.server, folder) as other, anyio.create_task_group() as group:
        group.start_soon(kit.save)
        await anyio.to_thread.run_sync(kit.server.holding.wait, 5)
        error = await other.fails(DownloadBusyError, max_bytes=1)
        assert error.bytes_done == 0
        group.cancel_scope.cancel()
    assert len(kit.server.seen) == 1


@pytest.mark.parametrize("third", [None, b"third"])
def test_48_a_part_file_that_changes_hands_while_it_is_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, third: bytes | None
) -> None:
    """Between opening and locking, the owner renamed it to the target: its bytes must not be written to.

    Somebody may even have begun another one under the same name.
    """
    target, second_part = folder / "film.mp4", folder / "film.mp4.part"
    first = PartFile.open(target, overwrite=False)
    first.write(memoryview(b"finished"))
    lock = _partfile._lock
    calls: list[int] = []

    def finish_then_lock(descriptor: int) -> None:
        if not calls:
            first.publish(overwrite=False)
            if third is not None:
                second_part.write_bytes(third)
        calls.append(descriptor)
        lock(descriptor)

    monkeypatch.setattr("heygen_async._partfile._lock", finish_then_lock)
    second = PartFile.open(target, overwrite=True)
    assert second.position == len(third or b"")
    second.cut_to(0)
    second.write(memoryview(b"new"))
    assert second_part.read_bytes() == b"new"
    assert target.read_bytes() == b"finished"
    assert len(calls) == 2
    second.release(keep=False)
    assert [path.name for path in folder.iterdir()] == ["film.mp4"]


def test_48_a_part_file_that_is_the_target_itself_is_let_go(folder: Path) -> None:
    """Killed between link and unlink: both names are one file, and only the target's stays."""
    target, part = folder / "film.mp4", folder / "film.mp4.part"
    target.write_bytes(b"finished")
    os.link(target, part)
    opened = PartFile.open(target, overwrite=True)
    opened.cut_to(0)
    opened.write(memoryview(b"new"))
    assert target.read_bytes() == b"finished"
    opened.publish(overwrite=True)
    assert target.read_bytes() == b"new"
    assert not part.exists()


async def test_48_a_file_system_without_locks_still_works(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network shares have none; one client still refuses two writers on its own."""
    import fcntl

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", fail)
    await kit.save()
    kit.assert_only_the_film()


async def test_48_trouble_with_locks_is_not_hidden(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other failure of locking ends the save."""
    import fcntl

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "no luck")

    monkeypatch.setattr(fcntl, "flock", fail)
    await kit.fails(DownloadWriteError)
    assert kit.server.seen == []
