"""`lotkin witness` as a process of its own against a live service; and the hourly verification."""

import subprocess
import sys
from pathlib import Path

import httpx
import psycopg
from sqlalchemy import text

from lotkin.journal import keys, note
from lotkin.resolvers import worker
from lotkin.settings import Settings
from tests.flows.events import commission
from tests.flows.outside import eventually, new_serial, own_database, serving
from tests.trust.journals import Log


def look(address: str, folder: Path, *arguments: str) -> tuple[int, str]:
    """Let the witness look once."""
    command = [
        sys.executable, "-m", "lotkin.cli", "witness", "--url", address, "--once",
        "--name", "witness.example/w1", *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_witness_cosigns_and_refuses_a_log_that_went_back(
    postgres_url: str, tmp_path: Path
) -> None:
    own = keys.load_or_make(tmp_path / "witness.key", "witness.example/w1", note.COSIGNATURE)
    with own_database(postgres_url) as url:
        site = Settings(
            state_dir=tmp_path / "site",
            database_url=url,
            witness_keys=frozenset({str(own.verifier)}),
        )
        log = keys.load_or_make(site.journal_key(), site.journal_origin, note.ED25519).verifier
        with serving(site) as service:
            for size in (1, 2):
                service.tell(commission(1, new_serial()))
                eventually(lambda n=size: shown(service.url) == n, 10)
                status, printed = look(service.url, tmp_path, "--log-key", str(log))
                assert (status, f"cosigned {size} entries\n" in printed) == (0, True), printed
            assert f"— {own.name} " in httpx.get(f"{service.url}/journal/checkpoint").text
            _go_back(url)
            status, printed = look(service.url, tmp_path)
            assert (status, "went back from 2 entries to 1" in printed) == (1, True), printed


def shown(address: str) -> int:
    """Return the size of the newest checkpoint, 0 before the first."""
    answer = httpx.get(f"{address}/journal/checkpoint")
    return int(answer.text.splitlines()[1]) if answer.is_success else 0


def _go_back(url: str) -> None:
    with psycopg.connect(url) as connection:
        for table in ("journal_cosignature", "journal_checkpoint"):
            connection.execute(f"alter table {table} disable trigger all")
            connection.execute(f"delete from {table} where size = 2")
            connection.execute(f"alter table {table} enable trigger all")
        connection.execute("alter table journal_head disable trigger all")
        connection.execute("update journal_head set size = 1")


async def test_the_hourly_verification_raises_an_alert(log: Log) -> None:
    await log.tell_story()
    assert (await worker.verify_once(log.services)).is_intact
    with psycopg.connect(log.services.database.url) as connection:
        connection.execute("alter table draw disable trigger all")
        connection.execute("update draw set at = at + 1 where id = 1")
        connection.execute("alter table draw enable trigger all")
    await worker.verify_once(log.services)
    async with log.services.database.reading() as connection:
        found = await connection.execute(
            text("select facts from alert where code = 'JOURNAL_TAMPERED'")
        )
        (facts,) = found.scalars()
    assert facts["count"] == 1
    assert "draw 1" in facts["first"]
