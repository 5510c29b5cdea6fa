"""The commands and their options; each hands over to a plain function and prints what comes back."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import anyio
import typer
from attrs import evolve

from heygen_async._protocol.settings import VERSION_VARIABLE, ApiVersionChoice
from heygen_async._version import __version__
from heygen_async.cli import batch as batch_work
from heygen_async.cli import demo as demo_work
from heygen_async.cli import work
from heygen_async.cli.failures import DONE, INTERRUPTED, USAGE, Failure
from heygen_async.cli.inputs import read_argument, read_file
from heygen_async.cli.output import Output, reporting, video_json, video_lines
from heygen_async.cli.requests import RequestOptions, build_request, parse_request, refuse_mixture
from heygen_async.cli.resume import Resume
from heygen_async.cli.sandbox_app import sandbox_app
from heygen_async.resources.videos import AnyVideoRequest

_NAME: Final = "heygen-async"
_EPILOG: Final = (
    "Exit codes: 0 done, 1 HeyGen or the network said no (batch: to some rows), 2 bad input, 3 no key or a refused "
    "one, 4 the time was up (the video id is printed), 130 interrupted."
)

# The base of all usage errors; Typer exports it under a name of its own only since 0.29.
_CommandLineError: Final[type[Exception]] = typer.BadParameter.__mro__[2]


class Wire(StrEnum):
    """The choices of `--api-version`."""

    AUTO = "auto"
    V2 = "v2"
    V3 = "v3"


class File(StrEnum):
    """The choices of `--asset`."""

    VIDEO = "video"
    CAPTIONED = "captioned"
    SUBTITLE = "subtitle"
    THUMBNAIL = "thumbnail"
    GIF = "gif"


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, for scripts.")]
OnWire = Annotated[Wire, typer.Option("--api-version", help="v2 is the Quick Start API; auto lets the request decide.")]
Seconds = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", help="How long to wait; 3600 if unset.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file, once the new one is whole.")]
VideoId = Annotated[str, typer.Argument(metavar="VIDEO_ID", help="The id that HeyGen gave the video.")]

app = typer.Typer(
    name=_NAME,
    help="Make HeyGen avatar videos: submit, wait, save.",
    epilog=_EPILOG,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; usage errors are printed like all others."""
    # What the SDK logs is shown from its events, in words for people.
    logging.getLogger("heygen_async").addHandler(logging.NullHandler())
    try:
        code = typer.main.get_command(app).main(list(arguments) or ["--help"], prog_name=_NAME, standalone_mode=False)
    except _CommandLineError as error:
        Output(as_json="--json" in arguments).failure(_usage_failure(error))
        return USAGE
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    return code if isinstance(code, int) else DONE


