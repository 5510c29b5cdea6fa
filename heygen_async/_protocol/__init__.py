"""Rules of HeyGen's two wires as pure functions and frozen values: no I/O, no clock, no httpx."""
