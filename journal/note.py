"""C2SP signed notes: a text, and who signed it. Ed25519 (0x01) and witness cosignature/v1 (0x04).

Pure. A verifier key is `name+hash+base64(type || public key)`, a signer key
`PRIVATE+KEY+name+hash+base64(type || seed)`, as in golang.org/x/mod/sumdb/note.
"""

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

ED25519, COSIGNATURE = 0x01, 0x04
SIGNATURES_MAX = 64  # of one note that we read
_NAME = re.compile(r"[^\s+]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_PRIVATE = "PRIVATE+KEY+"


class BadNote(ValueError):  # noqa: N818  (named as callers report it)
    """A text that is no note, key or signature of the expected form."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Who may have signed: name, kind of signature, 32 bytes of public key."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that name the key in a signature line."""
        return key_id(self.name, self.kind, self.public)

    def __str__(self) -> str:
        """Return the key as text, to be handed to whoever verifies."""
        data = b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{data}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Return the key of its text. Raises: BadNote."""
        name, _, rest = text.strip().partition("+")
        hash, _, data = rest.partition("+")
        kind, public = _key_data(data)
        key = cls(name, kind, public)
        if not _NAME.fullmatch(name) or key.id.hex() != hash:
            raise BadNote("not a verifier key")
        return key

    def verifies(self, text: str, signature: bytes) -> bool:
        """Return whether `signature` (without the key's id) is this key's over the note text."""
        message = text.encode()
        if self.kind == COSIGNATURE:
            if len(signature) != 72:
                return False
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = _cosigned(text, time)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A private key with its name."""

    name: str
    kind: int
    private: Ed25519PrivateKey

    @classmethod
    def make(cls, name: str, kind: int, seed: bytes) -> "SignerKey":
        """Return the key of a 32-byte seed. Raises: BadNote for a name that no note can carry."""
        if not _NAME.fullmatch(name):
            raise BadNote("a key's name has neither spaces nor plus signs")
        return cls(name, kind, Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def parse(cls, text: str) -> "SignerKey":
        """Return the key of its text. Raises: BadNote."""
        name, _, rest = text.strip().removeprefix(_PRIVATE).partition("+")
        hash, _, data = rest.partition("+")
        kind, seed = _key_data(data)
        key = cls.make(name, kind, seed)
        if not text.startswith(_PRIVATE) or key.verifier.id.hex() != hash:
            raise BadNote("not a signer key")
        return key

    def __str__(self) -> str:
        """Return the secret as text, for its file."""
        data = b64encode(bytes([self.kind]) + self.private.private_bytes_raw()).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.id.hex()}+{data}"

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.kind, self.private.public_key().public_bytes_raw())

    def line(self, text: str, *, time: int = 0) -> str:
        """Return the signature line over a note text; time: Unix seconds, of a cosignature."""
        if self.kind == COSIGNATURE:
            stamp = time.to_bytes(8, "big")
            signature = stamp + self.private.sign(_cosigned(text, time))
        else:
            signature = self.private.sign(text.encode())
        return f"— {self.name} {b64encode(self.verifier.id + signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note."""

    name: str
    id: bytes
    bytes: bytes
    line: str


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Return the four bytes that name a key."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def read(note: str) -> tuple[str, list[Signature]]:
    """Return the text (with its last newline) and the signatures. Raises: BadNote."""
    place = note.rfind("\n\n")
    if place < 0 or _CONTROL.search(note) or not note.endswith("\n"):
        raise BadNote("not a signed note")
    text, lines = note[: place + 1], note[place + 2 :].splitlines(keepends=True)
    if not 0 < len(lines) <= SIGNATURES_MAX:
        raise BadNote("not a signed note")
    return text, [signature(line) for line in lines]


def signature(line: str) -> Signature:
    """Return the signature of a line. Raises: BadNote."""
    dash, _, rest = line.removesuffix("\n").partition(" ")
    name, _, data = rest.partition(" ")
    raw = _base64(data)
    if dash != "—" or not _NAME.fullmatch(name) or len(raw) < 5:
        raise BadNote("not a signature line")
    return Signature(name, raw[:4], raw[4:], line)


def signed_by(note: str, key: VerifierKey) -> bool:
    """Return whether the note carries a good signature of `key` and no bad one. Raises: BadNote."""
    text, signatures = read(note)
    found = [each for each in signatures if (each.name, each.id) == (key.name, key.id)]
    return bool(found) and all(key.verifies(text, each.bytes) for each in found)


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _key_data(data: str) -> tuple[int, bytes]:
    raw = _base64(data)
    if len(raw) != 33 or raw[0] not in {ED25519, COSIGNATURE}:
        raise BadNote("not an Ed25519 key")
    return raw[0], raw[1:]


def _base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadNote("not base64") from error
