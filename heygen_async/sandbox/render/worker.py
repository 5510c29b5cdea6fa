"""The render process: reads one task a line from standard input, answers one line each on standard output."""

from __future__ import annotations

import os
import signal
import sys

from heygen_async.sandbox.render.tasks import serve

if __name__ == "__main__":
    # Ctrl-C reaches every process of the terminal; this one ends when its input does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, answers)
