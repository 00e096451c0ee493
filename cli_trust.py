"""`lotkin journal …` and `lotkin witness`: the journal from the side of those who distrust it."""

import asyncio
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import httpx
import orjson
import typer
from rich.console import Console

from lotkin import clock
from lotkin.app import open_services
from lotkin.auth.actor import Actor
from lotkin.errors import Refusal, RefusalCode
from lotkin.graph.digest import neo4j_digest, relational_digest
from lotkin.journal import checkpoint, keys, note, trail
from lotkin.journal.checkpoint import Key
from lotkin.journal.note import BadNote, SignerKey, VerifierKey
from lotkin.journal.watch import Watched, WitnessRefused, cosign, follow
from lotkin.records.session import SEQUENCER
from lotkin.resolvers import bundle as bundles
from lotkin.resolvers.context import Context, Services
from lotkin.resolvers.journal import Asked
from lotkin.resolvers.verification import Report, Wanted, verification
from lotkin.settings import Settings

T = TypeVar("T")

HTTP_S = 30.0
OFFICE = Actor("command line", "command line", None, frozenset())

journal = typer.Typer(no_args_is_help=True, help="Verify, prove and export the journal.")
console = Console(soft_wrap=True)
errors = Console(stderr=True)


def _run(work: Callable[[Services], Awaitable[T]]) -> T:
    async def opened() -> T:
        services, driver = open_services(Settings())
        try:
            return await work(services)
        finally:
            await services.database.close()
            if driver is not None:
                await driver.close()

    return asyncio.run(opened())


@journal.command("verify")
def verify(
    witness: Annotated[
        list[Path] | None, typer.Option(help="A witness's file, to hold the journal against.")
    ] = None,
    records: Annotated[bool, typer.Option(help="Also hold business rows against it.")] = True,
    graph: Annotated[bool, typer.Option(help="Also compare Neo4j with the record.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Findings as one JSON document.")] = False,
) -> None:
    """Recompute the whole journal; name what is wrong by entry, table and row; exit 1 if any."""
    wanted = Wanted([(path.name, Watched.load(path)) for path in witness or ()], records)
    with errors.status("Verifying") as status:
        report = _run(
            lambda services: verification(
                services, wanted, lambda size: status.update(f"Verifying: {size} entries")
            )
        )
        differs = _run(_graph_differs) if graph else None
    if as_json:
        console.out(_json(report))
    else:
        for finding in report.findings:
            console.print(str(finding), style="red", markup=False)
        console.print(
            f"{report.size} entries, {report.checkpoints} checkpoints, {report.cosignatures} "
            f"cosignatures of known witnesses verified in {report.elapsed_ms / 1000:.1f} s: "
            + ("nothing is wrong" if report.is_intact else f"{report.count} findings")
        )
        if differs is not None:
            console.print(f"GRAPH_DIFFERS: {differs}" if differs else "the graph is equal")
    if not report.is_intact or differs:
        raise typer.Exit(1)


def _json(report: Report) -> str:
    told = {
        "size": report.size,
        "checkpoints": report.checkpoints,
        "cosignatures": report.cosignatures,
        "count": report.count,
        "elapsedMs": report.elapsed_ms,
        "findings": [
            {
                "flaw": each.flaw.value,
                "table": each.table,
                "row": each.row,
                "position": each.position,
                "detail": each.detail,
            }
            for each in report.findings
        ],
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


async def _graph_differs(services: Services) -> str:
    _, driver = open_services(services.settings)
    if driver is None:
        raise typer.BadParameter("set LOTKIN_NEO4J_URI", param_hint="--graph")
    async with driver:
        graph = await neo4j_digest(driver)
        record = await relational_digest(services.database.engine)
    if graph.sha256 == record.sha256:
        return ""
    return f"Neo4j at {graph.position}, PostgreSQL at {record.position}: other digests"


@journal.command("prove")
def prove(
    position: Annotated[int, typer.Argument(help="Which entry, from 1.", min=1)],
) -> None:
    """Print the C2SP tlog-proof of one entry."""

    async def work(services: Services) -> str:
        async with services.database.reading() as connection:
            found = await trail.prove(connection, position)
        if found is None:
            raise Refusal(RefusalCode.NOT_FOUND, index=position)
        return found.tlog_proof()

    typer.echo(_run(work), nl=False)


@journal.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="Where the archive goes.")],
    subject: Annotated[
        str | None, typer.Option(help="Opaque id of a lot, serial, change, event …")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this subject did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action.")] = None,
) -> None:
    """Write a bundle that proves itself anywhere with `python verify.py`."""
    asked = Asked(subject=subject, actor=actor, action=action)
    made = _run(lambda services: bundles.bundle(Context(OFFICE, services), asked, out.name))
    out.write_bytes(made.archive)
    console.print(
        f"{out}: {made.entries} entries and {made.signatures} signatures, proved under a "
        f"checkpoint of {made.size} entries"
    )


