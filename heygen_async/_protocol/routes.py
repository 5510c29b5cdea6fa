"""Tell a retired endpoint from a missing avatar.

What a retired v1/v2 endpoint will answer is unknown: 410 says it outright; 404 and 405 may mean the route or the thing
asked for. A named thing that is missing speaks of itself; anything else about a create or status route is the route.
"""

from __future__ import annotations

import re
from typing import Final

from heygen_async._protocol.error_codes import NOT_FOUND

_LEGACY: Final = ("/v1/", "/v2/")
# Codes that a framework's answer for an unknown route may have as well.
_GENERIC_CODES: Final = frozenset({"not_found", "resource_not_found"})
_LONGEST_MESSAGE: Final = 500
_THING: Final = (
    r"\b(?!looks? like)(?:avatar(?:_look|_group)?|look|voice|video|template|asset|talking.?photo|photar|image|audio|"
    r"folder|user|space|webhook)s?(?:_?ids?)?\b"
)
_ROUTE: Final = r"(?:(?<!webhook )endpoint|\broute\b|\bapi\b|\burl\b|\bgenerat(?:e|ion)\b|\bv[12]\b)"
_MISSING: Final = (
    r"(?:not (?:be )?(?:found|exist|available)|n't exist|unknown|no longer|invalid|"
    r"(?:was|is|been) (?:removed|deleted|retired|deprecated))"
)
# "Voice abc was not found", but not "Video generation was not found".
_MISSING_THING: Final = re.compile(rf"{_THING}(?:\W+(?!{_ROUTE})[\w-]+){{0,3}}?\W+{_MISSING}", re.IGNORECASE)
_SAYS_ROUTE: Final = re.compile(rf"{_ROUTE}|method not allowed|\bcannot (?:get|post|delete)\b", re.IGNORECASE)
_SAYS_THING: Final = re.compile(_THING, re.IGNORECASE)


def route_is_gone(status: int, code: str | None, message: str | None, path: str) -> bool:
    """Say whether an error of a v1/v2 call means that HeyGen has removed the endpoint itself."""
    if not path.startswith(_LEGACY):
        return status == 410
    if status in {405, 410}:
        return True
    if status != 404:
        return False
    word = (code or "").lower()
    if word in NOT_FOUND and word not in _GENERIC_CODES:
        return False
    return _speaks_of_the_route(message or "")


def _speaks_of_the_route(message: str) -> bool:
    # Paths and URLs hold words of routes and of things, whichever the message is about.
    words = " ".join(word for word in message[:_LONGEST_MESSAGE].split() if "/" not in word)
    if _MISSING_THING.search(words):
        return False
    return _SAYS_ROUTE.search(words) is not None or _SAYS_THING.search(words) is None
