"""What a witness is told and what it tells; for everybody, as it is of sizes and roots alone."""

from lotkin.errors import Refusal, RefusalCode
from lotkin.journal import checkpoint, note, tiles, tree
from lotkin.journal.checkpoint import Key
from lotkin.journal.note import BadNote, VerifierKey
from lotkin.resolvers.context import Services


async def newest(services: Services) -> str:
    """Return the newest checkpoint as a signed note. Raises: Refusal NOT_FOUND before the first."""
    async with services.database.reading() as connection:
        found = await checkpoint.latest(connection)
    if found is None:
        raise Refusal(RefusalCode.NOT_FOUND, index="checkpoint")
    return found.note


async def keys(services: Services) -> list[Key]:
    """Return the key history, oldest first."""
    async with services.database.reading() as connection:
        return await checkpoint.keys(connection)


async def consistency(services: Services, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of `new` extends that of `old`.

    Raises: Refusal BAD_INPUT for sizes that are not 0 <= old <= new <= the newest checkpoint's.
    """
    async with services.database.reading() as connection:
        found = await checkpoint.latest(connection)
        if not 0 <= old <= new <= (found.size if found else 0):
            raise Refusal(RefusalCode.BAD_INPUT, reason="old and new are sizes up to the newest's")
        return await tiles.ask(connection, lambda read: tree.consistency(old, new, read))


async def cosigned(services: Services, line: str) -> int:
    """Keep a witness's cosignature; return the size of the checkpoint it signed.

    Raises: Refusal FORBIDDEN for a witness that is not of settings.witness_keys, NOT_FOUND for a
    signature over none of the newest checkpoints.
    """
    try:
        told = note.signature(line)
        trusted = [VerifierKey.parse(text) for text in services.settings.witness_keys]
    except BadNote as error:
        raise Refusal(RefusalCode.BAD_INPUT, reason=str(error)) from error
    known = [key for key in trusted if (key.name, key.id) == (told.name, told.id)]
    if not known:
        raise Refusal(RefusalCode.FORBIDDEN, permission="journal:cosign")
    async with services.database.transaction() as connection:
        size = await checkpoint.cosign(connection, told.line, known[0])
    if size is None:
        raise Refusal(RefusalCode.NOT_FOUND, index="checkpoint")
    return size
