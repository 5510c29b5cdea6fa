"""Every Python example of the documentation runs: blocks are files of one project, named in their first line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_pytest_plugin import ENVIRONMENT, PLUGINS

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"# (\w+\.py)\n")


def files_of(page: str) -> dict[str, str]:
    """Return the examples of a page by file name."""
    blocks = BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    named = [(NAME.match(block), block) for block in blocks]
    assert all(name for name, _ in named), "an example begins with the name of its file, such as `# test_first.py`"
    files = {name[1]: block for name, block in named if name}
    assert len(files) == len(blocks), "two examples have the same name"
    return files


PAGES = ("testing.md", "faults.md", "webhooks.md")
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_examples_of_each_page_are_a_project_whose_tests_pass(tmp_path: Path) -> None:
    """Every file whose name says that it holds tests holds some; all pass, on asyncio and trio, without a warning."""
    wanted: list[str] = []
    for page in PAGES:
        folder = tmp_path / page.removesuffix(".md")
        folder.mkdir()
        for name, code in files_of(page).items():
            (folder / name).write_text(code, encoding="utf-8")
        tests = [f"{folder.name}/{file.name}" for file in folder.glob("test_*.py")]
        assert len(tests) > 1, page
        wanted += tests
    (tmp_path / "pytest.ini").write_text(INI)
    # One run for all pages: starting pytest takes longer than most pages.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGINS, "-q", "-rA"],
        cwd=tmp_path,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = set(re.findall(r"^PASSED (\w+/\w+\.py)::", done.stdout, re.MULTILINE))
    assert passed == {*wanted}
