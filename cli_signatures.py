"""`lotkin signatures`: hand signatures to somebody who checks them without us."""

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer

from lotkin.app import open_services
from lotkin.auth.actor import ANONYMOUS
from lotkin.resolvers.context import Context
from lotkin.resolvers.signature import export_signatures
from lotkin.settings import Settings

signatures = typer.Typer(no_args_is_help=True, help="Export signatures for verification elsewhere.")


@signatures.callback()
def _group() -> None:
    """Keep `export` a command of its own while it is the only one."""


@signatures.command("export")
def export(
    output: Annotated[
        Path | None, typer.Option("--output", help="File; default: standard output.")
    ] = None,
) -> None:
    """Write every signature as one line of JSON: what was signed, the evidence, the keys."""
    lines = asyncio.run(_lines())
    if output is None:
        for line in lines:
            typer.echo(line)
    else:
        output.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        typer.echo(f"{len(lines)} signatures", err=True)


async def _lines() -> list[str]:
    services, driver = open_services(Settings())
    found: list[str] = []
    after = 0
    try:
        while page := await export_signatures(Context(ANONYMOUS, services), after):
            after = page[-1].pop("row")
            for line in page:
                line.pop("row", None)
                found.append(orjson.dumps(line, option=orjson.OPT_SORT_KEYS).decode())
    finally:
        await services.database.close()
        if driver is not None:
            await driver.close()
    return found
