"""The command line: run the demo, serve, migrate, capture files, look after the graph."""

import asyncio
import gc
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
import uvicorn
from rich.console import Console

import lotkin
from lotkin import cli_access, schema
from lotkin.app import configure_logging, create_app, open_services
from lotkin.auth import demo as demo_issuer
from lotkin.auth.permissions import Role
from lotkin.cli_signatures import signatures as signature_commands
from lotkin.cli_trust import journal as journal_commands
from lotkin.cli_trust import witness as witness_command
from lotkin.demo.commands import demo as demo_command
from lotkin.demo.commands import run as run_command
from lotkin.demo.upload import Upload, UploadError
from lotkin.errors import Refusal
from lotkin.graph.digest import Digest, difference, neo4j_digest, relational_digest
from lotkin.graph.migrate import migrate as migrate_graph
from lotkin.graph.project import Projector
from lotkin.portal import listening
from lotkin.process import ServerFailure
from lotkin.records import migrate as record_migrations
from lotkin.resolvers import worker as background
from lotkin.schema import trusted as trusted_documents
from lotkin.settings import Settings

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=(
        "Lotkin: where did this lot come from, where did it go, who must be told.\n\n"
        "Try it: `lotkin run` starts a demo with its own servers. A site sets LOTKIN_DATABASE_URL "
        "and LOTKIN_NEO4J_URI, then `lotkin migrate` and `lotkin serve`."
    ),
)
graph = typer.Typer(no_args_is_help=True, help="Look after the Neo4j projection of the journal.")
app.add_typer(graph, name="graph")
documents = typer.Typer(no_args_is_help=True, help="Look after the list of trusted documents.")
app.add_typer(documents, name="trusted")
app.add_typer(journal_commands, name="journal")
app.command("witness")(witness_command)
app.add_typer(signature_commands, name="signatures")
app.add_typer(cli_access.account, name="account")
app.add_typer(cli_access.client, name="client")
app.add_typer(cli_access.keys, name="keys")
app.command("run")(run_command)
app.command("demo")(demo_command)

GC_YOUNG_MAX = 100_000  # some 10 MB of young objects before the collector looks at them

console = Console()
errors = Console(stderr=True)


def main() -> None:
    """Run the command line; a refusal becomes one line and exit status 1."""
    try:
        app()
    except Refusal as refusal:
        errors.print(f"[red]{refusal.code.value}[/]: {refusal.message()} {refusal.detail}")
        raise SystemExit(1) from refusal
    except (ServerFailure, UploadError) as failure:
        errors.print(str(failure), style="red", markup=False)
        raise SystemExit(1) from failure


@app.command()
def version() -> None:
    """Print the version."""
    console.print(lotkin.__version__)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    background: Annotated[
        bool | None,
        typer.Option(help="Also run sequencer and projector here; else start `lotkin worker`."),
    ] = None,
) -> None:
    """Serve GraphQL, EPCIS capture and the probes; needs LOTKIN_DATABASE_URL."""
    settings = Settings()
    configure_logging()
    service = create_app(
        settings, background=settings.background if background is None else background
    )
    # Answers of 10,000 rows are young objects by the hundred thousand and no cycle among them: the
    # collector's default pace would walk the whole schema again and again while they are made.
    gc.freeze()
    gc.set_threshold(GC_YOUNG_MAX)
    uvicorn.run(
        service,
        host=host or settings.host,
        port=port or settings.port,
        **listening.options(),
    )


@app.command()
def worker(
    only: Annotated[
        str | None, typer.Option(help="Run one loop alone: `sequencer` or `projector`.")
    ] = None,
) -> None:
    """Place journal entries and keep the graph in step, until stopped."""
    configure_logging()
    if only not in {None, "sequencer", "projector"}:
        raise typer.BadParameter("use `sequencer` or `projector`", param_hint="--only")
    _run_until_stopped(_work(only))


async def _work(only: str | None) -> None:
    services, driver = open_services(Settings())
    try:
        target = None if driver is None else Projector(driver)
        if only == "sequencer":
            await background.sequencer(services.database)
        elif only == "projector":
            if target is None:
                raise typer.BadParameter("set LOTKIN_NEO4J_URI", param_hint="--only projector")
            await background.projector(services.database, target)
        else:
            await background.run(services, target)
    finally:
        await services.database.close()
        if driver is not None:
            await driver.close()


@app.command()
def migrate() -> None:
    """Bring PostgreSQL and Neo4j to this version's schema; safe to run from several hosts."""
    settings = Settings()
    if settings.database_url is None:
        raise typer.BadParameter("set LOTKIN_DATABASE_URL")
    console.print(f"PostgreSQL at {record_migrations.upgrade(settings.database_url)}")
    if settings.neo4j_uri is not None:
        applied = asyncio.run(_migrate_graph(settings))
        console.print(f"Neo4j: {len(applied)} migrations applied")


