"""V-numbered Cypher migrations: constraints and indexes, each applied once and recorded.

A file `cypher/migrations/V0001__name.cypher` holds statements ended by semicolons. Schema
statements cannot share a transaction, so each runs alone and must be repeatable.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from neo4j import AsyncDriver, AsyncSession, Query

from lotkin.graph.neo4j import CYPHER, reachable, statement

MIGRATIONS = CYPHER / "migrations"
# Building an index over a large graph takes this long at most; another migrator waits for it.
TIMEOUT_S = 600.0

_NAME = re.compile(r"V(\d{4})__(\w+)\.cypher")
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


class MigrationError(Exception):
    """The graph's recorded migrations are not those of this version."""


class Migration(NamedTuple):
    """One file: its number, name, content digest and statements."""

    version: int
    name: str
    checksum: str
    statements: tuple[str, ...]


async def migrate(
    driver: AsyncDriver,
    *,
    folder: Path = MIGRATIONS,
    report: Callable[[str], None] = lambda _: None,
) -> list[int]:
    """Apply every migration of `folder` that the graph lacks, in order; return their numbers.

    Several may call this at once: one works, the others wait and then find nothing to do.
    Raises: MigrationError when an applied file was changed or is unknown here; Refusal
    GRAPH_UNAVAILABLE.
    """
    files = migrations(folder)
    with reachable():
        async with driver.session() as holder, driver.session() as worker:
            await _run(worker, "migration_lock_constraint")
            # The lock is the uncommitted write of this node; it ends with this connection.
            lock = await holder.begin_transaction(timeout=TIMEOUT_S)
            async with lock:
                await (await lock.run(statement("migration_lock"))).consume()
                return await _apply(worker, files, report)


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Return the migrations of `folder` by number.

    Raises: MigrationError for a file name or number that does not fit.
    """
    found = [_parse(path) for path in sorted(folder.glob("*.cypher"))]
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"the numbers of {folder} are not 1, 2, 3 …")
    return found


def _parse(path: Path) -> Migration:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise MigrationError(f"{path.name} is not named V0001__name.cypher")
    text = path.read_text(encoding="utf-8")
    parts = (part.strip() for part in _COMMENT.sub("", text).split(";"))
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return Migration(int(match[1]), match[2], checksum, tuple(part for part in parts if part))


async def _apply(
    session: AsyncSession, files: Sequence[Migration], report: Callable[[str], None]
) -> list[int]:
    recorded = {row["version"]: row["checksum"] for row in await _run(session, "migrations")}
    known = {migration.version: migration.checksum for migration in files}
    for version, checksum in recorded.items():
        if known.get(version) != checksum:
            raise MigrationError(f"migration {version} of the graph is not the one of this version")
    missing = [migration for migration in files if migration.version not in recorded]
    for migration in missing:
        report(f"V{migration.version:04} {migration.name}")
        for text in migration.statements:
            await _execute(session, text)
        await _run(
            session,
            "migration_done",
            version=migration.version,
            name=migration.name,
            checksum=migration.checksum,
        )
    return [migration.version for migration in missing]


async def _run(session: AsyncSession, name: str, /, **parameters: object) -> list[dict[str, Any]]:
    return await _execute(session, statement(name), **parameters)


async def _execute(
    session: AsyncSession, text: str, /, **parameters: object
) -> list[dict[str, Any]]:
    query = Query(text, timeout=TIMEOUT_S)
    return await (await session.run(query, dict(parameters))).data()
