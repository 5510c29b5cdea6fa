"""The command line `heygen-async`; needs the extra `cli`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final, NoReturn

__all__ = ["main"]

_USAGE: Final = 2
_INTERRUPTED: Final = 130
_OF_THE_EXTRA: Final = frozenset({"typer", "rich"})


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line with `arguments` (None: those of this process) and exit with its exit code."""
    try:
        from heygen_async.cli.app import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _OF_THE_EXTRA:
            raise
        print(
            f"Error: the command line needs {error.name}. Next: pip install 'heygen-async[cli]'",
            file=sys.stderr,
        )
        sys.exit(_USAGE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))