def _usage_failure(error: BaseException) -> Failure:
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", _NAME)
    message: Callable[[], str] = getattr(error, "format_message", error.__str__)
    return Failure(
        type=type(error).__name__,
        message=" ".join(message().split()),
        exit_code=USAGE,
        next_step=f"{command} --help",
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{_NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None: ...


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to leave the videos.")] = Path("heygen-demo"),
    as_json: AsJson = False,
) -> None:
    """Make three videos without an account.

    They come from a HeyGen emulator inside this program; nothing is sent to HeyGen.
    """
    output = Output(as_json)
    with reporting(output, Resume()):
        made = demo_work.run(out)
        output.result(demo_work.to_json(made), [str(item.path) for item in made.videos])


@app.command()
def generate(
    avatar: Annotated[str | None, typer.Option(metavar="ID", help="The id of an avatar look.")] = None,
    voice: Annotated[str | None, typer.Option(metavar="ID", help="The id of a voice; else the look's own.")] = None,
    script: Annotated[
        str | None, typer.Option(metavar="TEXT|@FILE|-", help="What to say; from a file, or - for standard input.")
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Save it here; else its id is printed.")] = None,
    title: Annotated[str | None, typer.Option(help="The title in HeyGen's list.")] = None,
    background: Annotated[str | None, typer.Option(metavar="'#RRGGBB'", help="A background colour.")] = None,
    aspect_ratio: Annotated[str | None, typer.Option(metavar="W:H", help="16:9, 9:16, 4:5, 5:4, 1:1 or auto.")] = None,
    resolution: Annotated[str | None, typer.Option(metavar="NAME", help="720p, 1080p or 4k.")] = None,
    caption: Annotated[
        bool, typer.Option("--caption", help="Make captions too; `download --asset captioned` fetches them.")
    ] = False,
    request: Annotated[
        str | None, typer.Option(metavar="FILE.json", help="A whole JSON request of either API, instead of the above.")
    ] = None,
    timeout: Seconds = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Your own id of the order: repeating it never pays twice.")
    ] = None,
    overwrite: Overwrite = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the video's id as soon as HeyGen took it.")] = False,
    api_version: OnWire = Wire.AUTO,
    as_json: AsJson = False,
) -> None:
    """Make one video: submit it, wait for it, save it."""
    output = Output(as_json)
    resume = Resume(out=out, overwrite=overwrite, submits=True, idempotency_key=idempotency_key)
    options = RequestOptions(
        avatar=avatar,
        voice=voice,
        script=script,
        title=title,
        background=background,
        aspect_ratio=aspect_ratio,
        resolution=resolution,
        caption=caption,
    )
    with reporting(output, resume):
        if no_wait and out is not None:
            raise ValueError("--no-wait cannot go with --out: there is nothing to save yet")
        wanted = _request(options, request, api_version)
        connection = work.Connection(api_version=_choice(api_version), timeout=timeout)
        action = work.submit_video if no_wait else work.generate_video
        made = anyio.run(action, connection, resume, wanted, idempotency_key)
        output.result(made, [made.get("path") or made["id"]])
        if out is None:
            output.hint(evolve(resume, out="FILE").by_id(made["id"]))


@app.command()
def batch(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A CSV or JSONL file, - for standard input; one row per video.")
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Where to save the videos, each by its key.")] = None,
    journal: Annotated[
        str | None, typer.Option(metavar="FILE.sqlite", help="What was done; repeating the command goes on from it.")
    ] = None,
    max_in_flight: Annotated[
        int | None, typer.Option(min=1, help="How many videos at once; else what the account takes.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(metavar="USD", help="Stop before the estimates exceed it.")] = None,
    timeout: Seconds = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and price every row, and make nothing.")] = False,
    template: Annotated[
        str | None, typer.Option(metavar="ID", help="Fill this template: its variables are the columns.")
    ] = None,
    avatar: Annotated[str | None, typer.Option(metavar="ID", help="For rows without an avatar_id.")] = None,
    voice: Annotated[str | None, typer.Option(metavar="ID", help="For rows without a voice_id.")] = None,
    overwrite: Overwrite = False,
    status: Annotated[
        str | None, typer.Option(metavar="FILE.sqlite", help="Only show what a journal holds; needs no FILE.")
    ] = None,
    api_version: OnWire = Wire.AUTO,
    as_json: AsJson = False,
) -> None:
    """Make one video per row of a file: as many at once as the account takes, repeatable without paying twice.

    Columns: key, script, avatar_id, voice_id, title, background ('#RRGGBB' or a picture's URL), dimension (such as
    1280x720), aspect_ratio, resolution, caption. A line of JSONL may hold a whole request instead, beside its key.

    The first Ctrl-C finishes what runs, the second one leaves at once; the same command goes on from the journal.
    """
    output = Output(as_json)
    with reporting(output, Resume()):
        if status is not None:
            if file is not None:
                raise ValueError("--status reads a journal, so it cannot go with FILE")
            batch_work.show_status(status, output)
            return
        if file is None:
            raise ValueError("FILE is missing: the CSV or JSONL file with one row per video")
        wanted = batch_work.BatchCommand(
            source=file,
            out=out,
            journal=journal,
            max_in_flight=max_in_flight,
            max_cost=max_cost,
            dry_run=dry_run,
            template=template,
            avatar=avatar,
            voice=voice,
            overwrite=overwrite,
        )
        connection = work.Connection(api_version=_choice(api_version), timeout=timeout)
        raise typer.Exit(batch_work.run(wanted, connection, output))


@app.command()
def status(video_id: VideoId, api_version: OnWire = Wire.AUTO, as_json: AsJson = False) -> None:
    """Look once how a video is getting on.

    A failed video is an answer like any other: the exit code is 0.
    """
    output, resume = Output(as_json), _known(video_id, api_version)
    with reporting(output, resume):
        video = anyio.run(work.read_video, work.Connection(api_version=_choice(api_version)), resume, video_id)
        output.result(video_json(video), video_lines(video))


@app.command()
def download(
    video_id: VideoId,
    out: Annotated[str, typer.Option(metavar="FILE", help="Where to save it.")],
    asset: Annotated[File, typer.Option(help="Which of the video's files.")] = File.VIDEO,
    overwrite: Overwrite = False,
    timeout: Seconds = None,
    api_version: OnWire = Wire.AUTO,
    as_json: AsJson = False,
) -> None:
    """Save a video, waiting for it if needed.

    Goes on where an earlier download of the same file broke off.
    """
    output, resume = Output(as_json), _known(video_id, api_version)
    resume.out, resume.asset, resume.overwrite = out, asset.value, overwrite
    connection = work.Connection(api_version=_choice(api_version), timeout=timeout)
    with reporting(output, resume):
        saved = anyio.run(work.download_video, connection, resume, video_id, out)
        facts = {"path": str(saved.path), "size": saved.size, "resumed_from": saved.resumed_from}
        output.result({"id": video_id, "asset": asset.value, **facts}, [str(saved.path)])


app.add_typer(sandbox_app)


def _request(options: RequestOptions, file: str | None, api_version: Wire) -> AnyVideoRequest:
    if file is not None:
        refuse_mixture(options)
        return parse_request(read_file("--request", file), source="standard input" if file == "-" else file)
    if options.script is not None:
        options = evolve(options, script=read_argument("--script", options.script))
    chosen = os.environ.get(VERSION_VARIABLE) if api_version is Wire.AUTO else api_version.value
    return build_request(options, wire="v2" if chosen == "v2" else "v3")


def _choice(api_version: Wire) -> ApiVersionChoice:
    return api_version.value


def _known(video_id: str, api_version: Wire) -> Resume:
    return Resume(video_id=video_id, api_version="v2" if api_version is Wire.V2 else None)