@journal.command("tiles")
def tiles(folder: Annotated[Path, typer.Argument(help="Where the files go.")]) -> None:
    """Write the tree as static files (C2SP tlog-tiles), for sites without a network."""
    folder.mkdir(parents=True, exist_ok=True)
    size = _run(lambda services: bundles.write_tiles(services, folder))
    console.print(f"{folder}: the tree of {size} entries")


@journal.command("key")
def key() -> None:
    """Print the public key that checkpoints are signed with; give it to whoever verifies."""
    settings = Settings()
    found = keys.load_or_make(settings.journal_key(), settings.journal_origin, note.ED25519)
    typer.echo(str(found.verifier))


@journal.command("rotate-key")
def rotate_key() -> None:
    """Make a new key, endorsed by the present one, which is kept beside it under its number."""
    settings = Settings()
    path = settings.journal_key()
    old = SignerKey.parse(path.read_text(encoding="utf-8"))
    new = SignerKey.make(settings.journal_origin, note.ED25519, clock.random_bytes(32))
    draft = path.with_name(f"{path.name}.next")
    keys.store(draft, new)

    async def work(services: Services) -> None:
        async with services.database.as_role(SEQUENCER).transaction() as connection:
            await checkpoint.rotate(connection, old, new)

    _run(work)
    path.rename(path.with_name(f"{path.name}.{old.verifier.id.hex()}"))
    draft.rename(path)
    typer.echo(str(new.verifier))


def witness(
    url: Annotated[str, typer.Option(help="Address of the service to watch.")],
    name: Annotated[str, typer.Option(help="Name of this witness, such as a domain and path.")],
    log_key: Annotated[
        str | None, typer.Option(help="The log's verifier key; needed the first time.")
    ] = None,
    state: Annotated[Path, typer.Option(help="What it has seen.")] = Path("witness.json"),
    key_file: Annotated[Path, typer.Option(help="Its own key; made if absent.")] = Path(
        "witness.key"
    ),
    every: Annotated[float, typer.Option(help="Seconds between looks.", min=0.1)] = 10.0,
    once: Annotated[bool, typer.Option(help="Look once.")] = False,
) -> None:
    """Watch a journal from outside: cosign each checkpoint that extends the last; refuse others."""
    own = keys.load_or_make(key_file, name, note.COSIGNATURE)
    if not state.exists():
        if log_key is None:
            raise typer.BadParameter("give the log's key the first time", param_hint="--log-key")
        Watched(str(VerifierKey.parse(log_key))).save(state)
    console.print(f"witness {own.verifier}", markup=False)
    with httpx.Client(base_url=url, timeout=HTTP_S) as client:
        while True:
            refused = _look(client, state, own)
            if once:
                raise typer.Exit(1 if refused else 0)
            time.sleep(every)


def _look(client: httpx.Client, state: Path, own: SignerKey) -> bool:
    """Look once; return whether the log was refused. The state is safe before the line leaves."""
    watched = Watched.load(state)
    try:
        follow(watched, _key_history(client))
        told = _get(client, "/journal/checkpoint")
        line = cosign(
            watched,
            told,
            lambda old, new: [
                b64decode(each)
                for each in _get(client, f"/journal/consistency?old={old}&new={new}").splitlines()
            ],
            own,
            time=clock.now_us() // 1_000_000,
        )
        if line is None:
            return False
        watched.save(state)
        answer = client.post("/journal/cosignature", content=line.encode())
        seen = watched.last
        size = seen.size if seen else 0
        console.print(f"cosigned {size} entries" + ("" if answer.is_success else ", not accepted"))
    except (WitnessRefused, BadNote) as refusal:
        errors.print(f"[red]REFUSED[/] {refusal}")
        return True
    except (httpx.HTTPError, ValueError) as error:
        errors.print(f"not reached: {error}", markup=False)
        return True
    return False


def _get(client: httpx.Client, path: str) -> str:
    return client.get(path).raise_for_status().text


def _key_history(client: httpx.Client) -> list[Key]:
    history = []
    for number, line in enumerate(_get(client, "/journal/keys").splitlines(), 1):
        vkey, _, endorsement = line.partition(" ")
        history.append(Key(number, vkey, b64decode(endorsement) or None))
    return history
