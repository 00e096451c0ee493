"""Checkpoints: the tree's size and root, signed, so that it can never be told otherwise later."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from lotkin.journal import note, tiles, tree
from lotkin.journal.note import BadNote, SignerKey, VerifierKey

_ENDORSED = "lotkin-journal-key/1\n"


class KeyNotAccepted(Exception):  # noqa: N818  (named as the alarm calls it)
    """The key at hand is not the newest of the key history; nothing is signed with it."""


class Forked(Exception):  # noqa: N818  (named as the alarm calls it)
    """The tree does not extend the last checkpoint: somebody changed it. Nothing is signed."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the note text."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, told: str) -> "Checkpoint":
        """Return the checkpoint of a note text. Raises: BadNote."""
        lines = told.splitlines()
        if len(lines) != 3 or not lines[1].isascii() or not lines[1].isdigit():
            raise BadNote("not a checkpoint")
        try:
            found = cls(lines[0], int(lines[1][:19]), b64decode(lines[2], validate=True))
        except ValueError as error:
            raise BadNote("not a checkpoint") from error
        if found.text() != told or len(found.root) != tree.HASH:
            raise BadNote("not a checkpoint")
        return found


class Stored(NamedTuple):
    """A checkpoint of the journal; note: signed by the log, then cosigned."""

    size: int
    root: bytes
    note: str
    made_at: datetime


class Key(NamedTuple):
    """A key of the history; endorsement: signature of the key before it, None of the first."""

    number: int
    vkey: str
    endorsement: bytes | None


def opened(told: str, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint of a note that `key` signed. Raises: BadNote."""
    if not note.signed_by(told, key):
        raise BadNote("the log's signature is missing or wrong")
    found = Checkpoint.parse(note.read(told)[0])
    if found.origin != key.name:
        raise BadNote("the origin is not the name of the log's key")
    return found


async def make(connection: AsyncConnection, key: SignerKey) -> Stored | None:
    """Sign the tree as it stands, in the caller's transaction; None when nothing is new.

    Raises: KeyNotAccepted, Forked, tiles.TornTree; nothing is signed then.
    """
    head = (await connection.execute(text("select size, frontier from journal_head"))).one()
    size, frontier = head.size, bytes(head.frontier)
    last = await latest(connection)
    if size == (last.size if last else 0):
        return None
    await accept(connection, key)
    hashes = [frontier[at : at + tree.HASH] for at in range(0, len(frontier), tree.HASH)]
    root = await tiles.ask(connection, lambda read: tree.root_at(size, read))
    if len(hashes) != size.bit_count() or tree.root(hashes) != root:
        raise Forked(f"the head at {size} does not fit the tiles")
    if last is not None:
        old = last.size
        if size < old or last.root != await tiles.ask(connection, lambda r: tree.root_at(old, r)):
            raise Forked(f"the tree of {size} does not extend the checkpoint of {old}")
    told = Checkpoint(key.name, size, root).text()
    signed = f"{told}\n{key.line(told)}"
    made = await connection.execute(
        text(
            "insert into journal_checkpoint (size, root, note) values (:size, :root, :note) "
            "on conflict (size) do nothing returning made_at"
        ),
        {"size": size, "root": root, "note": signed},
    )
    found = made.scalar()
    return None if found is None else Stored(size, root, signed, found)


async def accept(connection: AsyncConnection, key: SignerKey) -> None:
    """Make `key` the first of the history, or see that it is the newest. Raises: KeyNotAccepted."""
    history = await keys(connection)
    if not history:
        await connection.execute(
            text("insert into journal_key (number, vkey) values (1, :vkey) on conflict do nothing"),
            {"vkey": str(key.verifier)},
        )
        history = await keys(connection)
    if history[-1].vkey != str(key.verifier):
        raise KeyNotAccepted(f"{key.verifier} is not the newest key, {history[-1].vkey} is")


async def rotate(connection: AsyncConnection, old: SignerKey, new: SignerKey) -> None:
    """Add `new` to the key history, endorsed by `old`. Raises: KeyNotAccepted for a stale `old`."""
    await accept(connection, old)
    await connection.execute(
        text(
            "insert into journal_key (number, vkey, endorsement) "
            "select max(number) + 1, :vkey, :endorsement from journal_key"
        ),
        {
            "vkey": str(new.verifier),
            "endorsement": old.private.sign(endorsed(str(new.verifier))),
        },
    )


def endorsed(vkey: str) -> bytes:
    """Return what the key before it signs to endorse a new one."""
    return f"{_ENDORSED}{vkey}\n".encode()


async def keys(connection: AsyncConnection) -> list[Key]:
    """Return the key history, oldest first."""
    found = await connection.execute(
        text("select number, vkey, endorsement from journal_key order by number")
    )
    return [Key(number, vkey, e if e is None else bytes(e)) for number, vkey, e in found]


_READ = """
select c.size, c.root, c.note || coalesce(
    (select string_agg(line, '' order by vkey) from journal_cosignature s where s.size = c.size), ''
) as note, c.made_at from journal_checkpoint c
"""


async def latest(connection: AsyncConnection) -> Stored | None:
    """Return the newest checkpoint."""
    return await _one(connection, f"{_READ} order by c.size desc limit 1", {})


async def covering(connection: AsyncConnection, position: int) -> Stored | None:
    """Return the newest checkpoint if it covers a position, cosigned ones first."""
    # A cosigned one a second old says more than a new one that only we have signed.
    cosigned = await _one(
        connection,
        f"{_READ} where c.size >= :position and exists (select from journal_cosignature s "
        "where s.size = c.size) order by c.size desc limit 1",
        {"position": position},
    )
    return cosigned or await _one(
        connection, f"{_READ} where c.size >= :position order by c.size desc limit 1",
        {"position": position},
    )  # fmt: skip


async def _one(connection: AsyncConnection, statement: str, told: dict[str, int]) -> Stored | None:
    row = (await connection.execute(text(statement), told)).one_or_none()
    return None if row is None else Stored(row.size, bytes(row.root), row.note, row.made_at)


async def cosign(connection: AsyncConnection, line: str, key: VerifierKey) -> int | None:
    """Keep a witness's signature line of the newest checkpoints; return the size it signed.

    None where `key` signed none of the last hundred.
    """
    signature = note.signature(line)
    found = await connection.execute(text(f"{_READ} order by c.size desc limit 100"))
    for size, _, told, _ in found:
        if key.verifies(note.read(told)[0], signature.bytes):
            await connection.execute(
                text(
                    "insert into journal_cosignature (size, vkey, line) "
                    "values (:size, :vkey, :line) on conflict do nothing"
                ),
                {"size": size, "vkey": str(key), "line": line},
            )
            return int(size)
    return None
