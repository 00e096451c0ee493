"""A software authenticator: a P-256 key that answers WebAuthn options as a browser would.

    python tests/trust/authenticator.py create ada.key < options.json
    python tests/trust/authenticator.py get ada.key < options.json

For trials only: a real key never leaves its device.
"""

import argparse
import base64
import hashlib
import json
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """The bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(slots=True)
class Authenticator:
    """One key of one person; `count` rises with each answer."""

    origin: str = "http://127.0.0.1:8000"
    rp_id: str = "localhost"
    count: int = 0
    verifies_user: bool = True
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def id(self) -> bytes:
        """The credential id, made of the key."""
        public = self.key.public_key().public_numbers()
        return hashlib.sha256(public.x.to_bytes(32, "big")).digest()

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        public = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big")}
        cose[-3] = public.y.to_bytes(32, "big")
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(cose)
        data = self._data(0x40) + attested
        told = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._credential(attestationObject=b64(told), clientDataJSON=b64(client))

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.get`."""
        self.count += 1
        data, client = self._data(0), self._client("webauthn.get", options["challenge"])
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            authenticatorData=b64(data), clientDataJSON=b64(client), signature=b64(signed)
        )

    def _data(self, flags: int) -> bytes:
        flags |= 0x05 if self.verifies_user else 0x01  # user present, user verified
        rp = hashlib.sha256(self.rp_id.encode()).digest()
        return rp + bytes([flags]) + struct.pack(">I", self.count)

    def _client(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _credential(self, **response: str) -> dict[str, Any]:
        return {
            "id": b64(self.id),
            "rawId": b64(self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }


def _main() -> None:
    """Answer the options on standard input with the key in a file, made on first use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["create", "get"])
    parser.add_argument("file", type=Path, help="where the key is kept")
    parser.add_argument("--origin", default="http://127.0.0.1:8000")
    given = parser.parse_args()
    one = Authenticator(origin=given.origin)
    if given.file.exists():
        kept = json.loads(given.file.read_text())
        key = serialization.load_pem_private_key(kept["key"].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        one.key, one.count = key, kept["count"]
    answer = getattr(one, given.what)(json.load(sys.stdin))
    pem = one.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    given.file.write_text(json.dumps({"key": pem.decode(), "count": one.count}))
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
