"""Verifies what is signed: the key history, checkpoints, cosignatures, and a witness's own file."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from lotkin.domain.evidence import Flaw
from lotkin.journal import checkpoint, note
from lotkin.journal.checkpoint import Checkpoint, Key
from lotkin.journal.note import BadNote, VerifierKey
from lotkin.journal.verify import Verified, against
from lotkin.journal.watch import Watched

CHUNK = 1_000  # checkpoints a statement


async def sizes(connection: AsyncConnection) -> list[int]:
    """Return the sizes of all checkpoints."""
    found = await connection.execute(text("select size from journal_checkpoint order by size"))
    return list(found.scalars())


def history(state: Verified, keys: Sequence[Key]) -> list[VerifierKey]:
    """Return the keys of the history that can be trusted: each endorsed by the one before it."""
    good: list[VerifierKey] = []
    for number, key in enumerate(keys, 1):
        row = f"number {key.number}"
        try:
            read = VerifierKey.parse(key.vkey)
        except BadNote:
            state.wrong(Flaw.KEY_UNKNOWN, "journal_key", row, "not a verifier key")
            break
        if key.number != number or (good and not _endorsed(good[-1], key)):
            detail = "the key before it did not endorse it"
            state.wrong(Flaw.KEY_UNKNOWN, "journal_key", row, detail)
            break
        good.append(read)
    return good


def _endorsed(by: VerifierKey, key: Key) -> bool:
    message = checkpoint.endorsed(key.vkey)
    try:
        Ed25519PublicKey.from_public_bytes(by.public).verify(key.endorsement or b"", message)
    except InvalidSignature:
        return False
    return True


async def checkpoints(
    connection: AsyncConnection, state: Verified, keys: Sequence[VerifierKey]
) -> AsyncIterator[int]:
    """Check every checkpoint against entries and keys; yields how many are done."""
    done, after, newest = 0, 0, 0
    while True:
        found = await connection.execute(
            text(
                "select size, root, note from journal_checkpoint where size > :after "
                "order by size limit :limit"
            ),
            {"after": after, "limit": CHUNK},
        )
        rows = found.all()
        if not rows:
            return
        for size, root, told in rows:
            newest = _check(state, size, bytes(root), told, keys, newest)
        done, after = done + len(rows), rows[-1][0]
        yield done


def _check(
    state: Verified, size: int, root: bytes, told: str, keys: Sequence[VerifierKey], newest: int
) -> int:
    """Check one checkpoint; return the number of the key that signed it.

    Keys only go forward: what an old key signs after its successor has signed is not ours.
    """
    table, row = "journal_checkpoint", f"size {size}"
    signer = next(
        (n for n, key in enumerate(keys) if _is_signed(told, key)),
        None,
    )
    if signer is None or signer < newest:
        detail = "no key of the history that was valid then has signed it"
        state.wrong(Flaw.SIGNATURE_WRONG, table, row, detail, size)
        return newest
    try:
        found = Checkpoint.parse(note.read(told)[0])
    except BadNote:
        found = None
    if found is None or (found.size, found.root) != (size, root):
        state.wrong(Flaw.CHECKPOINT_BROKEN, table, row, "its note says something else", size)
    elif found.origin != keys[signer].name:
        state.wrong(Flaw.CHECKPOINT_BROKEN, table, row, "its origin is not the key's name", size)
    else:
        against(state, found, table, row, Flaw.CHECKPOINT_BROKEN)
    return signer


def _is_signed(told: str, key: VerifierKey) -> bool:
    try:
        return note.signed_by(told, key)
    except BadNote:
        return False


async def cosignatures(
    connection: AsyncConnection, state: Verified, trusted: Collection[str]
) -> int:
    """Check every cosignature; return how many are good ones of a trusted witness."""
    found = await connection.execute(
        text(
            "select s.size, s.vkey, s.line, c.note from journal_cosignature s "
            "left join journal_checkpoint c using (size) order by s.size"
        )
    )
    good = 0
    for size, vkey, line, told in found:
        row = f"size {size} {vkey.partition('+')[0]}"
        try:
            key = VerifierKey.parse(vkey)
            is_good = key.verifies(note.read(told or "")[0], note.signature(line).bytes)
        except BadNote:
            is_good = False
        if not is_good:
            detail = "not a signature of this witness over this checkpoint"
            state.wrong(Flaw.SIGNATURE_WRONG, "journal_cosignature", row, detail, size)
        good += is_good and vkey in trusted
    return good


def witnessed(
    state: Verified,
    files: Iterable[tuple[str, Watched]],
    keys: Sequence[VerifierKey],
    sizes: Collection[int],
) -> None:
    """Compare the journal with what witnesses have kept in their own files.

    sizes: of all checkpoints of the journal; one that a witness has seen must still be there.
    """
    for name, watched in files:
        if watched.log not in {str(key) for key in keys}:
            detail = "the key the witness knows is not of the key history"
            state.wrong(Flaw.KEY_UNKNOWN, "journal_key", watched.log, detail)
        for told in watched.seen:
            found = _opened(told, [*keys, VerifierKey.parse(watched.log)])
            if found is None:
                state.wrong(Flaw.WITNESS_DISAGREES, "witness", name, "its file is damaged")
            else:
                against(state, found, "witness", name, Flaw.WITNESS_DISAGREES)
                if found.size not in sizes:
                    detail = f"the checkpoint of {found.size} entries is no longer shown"
                    state.wrong(Flaw.WITNESS_DISAGREES, "witness", name, detail, found.size)


def _opened(told: str, keys: Sequence[VerifierKey]) -> Checkpoint | None:
    """Return the checkpoint of a note that one of the log's keys has signed."""
    for key in keys:
        try:
            return checkpoint.opened(told, key)
        except BadNote:
            continue
    return None
