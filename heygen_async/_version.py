"""The version, and how the client introduces itself."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
USER_AGENT: Final = f"heygen-async/{__version__}"
