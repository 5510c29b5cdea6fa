"""One clear sentence when the extra is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

_LITE: Final = ("starlette", "uvicorn", "python_multipart")


def missing(*modules: str) -> list[str]:
    """Return which of the modules are not installed; imports nothing."""
    return [module for module in modules if find_spec(module) is None]


def require(*modules: str) -> None:
    """Raise `ModuleNotFoundError` that names the extra if a module is missing; imports nothing."""
    for module in missing(*modules):
        lite = " (or, without rendered videos, 'heygen-async[sandbox-lite]')" if module in _LITE else ""
        raise ModuleNotFoundError(
            f"The sandbox needs {module!r}, which is not installed: pip install 'heygen-async[sandbox]'{lite}",
            name=module,
        )