async def _migrate_graph(settings: Settings) -> list[int]:
    _, driver = open_services(settings)
    assert driver is not None
    async with driver:
        return await migrate_graph(driver, report=console.print)


@app.command()
def token(
    role: Annotated[str, typer.Argument(help="A role, for example quality_engineer.")],
    name: Annotated[str | None, typer.Option(help="Whose; two people have two names.")] = None,
) -> None:
    """Print an access token of the demo's issuer. For the demo only."""
    try:
        wanted = Role(role)
    except ValueError as error:
        known = ", ".join(each.value for each in Role)
        raise typer.BadParameter(f"use one of {known}") from error
    subject = f"demo-{role}" if name is None else f"demo-{name.lower()}"
    typer.echo(demo_issuer.mint(Settings(), wanted, subject=subject, name=name or role.title()))


@app.command()
def capture(
    files: Annotated[list[Path], typer.Argument(help="EPCIS 2.0 JSON or JSON-LD files.")],
    url: Annotated[
        str | None, typer.Option(help="Service; default: the running demo.", envvar="LOTKIN_URL")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="Access token; default: the demo's operator.", envvar="LOTKIN_TOKEN"),
    ] = None,
    on_error: Annotated[
        Literal["rollback", "proceed"],
        typer.Option(help="What a refused event means for its batch."),
    ] = "rollback",
    batch: Annotated[int, typer.Option(help="Events a request.", min=1, max=10_000)] = 500,
    restart: Annotated[bool, typer.Option(help="Send everything, also what was sent.")] = False,
) -> None:
    """Send EPCIS files to a Lotkin; run it again after an interruption and it goes on."""
    upload = Upload.open(Settings(), url, token, on_error=on_error.upper(), batch=batch)
    summary = upload.send(files, restart=restart, console=console)
    raise typer.Exit(1 if summary.refused else 0)


@app.command("export-schema")
def export_schema() -> None:
    """Print the GraphQL schema."""
    typer.echo(schema.build().as_str())


@documents.command("sign")
def sign_documents(
    key: Annotated[Path, typer.Option(help="Ed25519 key file, made on first use. Keep it safe.")],
    folder: Annotated[
        Path, typer.Option(help="Where the documents are.")
    ] = trusted_documents.FOLDER,
) -> None:
    """List and sign every document of the folder; commit what it writes."""
    count = trusted_documents.sign(folder, trusted_documents.signing_key(key))
    console.print(f"{count} documents listed and signed")


@graph.command("verify")
def graph_verify() -> None:
    """Compare the graph with the record, node by node; exit 1 when they differ."""
    if not asyncio.run(_verify()):
        raise typer.Exit(1)


@graph.command("rebuild")
def graph_rebuild() -> None:
    """Empty the graph and replay the whole journal into it, then compare."""
    if not asyncio.run(_rebuild()):
        raise typer.Exit(1)


async def _verify() -> bool:
    services, driver = open_services(Settings())
    if driver is None:
        raise typer.BadParameter("set LOTKIN_NEO4J_URI")
    async with driver:
        graph_side = await neo4j_digest(driver)
        record_side = await relational_digest(services.database.engine)
        _show("Neo4j", graph_side)
        _show("PostgreSQL", record_side)
        is_equal = graph_side.sha256 == record_side.sha256
        if graph_side.position != record_side.position:
            console.print(
                "[yellow]not comparable yet[/]: the graph stands at another position; let the "
                "projector catch up and ask again"
            )
            is_equal = False
        elif is_equal:
            console.print("[green]equal[/]")
        else:
            console.print("[red]different[/]; `lotkin graph rebuild` makes the graph anew")
            for line in await difference(services.database.engine, driver):
                console.print(str(line), markup=False)
    await services.database.close()
    return is_equal


def _show(side: str, found: Digest) -> None:
    console.print(
        f"{side:<11}{found.nodes:>10} nodes {found.edges:>10} edges  "
        f"position {found.position}  sha256 {found.sha256}",
        soft_wrap=True,
    )


async def _rebuild() -> bool:
    services, driver = open_services(Settings())
    if driver is None:
        raise typer.BadParameter("set LOTKIN_NEO4J_URI")
    target = Projector(driver)
    with console.status("Emptying the graph"):
        await target.clear()
    done = 0
    with console.status("Replaying the journal") as status:
        while count := await background.project_once(services.database, target):
            done += count
            status.update(f"Replaying the journal: {done} entries")
    console.print(f"{done} entries replayed")
    await driver.close()
    await services.database.close()
    return await _verify()


def _run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    async def stopped() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return

    asyncio.run(stopped())


if __name__ == "__main__":
    main()
