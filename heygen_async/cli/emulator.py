"""The sandbox, if its extra is installed; nothing of it is loaded before a command asks for it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from heygen_async.errors import ConfigurationError

if TYPE_CHECKING:
    from heygen_async.sandbox import Sandbox

_OF_THE_EXTRA: Final = ("starlette", "uvicorn", "av", "PIL")


def sandbox_class() -> type[Sandbox]:
    """Return the class, or raise `ConfigurationError` that says what to install."""
    missing = [name for name in _OF_THE_EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigurationError(f"the sandbox needs {' and '.join(missing)}: pip install 'heygen-async[cli,sandbox]'")
    from heygen_async.sandbox import Sandbox

    return Sandbox
