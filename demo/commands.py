"""`lotkin run` and `lotkin demo`: the whole demo, and its documents alone."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from lotkin.auth.permissions import Role
from lotkin.demo.ask import Ask, AskError
from lotkin.demo.feed import Fed, feed
from lotkin.demo.ground import Graph, Ground, Wanted, standing
from lotkin.demo.maker import DOCUMENT_EVENTS, cast, documents
from lotkin.demo.plan import SERIALS_DEFAULT, SERIALS_MIN
from lotkin.demo.story import Teller, Told
from lotkin.demo.telling import close, tell
from lotkin.demo.upload import Upload, UploadError
from lotkin.demo.words import Language
from lotkin.errors import Refusal
from lotkin.graph.migrate import MigrationError
from lotkin.process import ServerFailure
from lotkin.settings import Settings

SERIALS_MAX = 200_000  # beyond, the bench's generator is the tool
SEED_DEFAULT = 7

Serials = Annotated[
    int, typer.Option(help="How many pieces with a number.", min=SERIALS_MIN, max=SERIALS_MAX)
]
Seed = Annotated[int, typer.Option(help="Another seed, another year; the same: the same bytes.")]

_FAILURES = (ServerFailure, UploadError, AskError, MigrationError, httpx.HTTPError, OSError)


class _Stopped(BaseException):
    """A signal asked us to end; BaseException, so that nothing on the way swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(
    once: Annotated[bool, typer.Option("--once", help="End after the story.")] = False,
    graph: Annotated[
        Graph | None,
        typer.Option(help="Who answers; default: neo4j if LOTKIN_NEO4J_URI is set."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the story as one JSON object.")
    ] = False,
    serials: Serials = SERIALS_DEFAULT,
    seed: Seed = SEED_DEFAULT,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0: any free one.", min=0, max=65535)
    ] = None,
    lang: Annotated[
        Language | None, typer.Option(help="Language of the story; default: that of LANG.")
    ] = None,
) -> None:
    """Start a demo with its own servers, tell a recall, and keep serving until Ctrl-C."""
    settings = Settings()
    graph = graph or ("neo4j" if settings.neo4j_uri else "postgresql")
    wanted = Wanted(serials, seed, graph)
    out, notes = Console(), Console(stderr=True)
    language = lang or _language()
    where = settings.host if host is None else host, settings.port if port is None else port
    with (
        _failures_told(notes),
        _signals() as stage,
        standing(settings, wanted, *where, lambda line: notes.print(line, style="dim")) as up,
    ):
        story = _story(up, wanted, notes)
        if as_json:
            typer.echo(json.dumps(story, ensure_ascii=False))
        else:
            tell(story, out, language)
        if once:
            return
        if not as_json:
            close(up.url, [*up.tokens], up.tokens_file, out, language)
        stage.serving = True
        up.service.wait()
        raise ServerFailure(f"The service ended; see {settings.state_dir / 'service.log'}")


def demo(
    serials: Serials = SERIALS_DEFAULT,
    seed: Seed = SEED_DEFAULT,
    out: Annotated[
        Path | None, typer.Option(help="Write the documents here instead of sending them.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Service; default: the running demo.", envvar="LOTKIN_URL")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="Access token; default: the demo's operator.", envvar="LOTKIN_TOKEN"),
    ] = None,
) -> None:
    """Make the demo's EPCIS documents: into a folder, or into a running service."""
    notes = Console(stderr=True)
    with _failures_told(notes):
        if out is not None:
            _write(serials, seed, out, notes)
        if out is None or url is not None:
            upload = Upload.open(Settings(), url, token, on_error="ROLLBACK", batch=DOCUMENT_EVENTS)
            with _progress(notes, serials) as report:
                fed = feed(upload, documents(serials, seed), report)
            notes.print(
                f"{fed.captured} events captured, {fed.duplicates} duplicates, "
                f"journal position {fed.position or 'not placed yet'}"
            )


def _story(up: Ground, wanted: Wanted, notes: Console) -> Told:
    fed = _fed(up, wanted, notes)
    engine = "NEO4J" if wanted.graph == "neo4j" else None
    with httpx.Client() as client:
        ask = Ask(up.url, up.tokens[Role.QUALITY_ENGINEER.value], client)
        teller = Teller(ask, cast(wanted.serials, wanted.seed), engine)
        if engine is not None:
            notes.print("Waiting for the graph", style="dim")
        teller.await_position(fed)
        told = teller.story(fed)
    return {
        "serials": wanted.serials,
        "seed": wanted.seed,
        "url": up.url,
        "ide": f"{up.url}/graphiql",
        "roles": [*up.tokens],
        "tokensFile": str(up.tokens_file),
        **told,
    }


def _fed(up: Ground, wanted: Wanted, notes: Console) -> Fed:
    folder = up.settings.state_dir
    upload = Upload(
        up.url,
        up.tokens[Role.OPERATOR.value],
        "ROLLBACK",
        DOCUMENT_EVENTS,
        folder / "uploads.json",
    )
    with _progress(notes, wanted.serials) as report:
        return feed(upload, documents(wanted.serials, wanted.seed), report)


def _write(serials: int, seed: int, out: Path, notes: Console) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with _progress(notes, serials) as report:
        for name, each in documents(serials, seed):
            (out / name).write_bytes(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE))
            report(name, len(each["epcisBody"]["eventList"]))


@contextmanager
def _progress(notes: Console, serials: int) -> Iterator[Callable[[str, int], None]]:
    # How many events there will be is known to a few percent before they are made.
    expected = int(serials * 0.95) + 140
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=notes, transient=True) as progress:
        bar = progress.add_task("Capturing events", total=expected)
        done = 0

        def report(name: str, events: int) -> None:
            nonlocal done
            done += events
            progress.update(bar, description=name, completed=done, total=max(done, expected))

        yield report


@contextmanager
def _failures_told(notes: Console) -> Iterator[None]:
    """Turn what an operator can mend into one line and exit status 1."""
    try:
        yield
    except Refusal as refusal:
        notes.print(f"{refusal.message()} {refusal.detail}", style="red", markup=False)
        raise typer.Exit(1) from refusal
    except _FAILURES as failure:
        notes.print(str(failure), style="red", markup=False)
        raise typer.Exit(1) from failure


class _Stage:
    """How far the demo has come: stopped while serving, it ended well."""

    serving = False


@contextmanager
def _signals() -> Iterator[_Stage]:
    """Turn the first signal to end into an orderly way out; later ones change nothing."""
    stage = _Stage()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise _Stopped(number)

    before: dict[int, Any] = {each: signal.signal(each, stop) for each in numbers}
    try:
        yield stage
    except _Stopped as stopped:
        if not stage.serving:
            raise typer.Exit(128 + stopped.number) from stopped
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _language() -> Language:
    told = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if told.lower().startswith("zh") else "en"
