"""Bundles, checkpoints and proofs, judged by a verifier of public Go modules that shares no code.

Each part flipped must make it refuse; growth is proved by consistency proofs from every size.
"""

import asyncio
import os
import random
import subprocess
import tempfile
import zipfile
from base64 import b64encode
from io import BytesIO
from pathlib import Path

from lotkin.journal import checkpoint, tiles, tree
from lotkin.resolvers import bundle
from lotkin.resolvers.journal import Asked
from tests.interop import tools
from tests.tamper.stores import WITNESS, own_log, own_server, tale

FLIPS = 40
SEED = 1


def built(folder: Path) -> Path:
    """Return the verifier, built and its own tests run."""
    go = tools.required("go", "the independent verifier is")
    program, source = folder / "verify", tools.HERE / "verify"
    environment = os.environ | {"GOFLAGS": "-mod=readonly"}
    for command in (["test", "./..."], ["build", "-o", str(program), "."]):
        subprocess.run([go, *command], cwd=source, env=environment, check=True)
    return program


def accepted(program: Path, *arguments: object) -> bool:
    """Return whether the verifier accepts."""
    command = [str(program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


async def judge(program: Path, folder: Path) -> None:
    """Make a journal, export it, and print what the verifier says of it."""
    async with own_server() as (url, home), own_log(url, home) as log:
        notes: list[tuple[int, str]] = []
        for event in tale(random.Random(SEED)):
            await log.tell(event)
            async with log.services.database.reading() as connection:
                last = await checkpoint.latest(connection)
            assert last is not None
            notes.append((last.size, last.note))
        line = WITNESS.line(checkpoint.opened(last.note, log.key.verifier).text(), time=1)
        async with log.services.database.transaction() as connection:
            await checkpoint.cosign(connection, line, WITNESS.verifier)
        made = await bundle.bundle(log.context, Asked(), "b.zip")
        key, witness = str(log.key.verifier), str(WITNESS.verifier)
        path = folder / "b.zip"
        path.write_bytes(made.archive)
        whole = accepted(program, path, key, witness)
        stranger = accepted(program, path, witness)
        grown = [await _grown(log, program, folder, each, notes[-1], key) for each in notes]
    flips = [_flipped(made.archive, random.Random(seed)) for seed in range(FLIPS)]
    taken = 0
    for archive in flips:
        path.write_bytes(archive)
        taken += accepted(program, path, key, witness)
    tools.judge({
        "Go verifier, whole bundle": (f"{made.entries} entries accepted", whole),
        "with another key": ("refused", not stranger),
        "Go verifier, growth": (f"{sum(grown)}/{len(grown)} proofs accepted", all(grown)),
        "flipped bits accepted": (f"{taken} of {FLIPS}", taken == 0),
    })  # fmt: skip


async def _grown(
    log: object, program: Path, folder: Path, old: tuple[int, str], new: tuple[int, str], key: str
) -> bool:
    async with log.services.database.reading() as connection:  # type: ignore[attr-defined]
        hashes = await tiles.ask(connection, lambda r: tree.consistency(old[0], new[0], r))
    told = {"old": old[1], "new": new[1]}
    told["hashes"] = "".join(f"{b64encode(each).decode()}\n" for each in hashes)
    for name, content in told.items():
        (folder / name).write_text(content)
    return accepted(program, "consistency", *(folder / name for name in told), key)


def _flipped(archive: bytes, dice: random.Random) -> bytes:
    """Flip one bit of something that is proved; the manifest is made to fit again."""
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    del files["manifest.json"]
    folders = ("entries/", "bodies/", "salts/", "proofs/", "checkpoint.txt")
    name = dice.choice(sorted(each for each in files if each.startswith(folders)))
    content = bytearray(files[name])
    # The last byte is a line end that base64 readers do not look at.
    content[dice.randrange(max(len(content) - 2, 1))] ^= 1 << dice.randrange(6)
    return bundle.packed(files | {name: bytes(content)})


def main() -> None:
    """Build the verifier and put the question."""
    with tempfile.TemporaryDirectory(prefix="lotkin-interop-") as folder:
        asyncio.run(judge(built(Path(folder)), Path(folder)))


if __name__ == "__main__":
    main()
