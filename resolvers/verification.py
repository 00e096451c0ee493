"""Verifies the journal, what it signed, and the business rows it tells of; names what is wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lotkin import clock
from lotkin.auth.permissions import Permission
from lotkin.domain.evidence import Finding, Flaw
from lotkin.journal import checkpoint, tree, verify, verify_signed
from lotkin.journal.watch import Watched
from lotkin.records.session import Connection
from lotkin.resolvers import quality_checks, signature_checks  # noqa: F401  (register checks)
from lotkin.resolvers.context import Context, Services
from lotkin.resolvers.record_checks import CHECKS, MALFORMED
from lotkin.resolvers.usecase import usecase

Progress = Callable[[int], None]  # is told how many entries are done


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified and what is wrong; findings: the first thousand of `count`."""

    size: int
    root: bytes
    checkpoints: int
    cosignatures: int
    findings: tuple[Finding, ...]
    count: int
    elapsed_ms: float

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return self.count == 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to verify beside the journal itself, and what to hold it against."""

    witnesses: Sequence[tuple[str, Watched]] = ()  # name for the report, what it has seen
    records: bool = True


@usecase(Permission.JOURNAL_READ)
async def verify_journal(context: Context) -> Report:
    """Verify the whole journal and every business row; some 60 s a million entries."""
    return await verification(context.services, Wanted())


async def verification(
    services: Services, wanted: Wanted, progress: Progress = lambda _: None
) -> Report:
    """Verify in one snapshot; for the command line and the worker, which ask for no permission."""
    async with services.database.reading() as connection:
        return await verify_in(connection, services, wanted, progress)


async def verify_in(
    connection: Connection,
    services: Services,
    wanted: Wanted,
    progress: Progress = lambda _: None,
) -> Report:
    """Verify what the caller's transaction sees."""
    started = clock.elapsed()
    sizes = await verify_signed.sizes(connection)
    seen = [size for _, watched in wanted.witnesses for size in watched.sizes()]
    state = verify.Verified()
    async for state in verify.entries(connection, [*sizes, *seen]):
        progress(state.size)
    keys = verify_signed.history(state, await checkpoint.keys(connection))
    checked = 0
    async for checked in verify_signed.checkpoints(connection, state, keys):  # noqa: B007
        pass
    trusted = services.settings.witness_keys
    cosigned = await verify_signed.cosignatures(connection, state, trusted)
    verify_signed.witnessed(state, wanted.witnesses, keys, frozenset(sizes))
    if wanted.records:
        for kind in CHECKS:
            await _check_records(connection, services, state, kind)
    return Report(
        state.size,
        tree.root(state.frontier),
        checked,
        cosigned,
        tuple(state.findings),
        state.count,
        (clock.elapsed() - started) * 1000,
    )


async def _check_records(
    connection: Connection, services: Services, state: verify.Verified, kind: str
) -> None:
    try:
        async for finding in CHECKS[kind](services, connection):
            state.add(finding)
    except MALFORMED as error:
        # A check that stumbles over what was tampered with must not end the verification.
        detail = f"its rows or entries cannot be read: {type(error).__name__}"
        state.wrong(Flaw.RECORD_CHANGED, kind, "?", detail)
