"""A batch in a process that is killed again and again, at seeded moments, until it is done."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fake_heygen import KEY, FakeHeyGen

ITEMS = 8
PROGRAM = """
import sys, anyio
from heygen_async import AsyncHeyGen, AvatarVideo, PollPolicy, RetryPolicy
base, journal, out, items = sys.argv[1:]
async def main():
    polling = PollPolicy(first_after=0.02, max_interval=0.05, growth=1)
    async with AsyncHeyGen("KEY", base_url=base, polling=polling) as heygen:
        report = await heygen.videos.generate_all(
            [AvatarVideo(avatar_id="a", voice_id="v", script=f"Hello {n}") for n in range(int(items))],
            journal=journal, save_to=out + "/{key}.mp4", max_in_flight=3,
        )
    report.raise_for_failures()
anyio.run(main)
""".replace("KEY", KEY)


def started(base: str, folder: Path) -> subprocess.Popen[bytes]:
    arguments = [base, str(folder / "batch.sqlite"), str(folder / "out"), str(ITEMS)]
    return subprocess.Popen([sys.executable, "-W", "error", "-c", PROGRAM, *arguments])


def wait_for_a_request(fake: FakeHeyGen, seen: int, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while len(fake.requests) == seen and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_52_sigkill_at_any_moment_pays_once_and_loses_nothing(seed: int, tmp_path: Path) -> None:
    """Between POST and journal, between completion and download, before and after the rename (52a, 52b, 52c, 67)."""
    rng, fake = random.Random(seed), FakeHeyGen(plan={0: "pending", 0.1: "completed"})
    fake.latency = 0.03
    kills = 0
    with fake.serve() as server:
        for _ in range(6):
            seen = len(fake.requests)
            child = started(server.url, tmp_path)
            wait_for_a_request(fake, seen, child)
            time.sleep(rng.uniform(0, 0.3))
            child.send_signal(signal.SIGKILL)
            kills += child.wait() == -signal.SIGKILL
            for file in tmp_path.glob("out/*.mp4"):
                assert file.read_bytes() == fake.file, "a file under its real name is whole"
        assert started(server.url, tmp_path).wait(30) == 0
        asked = len(fake.requests)
        assert started(server.url, tmp_path).wait(30) == 0
    assert kills >= 2
    assert fake.paid == ITEMS
    assert len(fake.requests) == asked
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [f"{n}.mp4" for n in range(ITEMS)]
