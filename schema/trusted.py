"""Trusted documents: operations known by their SHA-256, listed in a signed manifest.

`documents/manifest.json` lists the documents with an Ed25519 signature over its canonical JSON;
the public key stands beside it. The files are part of the repository, so that a document is
added by a reviewed commit and by somebody who holds the key. A manifest that does not verify
stops the service from starting.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lotkin.errors import Refusal, RefusalCode

FOLDER = Path(__file__).parent / "documents"
VERSION = "lotkin-trusted/1"
PREFIX = "sha256:"


def digest(document: str) -> str:
    """Return the id of a document: its SHA-256 in hexadecimal."""
    return hashlib.sha256(document.encode()).hexdigest()


@cache
def documents(folder: Path = FOLDER) -> Mapping[str, str]:
    """Return the listed documents by id.

    Raises: Refusal UNAVAILABLE where the manifest, its signature or a document does not verify.
    """
    try:
        signed = json.loads((folder / "manifest.json").read_bytes())
        key = Ed25519PublicKey.from_public_bytes(_bytes(folder / "manifest.pub"))
        key.verify(base64.b64decode(signed["signature"]), signed_bytes(signed))
    except (OSError, ValueError, KeyError, InvalidSignature) as error:
        raise _broken("the manifest's signature") from error
    found = {}
    for id, name in signed["documents"].items():
        text = (folder / name).read_text(encoding="utf-8").removesuffix("\n")
        if digest(text) != id:
            raise _broken(name)
        found[id] = text
    return found


def document_of(document_id: str) -> str:
    """Return the document of an id, with or without its `sha256:`.

    Raises: Refusal UNTRUSTED_DOCUMENT for an id that is not listed.
    """
    found = documents().get(document_id.removeprefix(PREFIX).lower())
    if found is None:
        raise Refusal(RefusalCode.UNTRUSTED_DOCUMENT)
    return found


def signed_bytes(manifest: Mapping[str, Any]) -> bytes:
    """Return the bytes of a manifest that its signature is over."""
    return rfc8785.dumps({"v": VERSION, "documents": manifest["documents"]})


def sign(folder: Path, key: Ed25519PrivateKey) -> int:
    """Write the manifest of all `*.graphql` of `folder`; return how many there are."""
    listed = {
        digest(path.read_text(encoding="utf-8").removesuffix("\n")): path.name
        for path in sorted(folder.glob("*.graphql"))
    }
    manifest: dict[str, Any] = {"v": VERSION, "documents": listed}
    signature = base64.b64encode(key.sign(signed_bytes(manifest))).decode()
    text = json.dumps(manifest | {"signature": signature}, indent=2, sort_keys=True)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    (folder / "manifest.pub").write_text(public + "\n", encoding="utf-8")
    documents.cache_clear()
    return len(listed)


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key of a file (32 bytes, mode 0600), made on first use."""
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made.private_bytes_raw())
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


def _bytes(path: Path) -> bytes:
    return base64.b64decode(path.read_text(encoding="ascii"), validate=False)


def _broken(what: str) -> Refusal:
    return Refusal(RefusalCode.UNAVAILABLE, detail=f"trusted documents: {what} does not verify")
