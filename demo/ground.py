"""Under the demo: its servers, its service, its tokens, and what is kept between runs."""

import asyncio
import hashlib
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog
import uvicorn

import lotkin
from lotkin.app import configure_logging, create_app, open_services, running
from lotkin.auth import demo as issuer
from lotkin.auth.permissions import Role
from lotkin.demo import people
from lotkin.demo.company import OWN_PARTIES, SOURCES
from lotkin.graph.migrate import migrate as migrate_graph
from lotkin.graph.project import Projector
from lotkin.graph.server import local_neo4j
from lotkin.journal import read as journal
from lotkin.portal.listening import options
from lotkin.process import Progress, ServerFailure, await_end, exclusive
from lotkin.records import migrate as record_migrations
from lotkin.records.server import embedded_postgres
from lotkin.settings import Settings, SourceSystem

Graph = Literal["postgresql", "neo4j"]

TOKEN_LIFETIME_S = 12 * 3600  # a working day of trying things out
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
LOCK_TIMEOUT_S = 10.0  # a demo that is just ending
_KEPT = "demo-state.json"
_SERVERS = ("postgres", "neo4j")  # folders of our own under the state folder


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the data must have been made with to be of use again."""

    serials: int
    seed: int
    graph: Graph


@dataclass(frozen=True, slots=True)
class Ground:
    """A running demo: where it answers, and a token for each role."""

    settings: Settings
    url: str
    tokens: dict[str, str]
    tokens_file: Path
    service: "Service"


@contextmanager
def standing(
    settings: Settings, wanted: Wanted, host: str, port: int, progress: Progress
) -> Iterator[Ground]:
    """Run servers and service while the block lasts; everything started is stopped at its end.

    Data is kept for the next run with the same wishes; other data of the demo's own servers is
    removed first. Raises: ServerFailure, Refusal, MigrationError with a text for the operator.
    """
    folder = settings.state_dir
    with ExitStack() as stack:
        busy = f"{folder} is in use by another running demo; stop that one first"
        stack.enter_context(exclusive(folder / "demo.lock", timeout_s=LOCK_TIMEOUT_S, busy=busy))
        listening = stack.enter_context(_listening(host, port))
        _start_anew(settings, wanted)
        settings = _with_servers(stack, settings, wanted.graph, progress)
        progress("Preparing the schema")
        _migrate(settings)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listening.getsockname()[1]}"
        settings = _with_sign_in(settings, host, url)
        tokens = {role.value: _token(settings, role) for role in Role}
        told = {"url": url, "tokens": tokens}
        if settings.auth_server:
            told |= people.prepare(settings)
        service = stack.enter_context(_serving(settings, listening))
        file = stack.enter_context(_told(folder / "demo.json", told))
        yield Ground(settings, url, tokens, file, service)


def _start_anew(settings: Settings, wanted: Wanted) -> None:
    folder = settings.state_dir
    kept = folder / _KEPT
    state = {
        "version": lotkin.__version__,
        "serials": wanted.serials,
        "seed": wanted.seed,
        "graph": wanted.graph,
        # A graph of ours belongs to one record: with another database it would be a stranger's.
        "database": _digest(settings.database_url),
        "neo4j": _digest(settings.neo4j_uri),
    }
    with suppress(FileNotFoundError, ValueError):
        if json.loads(kept.read_text()) == state:
            return
    kept.unlink(missing_ok=True)
    for name in _SERVERS:
        _discard(folder / name)
    (folder / "uploads.json").unlink(missing_ok=True)  # notes of what the old data had taken
    write_private(kept, json.dumps(state))


def _discard(data: Path) -> None:
    """Remove the data of a server of ours, once a killed one has really ended."""
    for note in (data / "postmaster.pid", data / "pid"):
        if note.exists():
            await_end(int(note.read_text().split()[0]), data.resolve(), timeout_s=STOP_TIMEOUT_S)
    if data.exists():
        shutil.rmtree(data)


def _digest(text: str | None) -> str | None:
    # Addresses may hold passwords: what is kept is only good for comparing.
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def _with_servers(
    stack: ExitStack, settings: Settings, graph: Graph, progress: Progress
) -> Settings:
    told: dict[str, Any] = {
        "token_lifetime_max_s": max(TOKEN_LIFETIME_S, settings.token_lifetime_max_s),
        "own_parties": settings.own_parties | OWN_PARTIES,
        "sources": {name: SourceSystem.model_validate(SOURCES[name]) for name in SOURCES}
        | settings.sources,
    }
    if settings.database_url is None:
        progress("Starting PostgreSQL")
        data = settings.state_dir / "postgres"
        told["database_url"] = stack.enter_context(embedded_postgres(data))
    if graph == "postgresql":
        told["neo4j_uri"] = None
    elif settings.neo4j_uri is None:
        progress("Starting Neo4j")
        server = stack.enter_context(local_neo4j(settings.state_dir / "neo4j", progress=progress))
        told |= {
            "neo4j_uri": server.uri,
            "neo4j_user": server.user,
            "neo4j_password": server.password,
            "neo4j_password_file": None,
        }
    return settings.model_copy(update=told)


def _migrate(settings: Settings) -> None:
    assert settings.database_url is not None
    record_migrations.upgrade(settings.database_url)
    if settings.neo4j_uri is not None:
        asyncio.run(_migrate_graph(settings))


async def _migrate_graph(settings: Settings) -> None:
    services, driver = open_services(settings)
    assert driver is not None
    async with running(services, driver, background=False):
        await migrate_graph(driver)
        async with services.database.reading() as connection:
            head = await journal.head(connection)
        # A fresh record's journal starts at 1; the graph of another one would mix with it.
        if await Projector(driver).cursor() > head.size:
            raise ServerFailure(
                f"The graph at {settings.neo4j_uri} holds another record's data. Name an empty "
                "one, or the database that it belongs to in LOTKIN_DATABASE_URL"
            )


def _with_sign_in(settings: Settings, host: str, url: str) -> Settings:
    """Turn the sign-in on where passwords stay on this machine or travel under TLS."""
    address = settings.external_url or url
    is_safe = address.startswith("https:") or host in {"127.0.0.1", "::1", "localhost"}
    told = {"external_url": address, "trust_demo_issuer": True, "auth_server": is_safe}
    return settings.model_copy(update=told)


def _token(settings: Settings, role: Role) -> str:
    return issuer.mint(
        settings,
        role,
        subject=f"demo-{role.value}",
        name=people.name_of(role),
        organisation=people.ORGANISATIONS.get(role),
        lifetime_s=TOKEN_LIFETIME_S,
    )


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise ServerFailure(
                f"{host}:{port} cannot be used ({error.strerror}); choose another with --port, "
                "or any free one with --port 0"
            ) from error
        yield listening


class Service:
    """The service in a thread of this process, so that it cannot outlive it."""

    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        """Start it; returns once it answers. Raises: ServerFailure."""
        config = uvicorn.Config(
            create_app(settings, background=True),
            timeout_graceful_shutdown=3,
            **options(),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, name="service", daemon=True
        )
        self._thread.start()
        for _ in range(int(START_TIMEOUT_S / 0.05)):
            if self._server.started or not self._thread.is_alive():
                break
            time.sleep(0.05)
        if not self._server.started:
            raise ServerFailure("The service did not start; see the lines above")

    def wait(self) -> None:
        """Block until the service ends by itself; signals come through."""
        while self._thread.is_alive():
            self._thread.join(1)

    def stop(self) -> None:
        """Let open requests end, then stop."""
        self._server.should_exit = True
        self._thread.join(STOP_TIMEOUT_S)


@contextmanager
def _serving(settings: Settings, listening: socket.socket) -> Iterator[Service]:
    # The terminal belongs to the story; what the service has to say is kept beside the data.
    with (settings.state_dir / "service.log").open("a", encoding="utf-8") as log:
        configure_logging()
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
        service = Service(settings, listening)
        try:
            yield service
        finally:
            service.stop()
            structlog.configure(logger_factory=structlog.PrintLoggerFactory())


@contextmanager
def _told(file: Path, content: dict[str, Any]) -> Iterator[Path]:
    write_private(file, json.dumps(content, indent=2))
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def write_private(file: Path, content: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(content)
    draft.replace(file)
