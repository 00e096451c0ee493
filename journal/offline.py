"""verify.py: proves an exported bundle without Lotkin, a network or any package.

    python verify.py BUNDLE.zip --key 'VERIFIER KEY OF THE LOG' [--witness 'VERIFIER KEY'] ...

Exit status 0: everything holds. 1: something does not; every line names the file it is about.
The keys must come to you by another way than the bundle. Without --key the bundle is only proved
against the keys in it, which says nothing about who made it.

What is proved: each file is as it was packed; the log's key history is endorsed link by link; the
checkpoint is signed by the log (and cosigned by the witnesses you name); each journal entry is in
the tree under the checkpoint; each disclosed body is the one its entry commits to; each signature's
payload is what its journal entry says was signed.
"""

import argparse
import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # of -1
Point = tuple[int, int, int, int]  # x, y, z, xy/z in extended coordinates
IDENTITY: Point = (0, 1, 1, 0)


class Wrong(Exception):  # noqa: N818  (what a file is)
    """A file does not hold."""


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the signature (RFC 8032) is good. Slow, some ms; needs nothing."""
    if len(signature) != 64:
        return False
    key, scalar = _point(public), int.from_bytes(signature[32:], "little")
    if key is None or scalar >= ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(hashed, "little") % ORDER
    minus = (P - key[0], key[1], 1, (P - key[0]) * key[1] % P)
    found = _add(_times(scalar, BASE), _times(challenge, minus))
    inverse = pow(found[2], -1, P)
    x, y = found[0] * inverse % P, found[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def _point(data: bytes) -> Point | None:
    if len(data) != 32:
        return None
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def _add(left: Point, right: Point) -> Point:
    a = (left[1] - left[0]) * (right[1] - right[0]) % P
    b = (left[1] + left[0]) * (right[1] + right[0]) % P
    c = 2 * left[3] * right[3] * D % P
    d = 2 * left[2] * right[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Point) -> Point:
    sum = IDENTITY
    while scalar:
        if scalar & 1:
            sum = _add(sum, point)
        point, scalar = _add(point, point), scalar >> 1
    return sum


_BASE = _point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
assert _BASE is not None
BASE: Point = _BASE


class Key:
    """A verifier key: name+hash+base64(kind, 32 bytes)."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.name, hash, data = (*self.text.split("+", 2), "", "")[:3]
        raw = unbase64(data)
        self.kind, self.public = raw[:1], raw[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        if len(raw) != 33 or self.id.hex() != hash:
            raise Wrong(f"{self.text[:60]!r} is not a verifier key")

    def verifies(self, text: str, signature: bytes) -> bool:
        """Return whether a note's signature, without the key's id, is this key's."""
        if self.kind == b"\x04":
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            text = f"cosignature/v1\ntime {time}\n{text}"
        return ed25519(self.public, text.encode(), signature)

    def signed(self, note: str) -> bool:
        """Return whether a note carries a good signature of this key."""
        text, _, lines = note.rpartition("\n\n")
        for line in lines.splitlines():
            dash, name, data = (*line.split(" "), "", "")[:3]
            raw = unbase64(data)
            if (dash, name, raw[:4]) == ("—", self.name, self.id):
                return self.verifies(text + "\n", raw[4:])
        return False


def unbase64(text: str) -> bytes:
    """Return the bytes of standard base64, or of the URL-safe one without padding."""
    try:
        plain = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError as error:
        raise Wrong(f"not base64: {text[:40]!r}") from error


def root_of(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that an RFC 6962 inclusion proof leads to. Raises: Wrong."""
    if not 0 <= index < size:
        raise Wrong(f"index {index} is not in a tree of {size}")
    hash, last = leaf, size - 1
    for sibling in proof:
        if last == 0:
            raise Wrong("the proof is too long")
        if index & 1 or index == last:
            hash = hashlib.sha256(b"\x01" + sibling + hash).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            hash = hashlib.sha256(b"\x01" + hash + sibling).digest()
        index, last = index >> 1, last >> 1
    if last:
        raise Wrong("the proof is too short")
    return hash


class Bundle:
    """An opened bundle; what is wrong is collected as `file: what`."""

    def __init__(self, path: str) -> None:
        with zipfile.ZipFile(path) as archive:
            # Not by the archive's own checks: a damaged file shall be named, not end it all.
            self.files = {each: self._read(archive, each) for each in archive.namelist()}
        self.wrong: list[str] = []

    @staticmethod
    def _read(archive: zipfile.ZipFile, name: str) -> bytes:
        try:
            return archive.read(name)
        except (zipfile.BadZipFile, OSError, ValueError):
            return b""

    def text(self, name: str) -> str:
        """Return a file. Raises: Wrong."""
        try:
            return self.files[name].decode()
        except (KeyError, UnicodeDecodeError) as error:
            raise Wrong("missing or not text") from error

    def below(self, folder: str) -> Iterator[str]:
        """Yield the names of the files in a folder."""
        yield from sorted(name for name in self.files if name.startswith(f"{folder}/"))

    def holds(self, name: str, check: Callable[[], None]) -> None:
        """Note against a file whatever its check finds."""
        try:
            check()
        except Wrong as wrong:
            self.wrong.append(f"{name}: {wrong}")
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            self.wrong.append(f"{name}: malformed ({type(error).__name__})")

    def check_packing(self) -> None:
        """Compare every file with the manifest, and the manifest with its own first line."""
        first, _, rest = self.files.get("manifest.json", b"").partition(b"\n")
        if first != b"sha256 " + hashlib.sha256(rest).hexdigest().encode():
            self.wrong.append("manifest.json: its first line is not its digest")
            return
        listed: dict[str, str] = json.loads(rest)["files"]
        for name in sorted(listed.keys() | self.files.keys() - {"manifest.json"}):
            digest = hashlib.sha256(self.files.get(name, b"")).hexdigest()
            if name not in self.files or name not in listed:
                self.wrong.append(f"{name}: missing, or not in the manifest")
            elif digest != listed[name]:
                self.wrong.append(f"{name}: not as it was packed")

    def log_keys(self) -> list[Key]:
        """Return the log's keys, oldest first. Raises: Wrong."""
        keys: list[Key] = []
        for line in self.text("keys.txt").splitlines():
            vkey, _, endorsement = line.partition(" ")
            key = Key(vkey)
            message = f"lotkin-journal-key/1\n{key.text}\n".encode()
            if keys and not ed25519(keys[-1].public, message, unbase64(endorsement)):
                raise Wrong(f"{key.text} is not endorsed by the key before it")
            keys.append(key)
        return keys

    def check(self, log: str | None, witnesses: Sequence[str]) -> None:
        """Check everything; what is wrong is in `wrong`."""
        self.check_packing()
        keys: list[Key] = []
        self.holds("keys.txt", lambda: keys.extend(self.log_keys()))
        if log is not None and Key(log).text not in {key.text for key in keys}:
            self.wrong.append("keys.txt: the key you trust is not in the log's history")
        self.holds("checkpoint.txt", lambda: self.check_checkpoint(keys, witnesses))
        for name in self.below("entries"):
            position = name.removeprefix("entries/").removesuffix(".json")
            proof = f"proofs/{position}.tlog-proof"
            self.holds(proof, lambda name=name, proof=proof: self.check_entry(name, proof))  # type: ignore[misc]
            body = f"bodies/{position}.json"
            if body in self.files:
                salt = f"salts/{position}.txt"
                self.holds(body, lambda n=name, b=body, s=salt: self.check_body(n, b, s))  # type: ignore[misc]
        for name in self.below("signatures"):
            self.holds(name, lambda name=name: self.check_signature(name))  # type: ignore[misc]

    def check_checkpoint(self, keys: Sequence[Key], witnesses: Sequence[str]) -> None:
        """Check who signed the checkpoint. Raises: Wrong."""
        note = self.text("checkpoint.txt")
        signers = [key for key in keys if key.signed(note)]
        if not signers or note.partition("\n")[0] != signers[-1].name:
            raise Wrong("no key of the log has signed it")
        for witness in witnesses:
            if not Key(witness).signed(note):
                raise Wrong(f"not cosigned by {witness.partition('+')[0]}")

    def check_entry(self, name: str, proof_name: str) -> None:
        """Check that an entry is in the tree of the checkpoint. Raises: Wrong."""
        head, _, note = self.text(proof_name).partition("\n\n")
        first, index, *hashes = head.split("\n")
        if first != "c2sp.org/tlog-proof@v1" or note != self.text("checkpoint.txt"):
            raise Wrong("not a proof under the bundle's checkpoint")
        _, size, root = note.splitlines()[:3]
        leaf = hashlib.sha256(b"\x00" + self.files[name]).digest()
        place = int(index.removeprefix("index "))
        found = root_of(leaf, place, int(size), [unbase64(each) for each in hashes])
        if name != f"entries/{place + 1}.json" or found != unbase64(root):
            raise Wrong(f"does not lead from {name} to the checkpoint's root")

    def check_body(self, entry: str, body: str, salt: str) -> None:
        """Check that a body is the one its entry commits to. Raises: Wrong."""
        told = json.loads(self.text(entry))["body"]
        digest = hashlib.sha256(unbase64(self.text(salt)) + self.files[body]).digest()
        if digest != unbase64(told):
            raise Wrong(f"not the body that {entry} commits to, with the salt in {salt}")

    def check_signature(self, name: str) -> None:
        """Check that a signature's payload is what its journal entry says was signed."""
        told: dict[str, Any] = json.loads(self.text(name))
        seal = told.pop("seal")
        if hashlib.sha256(b"\x01" + canonical(told)).digest() != unbase64(seal):
            raise Wrong("not as it was exported")
        payload = told["payload"].encode()
        digest = hashlib.sha256(b"lotkin-sign/1\x00" + payload).digest()
        if digest != unbase64(told["digest"]):
            raise Wrong("the digest is not that of the payload")
        signed = [json.loads(self.text(each)).get("sig") for each in self.below("entries")]
        if digest not in [unbase64(each) for each in signed if each]:
            raise Wrong("no journal entry of the bundle tells this signature")
        check_evidence(told["evidence"], digest)


def canonical(value: dict[str, Any]) -> bytes:
    """Return RFC 8785 of what holds neither fractions nor names beyond the basic plane."""
    told = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return told.encode()


def check_evidence(evidence: dict[str, Any], digest: bytes) -> None:
    """Check that the evidence is bound to the digest, as far as needs no other curve."""
    if evidence["factor"] == "PASSWORD_TOTP":
        message = b"lotkin-attest/1\x00" + digest + canonical(evidence["factors"])
        if not ed25519(unbase64(evidence["publicKey"]), message, unbase64(evidence["signature"])):
            raise Wrong("the service did not attest these factors for this payload")
    elif evidence["factor"] == "WEBAUTHN":
        client = json.loads(unbase64(evidence["clientDataJSON"]))
        if unbase64(client["challenge"]) != digest:
            raise Wrong("the signer's key answered another challenge")
    elif evidence["factor"] == "ID_TOKEN":
        claims = json.loads(unbase64(evidence["idToken"].split(".")[1]))
        if unbase64(claims["nonce"]) != digest:
            raise Wrong("the identity token answers another challenge")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a bundle, say what is wrong, return the exit status."""
    parser = argparse.ArgumentParser(description="Prove a Lotkin bundle, offline.")
    parser.add_argument("bundle")
    parser.add_argument("--key", help="verifier key of the log, as you learned it elsewhere")
    parser.add_argument("--witness", action="append", default=[], help="must have cosigned")
    told = parser.parse_args(arguments)
    try:
        bundle = Bundle(told.bundle)
        bundle.check(told.key, told.witness)
    except (Wrong, zipfile.BadZipFile, OSError) as error:
        sys.stdout.write(f"{told.bundle}: {error}\n")
        return 1
    # At once: who reads only the first line must not get a complaint about the others.
    sys.stdout.write("".join(f"WRONG {line}\n" for line in bundle.wrong))
    entries = sum(1 for _ in bundle.below("entries"))
    signatures = sum(1 for _ in bundle.below("signatures"))
    if not bundle.wrong:
        sys.stdout.write(f"OK {entries} entries and {signatures} signatures are proved\n")
        if told.key is None:
            sys.stdout.write("against the keys in the bundle itself; compare them (keys.txt)\n")
    return 1 if bundle.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
