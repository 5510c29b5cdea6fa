"""`heygen-async sandbox`: serve the emulator, or steer one that runs."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from heygen_async.cli import serve, steering
from heygen_async.cli.output import Output, reporting
from heygen_async.cli.resume import Resume
from heygen_async.cli.serve import DEFAULT_PORT, DEFAULT_PROGRESS, DEFAULT_WALLET, ServeCommand


class Mode(StrEnum):
    """The choices of `--mode`."""

    AUTO = "auto"
    REAL = "real"
    FAST = "fast"


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, for scripts.")]

sandbox_app = typer.Typer(name="sandbox", rich_markup_mode=None)


@sandbox_app.callback(invoke_without_command=True)
def sandbox(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0 picks a free one.")
    ] = DEFAULT_PORT,
    mode: Annotated[Mode, typer.Option(help="fast makes videos at once, without picture and sound.")] = Mode.AUTO,
    speed: Annotated[float, typer.Option(min=0, help="How fast the emulator's clock runs; 1 is real time.")] = 1,
    progress: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="When videos finish: immediate, 'after 5s', polls=3, or each at its own time: "
            "'uniform 60s..720s', 'lognormal 5m sigma 0.5'.",
        ),
    ] = DEFAULT_PROGRESS,
    concurrency: Annotated[int, typer.Option(min=1, help="How many videos may render at once.")] = 10,
    retry_after: Annotated[
        str,
        typer.Option(metavar="SECONDS", help="Seconds a 429 above that says, auto (until a slot is free) or none."),
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Makes ids and choices repeatable.")] = 0,
    wallet: Annotated[float, typer.Option(min=0, metavar="USD", help="Play money.")] = DEFAULT_WALLET,
    known_ids: Annotated[
        bool, typer.Option("--known-ids", help="Refuse avatars, voices and assets that the account does not have.")
    ] = False,
    old_plan: Annotated[
        bool, typer.Option("--old-plan", help="Let v3 videos above the limit wait instead of refusing them.")
    ] = False,
    lenient: Annotated[bool, typer.Option("--lenient", help="Let unknown fields pass on v3.")] = False,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Misbehave: 'POST /v3/videos then_status(503) times=1'.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep everything in this folder, and go on from it.")
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Show what happens in a browser.")] = False,
) -> None:
    """Serve a HeyGen emulator on this machine until Ctrl-C, or steer one that runs.

    Without a command it serves. The commands talk to the sandbox that HEYGEN_API_BASE leads to.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    with reporting(Output(), Resume()):
        serve.run(
            ServeCommand(
                port=port,
                mode=mode.value,
                speed=speed,
                progress=progress,
                concurrency=concurrency,
                retry_after=serve.retry_after_in(retry_after),
                seed=seed,
                wallet=wallet,
                known_ids=known_ids,
                old_plan=old_plan,
                lenient=lenient,
                faults=tuple(fault or ()),
                state=state,
                opens_browser=open_browser,
            )
        )


@sandbox_app.command()
def status(as_json: AsJson = False) -> None:
    """Show clock, videos, money and rules."""
    output = Output(as_json)
    with reporting(output, Resume()):
        state = steering.ask(_address(), "GET", "state")
        output.result(state, steering.status_lines(state))


@sandbox_app.command()
def advance(
    span: Annotated[str, typer.Argument(metavar="SPAN", help="How far: 90, 30s, 1h30m or 7d.")], as_json: AsJson = False
) -> None:
    """Let virtual time pass at once."""
    output = Output(as_json)
    with reporting(output, Resume()):
        state = steering.ask(_address(), "POST", "clock", {"advance": span})
        output.result(state["clock"], [steering.moment(state["clock"]["now"])])


@sandbox_app.command()
def requests(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest.")] = 20, as_json: AsJson = False
) -> None:
    """Show the newest calls, and why they were refused."""
    output = Output(as_json)
    with reporting(output, Resume()):
        found = steering.ask(_address(), "GET", f"requests?limit={limit}")
        output.result(found, steering.call_lines(found["requests"]))


@sandbox_app.command()
def fault(
    rule: Annotated[list[str] | None, typer.Argument(metavar="RULE", help="One rule; none shows them all.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all rules.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make it misbehave: `fault "POST /v3/videos then_status(503) times=1"`."""
    output = Output(as_json)
    with reporting(output, Resume()):
        if rule and clear:
            raise ValueError("--clear removes all rules, so it cannot go with RULE")
        if rule:
            answer = steering.ask(_address(), "POST", "faults", {"rule": " ".join(rule)})
        elif clear:
            answer = steering.ask(_address(), "DELETE", "faults", {})
        else:
            answer = steering.ask(_address(), "GET", "state")
        output.result({"faults": answer["faults"]}, steering.fault_lines(answer["faults"]))


@sandbox_app.command()
def trigger(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="Such as avatar_video.success.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Who gets it, on this machine.")],
    video_id: Annotated[str | None, typer.Option(metavar="ID", help="A video of the sandbox to tell about.")] = None,
    secret: Annotated[str | None, typer.Option(help="Sign it with this secret.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send a webhook event now."""
    output = Output(as_json)
    with reporting(output, Resume()):
        body = {"event": event, "url": url, "video_id": video_id, "secret": secret}
        delivery = steering.ask(_address(), "POST", "trigger", body)
        output.result(delivery, [steering.delivery_line(delivery)])


@sandbox_app.command()
def reset(as_json: AsJson = False) -> None:
    """Forget videos, calls, rules and settings."""
    output = Output(as_json)
    with reporting(output, Resume()):
        state = steering.ask(_address(), "POST", "reset", {})
        output.result(state, steering.status_lines(state))


def _refuse_options(context: typer.Context) -> None:
    sources = {name: getattr(context.get_parameter_source(name), "name", "") for name in context.params}
    given = [name for name, source in sources.items() if source == "COMMANDLINE"]
    if given:
        raise typer.BadParameter(
            f"--{given[0].replace('_', '-')} is for serving: `{context.invoked_subcommand}` talks to the sandbox that "
            "HEYGEN_API_BASE leads to"
        )


def _address() -> str:
    return steering.address(os.environ)
