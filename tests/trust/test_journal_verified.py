"""Verification of a journal: nothing is found in a clean one; each edit is named by its place."""

from collections.abc import Sequence

import psycopg
import pytest

from lotkin.domain.evidence import Finding, Flaw
from lotkin.journal import checkpoint, note, tiles, tree
from lotkin.journal.note import SignerKey
from lotkin.journal.watch import Watched, WitnessRefused
from lotkin.resolvers import worker
from tests.flows.events import commission, declared_wrong, serial
from tests.trust.journals import Log

WITNESS = SignerKey.make("witness.example/w1", note.COSIGNATURE, bytes(range(32)))


async def edit(log: Log, table: str, *statements: str) -> None:
    """Do what the owner of the tables can do."""
    with psycopg.connect(log.services.database.url) as connection:
        connection.execute(f"alter table {table} disable trigger all")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"alter table {table} enable trigger all")


def flaws(findings: Sequence[Finding]) -> set[tuple[Flaw, str]]:
    return {(each.flaw, each.table) for each in findings}


async def test_nothing_is_found_in_a_journal_nobody_touched(log: Log) -> None:
    size = await log.tell_story()
    retracted = {**commission(5, serial(9, 1)), "eventID": "urn:uuid:odd"}
    await log.tell(retracted)
    await log.tell(declared_wrong(retracted))
    report = await log.verify()
    assert report.findings == ()
    assert (report.size, report.checkpoints) == (size + 2, 5)


async def test_an_empty_journal_is_intact(log: Log) -> None:
    report = await log.verify()
    assert report.is_intact
    assert report.root == tree.EMPTY_ROOT


async def test_an_edited_body_is_named_by_its_position(log: Log) -> None:
    await log.tell_story()
    await edit(
        log, "journal_intent",
        "update journal_intent set body = body || ' '::bytea "
        "where id = (select intent_id from journal where seq = 3)",
    )  # fmt: skip
    (finding,) = (await log.verify()).findings
    assert (finding.flaw, finding.position) == (Flaw.BODY_CHANGED, 3)


async def test_a_deleted_position_is_named(log: Log) -> None:
    await log.tell_story()
    await edit(log, "journal", "delete from journal where seq = 4")
    findings = (await log.verify()).findings
    assert (Flaw.ENTRY_MISSING, "journal") in flaws(findings)
    assert {each.position for each in findings if each.table == "journal"} == {4}


async def test_an_edited_fact_is_named_by_table_and_row(log: Log) -> None:
    await log.tell_story()
    await edit(log, "draw", "update draw set qty = qty + 1 where id = 1")
    (finding,) = (await log.verify()).findings
    assert (finding.flaw, finding.table) == (Flaw.RECORD_CHANGED, "draw")
    await edit(log, "draw", "update draw set qty = qty - 1, at = at + 1 where id = 1")
    (finding,) = (await log.verify()).findings
    assert (finding.table, finding.row, finding.position) == ("draw", "1", 1)


async def test_a_swapped_checkpoint_is_named(log: Log) -> None:
    await log.tell_story()
    await edit(
        log, "journal_checkpoint",
        "update journal_checkpoint set note = (select note from journal_checkpoint "
        "order by size limit 1) where size = (select max(size) from journal_checkpoint)",
    )  # fmt: skip
    (finding,) = (await log.verify()).findings
    assert (finding.flaw, finding.table) == (Flaw.CHECKPOINT_BROKEN, "journal_checkpoint")


async def test_a_forked_tree_is_never_signed(log: Log) -> None:
    await log.tell_story()
    await edit(
        log, "journal_tile",
        "update journal_tile set hashes = sha256('x') || substring(hashes from 33)",
    )  # fmt: skip
    with pytest.raises((checkpoint.Forked, tiles.TornTree)):
        await log.tell(commission(1, serial(9, 9)))


async def test_a_witness_refuses_what_went_back_or_was_rewritten(log: Log) -> None:
    watched = Watched(str(log.key.verifier))
    await log.tell_story()
    line = await log.show(watched, WITNESS)
    assert line is not None
    assert (await log.verify(watched)).is_intact
    size = await log.tell(commission(1, serial(9, 9)))
    assert await log.show(watched, WITNESS) is not None
    assert watched.last is not None
    assert watched.last.size == size
    async with log.sequencing.transaction() as connection:
        assert await checkpoint.cosign(connection, line, WITNESS.verifier) == size - 1
    await edit(log, "journal_checkpoint", f"delete from journal_checkpoint where size = {size}")
    with pytest.raises(WitnessRefused, match="went back"):
        await log.show(watched, WITNESS)
    assert flaws((await log.verify(watched)).findings) == {(Flaw.WITNESS_DISAGREES, "witness")}


async def test_a_rotated_key_is_endorsed_and_a_foreign_one_is_not_accepted(log: Log) -> None:
    await log.tell_story()
    new = SignerKey.make(log.key.name, note.ED25519, b"n" * 32)
    with pytest.raises(checkpoint.KeyNotAccepted):
        async with log.sequencing.transaction() as connection:
            await checkpoint.accept(connection, new)
    async with log.sequencing.transaction() as connection:
        await checkpoint.rotate(connection, log.key, new)
    with pytest.raises(checkpoint.KeyNotAccepted):
        await log.tell(commission(1, serial(9, 9)))
    log.services.settings.journal_key().write_text(f"{new}\n")
    await worker.checkpoint_once(log.sequencing, log.services.settings)
    assert (await log.verify()).is_intact
