"""From a row of a batch file to a request that HeyGen takes: pure, every column judged by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn

from attrs import evolve, frozen

from heygen_async import v2
from heygen_async._protocol.encoding import Prepared, prepare
from heygen_async._protocol.settings import ApiVersionChoice
from heygen_async._protocol.submission import wire_for
from heygen_async._protocol.templates import is_template, template_to_v3
from heygen_async._protocol.translation import to_v3
from heygen_async.cli.batch_rows import KEY, Columns, Problem, Row
from heygen_async.cli.requests import RequestOptions, build_request
from heygen_async.errors import ConfigurationError, TranslationError
from heygen_async.models.parts import Background
from heygen_async.models.requests import AvatarVideo
from heygen_async.models.templates import GenerateFromTemplate, Template
from heygen_async.models.video import ApiVersion

AnyRequest = AvatarVideo | v2.VideoRequest | GenerateFromTemplate | Mapping[str, Any]
"""What a row becomes."""

_TITLE: Final = "title"
_COLUMNS: Final = (
    KEY,
    "script",
    "avatar_id",
    "voice_id",
    _TITLE,
    "background",
    "dimension",
    "aspect_ratio",
    "resolution",
    "caption",
)
_YES: Final = frozenset({"true", "yes", "1"})
_NO: Final = frozenset({"false", "no", "0"})
_DIMENSION: Final = re.compile(r"\s*([0-9]{1,6})\s*[xX×]\s*([0-9]{1,6})\s*")
# A field's name in front of a message says nothing beside the column, but for the sides of a canvas.
_FIELD: Final = re.compile(r"\A(?:--[a-z-]+:? |(?!width|height)[\w.\[\]]+: )")
_PATH: Final = re.compile(r"([\w.\[\]]+): (.*)", re.DOTALL)
# What a column needs beside it to be judged alone.
_HARMLESS: Final = {"avatar_id": "a", "script": "a"}


class RowError(ValueError):
    """Say what is wrong with one row."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


@frozen(kw_only=True)
class Recipe:
    """How the rows of a file become requests; `judge` says what is wrong with the cells of a row that lacks some."""

    columns: Columns
    make: Callable[[Row], AnyRequest]
    judge: Callable[[Row], Iterator[Problem]]


def plain_recipe(*, avatar: str | None, voice: str | None, choice: ApiVersionChoice) -> Recipe:
    """Return how rows become videos of an avatar; `avatar` and `voice` stand in for columns and cells not given."""
    defaults = {"avatar_id": avatar, "voice_id": voice}
    known = {name: value for name, value in defaults.items() if value is not None}
    required = tuple(name for name in ("script", "avatar_id") if name not in known)

    def make(row: Row) -> AnyRequest:
        if row.request is not None:
            _check_sendable(row, row.request, choice)
            return row.request
        request = _from_cells(row, {**known, **row.cells}, choice)
        _check_sendable(row, request, choice)
        return request

    def judge(row: Row) -> Iterator[Problem]:
        return _bad_columns(row, row.cells, _wire_of(row.cells, choice))

    return Recipe(columns=Columns(known=_COLUMNS, required=required, whole_requests=True), make=make, judge=judge)


def template_recipe(template: Template, choice: ApiVersionChoice) -> Recipe:
    """Return how rows become videos from a template: its variables are the columns, beside `key` and `title`."""
    names = tuple(template.variables)
    if KEY in names:
        raise ValueError(f"--template: a variable of {template.id} is called {KEY!r}, which is the column of the keys")

    def make(row: Row) -> AnyRequest:
        problems = list(judge(row))
        title = row.cells.get(_TITLE) if _TITLE not in names else None
        if title is not None and not isinstance(title, str):
            problems.append(Problem(row.line, _TITLE, "must be a text"))
        if problems:
            raise RowError(problems)
        try:
            request = template.request(_values(row, template), title=title)
        except ValueError as error:
            raise RowError([Problem(row.line, None, str(error))]) from error
        _check_sendable(row, request, choice)
        return request

    def judge(row: Row) -> Iterator[Problem]:
        return _misfits(row, template)

    columns = Columns(known=tuple(dict.fromkeys((KEY, _TITLE, *names))), required=names)
    return Recipe(columns=columns, make=make, judge=judge)


