"""Keys of the site that stay outside the database: one attests proofs, one seals seeds."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lotkin import clock
from lotkin.errors import Refusal, RefusalCode

ROTATE_S = 365 * 24 * 3600  # a new attestation key each year; evidence carries the public key


@dataclass(frozen=True, slots=True)
class AttestationKey:
    """The key that attests what the service saw with its own eyes."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self.private.public_key().public_bytes_raw()

    @property
    def kid(self) -> str:
        """Its name."""
        return key_name(self.public)

    def sign(self, message: bytes) -> bytes:
        """Return an Ed25519 signature of `message`."""
        return self.private.sign(message)


def key_name(public: bytes) -> str:
    """Return the name of a public key: the start of its SHA-256, in hex."""
    return sha256(public).hexdigest()[:16]


def attestation_key(folder: Path) -> AttestationKey:
    """Return the key in `folder`/attest.key, made on first use and anew each year (file 0600).

    Public keys of all years stand in `folder`/attest-keys.json.
    """
    path = folder / "attest.key"
    if not path.exists() or clock.now_us() / 1_000_000 - path.stat().st_mtime > ROTATE_S:
        path.unlink(missing_ok=True)
        _create(path, Ed25519PrivateKey.generate().private_bytes_raw())
    key = AttestationKey(Ed25519PrivateKey.from_private_bytes(_read(path, path.stat().st_mtime_ns)))
    _remember(folder / "attest-keys.json", key)
    return key


def seal(folder: Path, secret: bytes, owner: str) -> bytes:
    """Return `secret` encrypted for the database; only for `owner` does it open again."""
    nonce = clock.random_bytes(12)
    return nonce + AESGCM(_sealing_key(folder)).encrypt(nonce, secret, owner.encode())


def unseal(folder: Path, sealed: bytes, owner: str) -> bytes:
    """Return what `seal` hid.

    Raises: Refusal UNAVAILABLE when the key file is another one, or the row was tampered with.
    """
    try:
        return AESGCM(_sealing_key(folder)).decrypt(sealed[:12], sealed[12:], owner.encode())
    except InvalidTag as error:
        raise Refusal(RefusalCode.UNAVAILABLE, detail="a sealed seed does not open") from error


def _sealing_key(folder: Path) -> bytes:
    path = folder / "factors.key"
    if not path.exists():
        _create(path, AESGCM.generate_key(256))
    return _read(path, path.stat().st_mtime_ns)


def _create(path: Path, secret: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{clock.token(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    # Linked, not renamed: of two processes that start together the first one's key stays.
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


@lru_cache(maxsize=8)
def _read(path: Path, stamp: int) -> bytes:  # noqa: ARG001  (a changed file is read again)
    return path.read_bytes()


@lru_cache(maxsize=8)
def _remember_once(path: Path, kid: str, public: str) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    if kid in known:
        return
    draft = path.with_name(f".{clock.token(8)}")
    draft.write_text(json.dumps({**known, kid: public}, indent=1))
    draft.replace(path)


def _remember(path: Path, key: AttestationKey) -> None:
    _remember_once(path, key.kid, key.public.hex())
