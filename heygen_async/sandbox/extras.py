"""One clear sentence when the extra is not installed."""

from __future__ import annotations

from importlib.util import find_spec


def require(*modules: str) -> None:
    """Raise `ModuleNotFoundError` that names the extra if a module is missing; imports nothing."""
    for module in modules:
        if find_spec(module) is None:
            raise ModuleNotFoundError(
                f"The sandbox needs {module!r}, which is not installed: pip install 'heygen-async[sandbox]'",
                name=module,
            )
