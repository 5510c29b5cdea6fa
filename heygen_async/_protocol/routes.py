"""Tell a retired endpoint from a missing avatar.

What a retired v1/v2 endpoint will answer is unknown: 410 says it outright; 404 and 405 may mean the route or the thing
asked for. A named thing that is missing speaks of itself; anything else about a create or status route is the route.
"""

from __future__ import annotations

import re
from typing import Final

from heygen_async._protocol.error_codes import NOT_FOUND

_LEGACY: Final = ("/v1/", "/v2/")
_GENERIC_CODES: Final = frozenset(
    {"not_found", "404", "method_not_allowed", "405", "endpoint_not_found", "route_not_found"}
)
_ROUTE_WORDS: Final = re.compile(
    r"endpoint|route|\burl\b|\bpath\b|removed|retired|sunset|no longer|deprecated|discontinued|legacy|"
    r"/v[123]/|\bv3\b|cannot (post|get)|method not allowed",
    re.IGNORECASE,
)
_THING_WORDS: Final = re.compile(
    r"avatar|look|voice|video|template|asset|talking.?photo|image|audio|folder|user|space|resource", re.IGNORECASE
)


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
    if message and _ROUTE_WORDS.search(message):
        return True
    return not (message and _THING_WORDS.search(message))
