"""The sandbox, if its extra is installed; nothing of it is loaded before a command asks for it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from heygen_async.errors import ConfigurationError

if TYPE_CHECKING:
    from heygen_async.sandbox import Sandbox

SERVING: Final = ("starlette", "uvicorn", "python_multipart")
RENDERING: Final = ("av", "PIL")


def sandbox_class(*, renders: bool) -> type[Sandbox]:
    """Return the class, or raise `ConfigurationError` that says what to install; `renders` asks for real videos."""
    missing = lacking(*SERVING, *(RENDERING if renders else ()))
    if missing:
        raise ConfigurationError(f"the sandbox needs {' and '.join(missing)}: pip install 'heygen-async[cli,sandbox]'")
    from heygen_async.sandbox import Sandbox

    return Sandbox


def lacking(*modules: str) -> list[str]:
    """Return those of the modules that are not installed; imports nothing."""
    return [name for name in modules if find_spec(name) is None]
