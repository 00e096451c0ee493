"""Offline bundles: journal entries with everything that proves them, for whoever trusts nobody."""

import hashlib
import io
import zipfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from lotkin.auth.permissions import Permission
from lotkin.errors import Refusal, RefusalCode
from lotkin.journal import checkpoint, offline, tiles, trail
from lotkin.journal.trail import Entry
from lotkin.records import audit, signatures
from lotkin.records.session import Connection
from lotkin.resolvers.context import Context, Services
from lotkin.resolvers.journal import Asked, filter_of
from lotkin.resolvers.signature import exported
from lotkin.resolvers.usecase import usecase

FORMAT = "lotkin-bundle/1"
ENTRIES_MAX = 10_000  # of one bundle; some 20 MB
TILES_CHUNK = 256
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content makes the same archive

VERIFIER = Path(offline.__file__).read_bytes()  # goes along as verify.py

README = """This bundle proves journal entries of {origin} without its service.

    python verify.py {name} --key '<verifier key of the log>'

needs Python 3.11 and nothing else. Take verify.py, too, from where you trust it: it is
lotkin/journal/offline.py of the product's source. The key must reach you by another way than this
bundle; keys.txt says which one to ask for.

entries/     the journal's entries, byte for byte as hashed
bodies/      what each entry commits to by salted digest; salts/ the salts
proofs/      each entry's inclusion in the checkpoint's tree (C2SP tlog-proof)
checkpoint.txt  the tree's size and root, signed by the log, cosigned by witnesses
keys.txt     the log's keys, oldest first, each endorsed by the one before it
signatures/  electronic signatures that entries tell: payload and evidence
"""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's archive, and how much it proves."""

    archive: bytes
    entries: int
    signatures: int
    size: int


@usecase(Permission.JOURNAL_READ)
async def export_bundle(context: Context, asked: Asked, name: str) -> Bundle:
    """Return everything the journal tells of a subject, with its proof."""
    return await bundle(context, asked, name)


async def bundle(context: Context, asked: Asked, name: str) -> Bundle:
    """Return a bundle; for the command line, which asks for no permission.

    Bounds: ENTRIES_MAX. Raises: Refusal NOT_FOUND where a checkpoint covers no such entry.
    """
    wanted = await filter_of(context, asked)
    async with context.database.reading() as connection:
        stored = await checkpoint.latest(connection)
        size = stored.size if stored else 0
        found = await trail.page(connection, wanted, before=size + 1, limit=ENTRIES_MAX + 1)
        if stored is None or not found:
            raise Refusal(RefusalCode.NOT_FOUND, index="subject")
        if len(found) > ENTRIES_MAX:
            raise Refusal(RefusalCode.BAD_INPUT, reason=f"more than {ENTRIES_MAX} entries")
        stored = await checkpoint.covering(connection, found[0].position) or stored
        files = await _files(connection, found, stored, context.services)
    files["README.txt"] = README.format(origin=context.settings.journal_origin, name=name).encode()
    signed = sum(each.startswith("signatures/") for each in files)
    return Bundle(packed(files), len(found), signed, stored.size)


async def _files(
    connection: Connection,
    entries: Sequence[Entry],
    stored: checkpoint.Stored,
    services: Services,
) -> dict[str, bytes]:
    files: dict[str, bytes] = {"checkpoint.txt": stored.note.encode()}
    lines = [
        f"{key.vkey} {b64encode(key.endorsement or b'').decode()}".rstrip()
        for key in await checkpoint.keys(connection)
    ]
    files["keys.txt"] = "".join(f"{line}\n" for line in lines).encode()
    if witnesses := sorted(services.settings.witness_keys):
        files["witnesses.txt"] = "".join(f"{key}\n" for key in witnesses).encode()
    for entry in entries:
        place = entry.position
        files[f"entries/{place}.json"] = entry.raw
        files[f"bodies/{place}.json"] = entry.body_raw
        files[f"salts/{place}.txt"] = b64encode(entry.salt) + b"\n"
        proof = await trail.prove_in(connection, place, stored)
        files[f"proofs/{place}.tlog-proof"] = proof.tlog_proof().encode()
    ids = await audit.signatures_of(connection, [entry.intent_id for entry in entries])
    for id, row in (await signatures.by_ids(connection, ids)).items():
        files[f"signatures/{id}.json"] = orjson.dumps(exported(row))
    files["verify.py"] = VERIFIER
    return files


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files with their manifest, whose first line is its own digest."""
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    told = orjson.dumps({"v": FORMAT, "files": listed}, option=orjson.OPT_SORT_KEYS)
    manifest = f"sha256 {hashlib.sha256(told).hexdigest()}\n".encode() + told
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted({**files, "manifest.json": manifest}.items()):
            # Stored: one flipped byte damages one file, and never the way to the others.
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()


async def write_tiles(services: Services, folder: Path) -> int:
    """Write the tree as C2SP tlog-tiles under `folder`; return the size it was written for.

    checkpoint, tile/<level>/<index>[.p/<width>]: static files that prove every entry.
    """
    async with services.database.reading() as connection:
        stored = await checkpoint.latest(connection)
        if stored is None:
            raise Refusal(RefusalCode.NOT_FOUND, index="checkpoint")
        level, count = 0, stored.size
        while count:
            await _write_level(connection, folder, level, count)
            level, count = level + 1, count >> 8
    folder.joinpath("checkpoint").write_text(stored.note, encoding="utf-8")
    return stored.size


async def _write_level(connection: Connection, folder: Path, level: int, count: int) -> None:
    last = (count + 255) // 256
    for first in range(0, last, TILES_CHUNK):
        places = [(level, index) for index in range(first, min(first + TILES_CHUNK, last))]
        for (_, index), hashes in (await tiles.read(connection, places)).items():
            width = min(256, count - index * 256)
            name = tile_path(level, index, width)
            folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            folder.joinpath(name).write_bytes(hashes[: width * 32])


def tile_path(level: int, index: int, width: int) -> str:
    """Return the path of a tile, its index in groups of three digits as C2SP tlog-tiles says."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    partial = "" if width == 256 else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"
