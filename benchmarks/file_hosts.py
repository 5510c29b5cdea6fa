"""nginx on loopback with one large file: plain, over TLS, and with every connection held to a pace of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

MIB: Final = 1024 * 1024
PEM: Final = Path(__file__).parent.parent / "tests" / "loopback.pem"
PACE: Final = 20
"""MB per second that each connection of the pacing host gets."""

# The start of an MP4 film; the rest is zeros of a sparse file, as good as any bytes on loopback.
FILM: Final = b"\0\0\0\x18ftypisom\0\0\2\0isommp41"

_CONFIG: Final = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;
    ssl_certificate {pem}; ssl_certificate_key {pem}; root {folder}/www;
  }}
  server {{ listen 127.0.0.1:{paced}; root {folder}/www; limit_rate {pace}m; }}
}}
"""


@frozen
class Host:
    """Where the file of `size` bytes can be had."""

    plain: str
    tls: str
    paced: str
    size: int


def nginx() -> str | None:
    """Return where nginx is, None if it is not installed."""
    return os.environ.get("NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextlib.contextmanager
def serving(folder: Path, *, size: int) -> Iterator[Host]:
    """Serve a film of `size` bytes from a process of its own."""
    command = nginx()
    assert command is not None
    (folder / "www").mkdir()
    with (folder / "www/film.mp4").open("wb") as film:
        film.write(FILM)
        film.truncate(size)
    # What nginx sends is in memory from the first run on.
    subprocess.run(["cat", folder / "www/film.mp4"], stdout=subprocess.DEVNULL, check=True)
    plain, tls, paced = (_free_port() for _ in range(3))
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, plain=plain, tls=tls, paced=paced, pem=PEM, pace=PACE))
    folder.chmod(0o755)
    process = subprocess.Popen(
        [command, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")], stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(plain)
        yield Host(
            plain=f"http://127.0.0.1:{plain}/film.mp4",
            tls=f"https://localhost:{tls}/film.mp4",
            paced=f"http://127.0.0.1:{paced}/film.mp4",
            size=size,
        )
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit("nginx did not start")