def prepared_request(row: Row, request: AnyRequest) -> Prepared:
    """Return the checked request; raise `RowError` that names the field."""
    try:
        return prepare(request)
    except ValueError as error:
        _refuse(row, error)


def _values(row: Row, template: Template) -> dict[str, object]:
    return {name: value for name, value in row.cells.items() if name in template.variables}


def _misfits(row: Row, template: Template) -> Iterator[Problem]:
    for name, value in _values(row, template).items():
        try:
            template.request({name: value}, keep_defaults=True)
        except ValueError as error:
            yield Problem(row.line, name, str(error).partition(f"variables.{name}: ")[2] or str(error))


def _check_sendable(row: Row, request: AnyRequest, choice: ApiVersionChoice) -> None:
    """Raise `RowError` for a request that cannot go out on the chosen wire."""
    prepared = prepared_request(row, request)
    try:
        if wire_for(prepared.wire, choice, v2_retired=False) == prepared.wire:
            return
        if is_template(prepared.payload):
            template_to_v3(prepared.payload)
        else:
            to_v3(prepared.payload)
    except TranslationError as error:
        raise RowError([Problem(row.line, None, str(error))]) from error
    except ConfigurationError as error:
        raise RowError([Problem(row.line, None, f"is a v3 request, and --api-version is {choice}")]) from error


def _refuse(row: Row, error: ValueError) -> NoReturn:
    found = _PATH.fullmatch(str(error))
    place = (found[1], found[2]) if found else (None, str(error))
    raise RowError([Problem(row.line, *place)]) from error


def _from_cells(row: Row, cells: Mapping[str, object], choice: ApiVersionChoice) -> AvatarVideo | v2.VideoRequest:
    wire = _wire_of(cells, choice)
    sized = [name for name in ("aspect_ratio", "resolution") if name in cells]
    if "dimension" in cells and sized:
        raise RowError([Problem(row.line, name, "cannot go with dimension") for name in sized])
    try:
        return _built(cells, wire)
    except ValueError as error:
        problems = list(_bad_columns(row, cells, wire)) or [Problem(row.line, None, str(error))]
        raise RowError(problems) from error


def _wire_of(cells: Mapping[str, object], choice: ApiVersionChoice) -> ApiVersion:
    return "v2" if choice == "v2" or "dimension" in cells else "v3"


def _bad_columns(row: Row, cells: Mapping[str, object], wire: ApiVersion) -> Iterator[Problem]:
    for name, value in cells.items():
        try:
            _built({**_HARMLESS, name: value}, wire)
        except ValueError as error:
            yield Problem(row.line, name, _FIELD.sub("", str(error), count=1))


def _built(cells: Mapping[str, object], wire: ApiVersion) -> AvatarVideo | v2.VideoRequest:
    background = _text(cells, "background")
    picture = background if background is not None and "://" in background else None
    request = build_request(
        RequestOptions(
            avatar=_text(cells, "avatar_id"),
            voice=_text(cells, "voice_id"),
            script=_text(cells, "script", as_it_is=True),
            title=_text(cells, _TITLE),
            background=None if picture else background,
            aspect_ratio=_text(cells, "aspect_ratio"),
            resolution=_text(cells, "resolution"),
            caption=_flag(cells.get("caption")),
        ),
        wire=wire,
    )
    if isinstance(request, AvatarVideo):
        return evolve(request, background=Background(type="image", url=picture)) if picture else request
    if picture:
        (scene,) = request.video_inputs
        request = evolve(request, video_inputs=[evolve(scene, background=v2.ImageBackground(url=picture))])
    size = _text(cells, "dimension")
    return request if size is None else evolve(request, dimension=_dimension(size))


def _text(cells: Mapping[str, object], name: str, *, as_it_is: bool = False) -> str | None:
    value = cells.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{name}: must be a text")  # noqa: TRY004 - bad input is a ValueError here
    return value if as_it_is else value.strip()


def _flag(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in _YES | _NO:
        raise ValueError("caption: must be yes or no")
    return text in _YES


def _dimension(text: str) -> v2.Dimension:
    found = _DIMENSION.fullmatch(text)
    if found is None:
        raise ValueError(f"dimension: must be WIDTHxHEIGHT in pixels, such as 1280x720, not {text[:40]!r}")
    return v2.Dimension(int(found[1]), int(found[2]))
