"""Exported bundles: proved by the standard library alone; one flipped byte is named by its file."""

import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from lotkin.journal import note, offline
from lotkin.journal.note import SignerKey
from lotkin.resolvers import bundle
from lotkin.resolvers.journal import Asked
from tests.trust.journals import Log

STRANGER = SignerKey.make("lotkin.invalid/journal/main", note.ED25519, b"s" * 32)


@pytest.fixture
async def archive(log: Log) -> bytes:
    """The bundle of a whole small journal."""
    await log.tell_story()
    return (await bundle.export_bundle(log.context, Asked(), "b.zip")).archive


def proved(archive: bytes, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run verify.py as a stranger does: another process, no packages, no path to ours."""
    path = folder / "bundle.zip"
    path.write_bytes(archive)
    script = folder / "verify.py"
    script.write_bytes(Path(offline.__file__).read_bytes())
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script), str(path), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    return done.returncode, done.stdout + done.stderr


async def test_a_bundle_proves_itself_without_any_package(
    log: Log, archive: bytes, tmp_path: Path
) -> None:
    assert proved(archive, tmp_path, "--key", str(log.key.verifier)) == (
        0,
        "OK 12 entries and 0 signatures are proved\n",
    )


async def test_a_key_of_somebody_else_proves_nothing(archive: bytes, tmp_path: Path) -> None:
    status, told = proved(archive, tmp_path, "--key", str(STRANGER.verifier))
    assert (status, told.split(":")[0]) == (1, "WRONG keys.txt")


async def test_a_missing_cosignature_is_told(log: Log, archive: bytes, tmp_path: Path) -> None:
    witness = SignerKey.make("witness.example", note.COSIGNATURE, b"w" * 32)
    status, told = proved(archive, tmp_path, "--witness", str(witness.verifier))
    assert (status, told) == (1, "WRONG checkpoint.txt: not cosigned by witness.example\n")


def flipped(archive: bytes, name: str, at: int) -> bytes:
    """Return the archive with one bit of one file's content flipped, nothing mended."""
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        info = opened.getinfo(name)
    begin = info.header_offset + 30 + len(name)
    changed = bytearray(archive)
    changed[begin + at % info.file_size] ^= 1 << at % 8
    return bytes(changed)


async def test_one_flipped_bit_is_named_by_its_file(archive: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        names = opened.namelist()
    path = tmp_path / "bundle.zip"
    for turn, name in enumerate(names):
        path.write_bytes(flipped(archive, name, turn * 31))
        found = offline.Bundle(str(path))
        found.check(None, [])
        assert found.wrong, name
        assert {line.partition(":")[0] for line in found.wrong} >= {name}, found.wrong


async def test_what_is_repacked_with_a_fresh_manifest_still_does_not_hold(
    archive: bytes, tmp_path: Path
) -> None:
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    del files["manifest.json"]
    path = tmp_path / "bundle.zip"
    for name in ("entries/3.json", "bodies/3.json", "proofs/3.tlog-proof", "checkpoint.txt"):
        forged = files[name].replace(b"1", b"2", 1)
        path.write_bytes(bundle.packed(files | {name: forged}))
        found = offline.Bundle(str(path))
        found.check(None, [])
        assert found.wrong, name


async def test_the_tree_is_written_as_static_tiles(log: Log, tmp_path: Path) -> None:
    await log.tell_story()
    size = await bundle.write_tiles(log.services, tmp_path / "site")
    assert (size, (tmp_path / "site/tile/0/000.p/12").stat().st_size) == (12, 12 * 32)
    assert bundle.tile_path(1, 1234067, 256) == "tile/1/x001/x234/067"
