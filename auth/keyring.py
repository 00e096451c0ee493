"""The built-in server's signing keys: files under the state folder, never in the database.

The newest key signs; a replaced one stays published until every token it signed has ended, so
that a rotation is noticed by nobody. Other processes see a rotation at their next token.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, KeySet

from lotkin import clock
from lotkin.auth.issuers import server_jwks_path
from lotkin.process import exclusive
from lotkin.settings import Settings

OVERLAP_S = 3600  # longest token, the skew, and what others keep of our key set
LOCK_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """One key; until: Unix seconds from which it is no longer published, None while it signs."""

    key: ECKey
    until: int | None


class Keyring:
    """The keys of one state folder."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.state_dir / "auth-server.keys.json"
        self._public = server_jwks_path(settings)
        self._stamp: tuple[int, int] | None = None
        self._entries: list[_Entry] = []

    def signing_key(self) -> ECKey:
        """Return the key to sign with (ES256); the first one is made on first use, file 0600."""
        self._load()
        if any(_is_over(each) for each in self._entries):
            self._change(lambda entries: entries)
        return self._entries[-1].key

    def published(self) -> dict[str, Any]:
        """Return the JWKS: the signing key and those whose tokens may still be in use."""
        self.signing_key()
        keys = [each.key for each in self._entries if not _is_over(each)]
        return dict(KeySet(keys).as_dict(private=False))  # type: ignore[arg-type]

    def rotate(self, *, overlap_s: int = OVERLAP_S) -> str:
        """Sign with a new key from now on and return its id; others stay for `overlap_s`.

        overlap_s: 0 when a key was stolen, at the price of everybody signing in again.
        """
        until = _now() + overlap_s

        def replaced(entries: list[_Entry]) -> list[_Entry]:
            old = [_Entry(each.key, min(each.until or until, until)) for each in entries]
            return [*old, _Entry(_new_key(), None)]

        self._load()
        self._change(replaced)
        kid = self._entries[-1].key.kid
        assert kid is not None
        return kid

    def _load(self) -> None:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._change(lambda entries: entries or [_Entry(_new_key(), None)])
            return
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp != self._stamp:
            self._entries = _read(self._path)
            self._stamp = stamp

    def _change(self, change: Any) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = self._path.with_suffix(".lock")
        with exclusive(lock, timeout_s=LOCK_TIMEOUT_S, busy="The keys are being changed"):
            found = _read(self._path) if self._path.exists() else []
            self._entries = [each for each in change(found) if not _is_over(each)]
            keys = KeySet([each.key for each in self._entries])
            # Published first: nobody may meet a token whose key is nowhere to be found.
            _write(self._public, json.dumps(keys.as_dict(private=False)), 0o644)
            told = [
                {"jwk": each.key.as_dict(private=True), "until": each.until}
                for each in self._entries
            ]
            _write(self._path, json.dumps({"keys": told}), 0o600)
            stat = self._path.stat()
            self._stamp = (stat.st_mtime_ns, stat.st_size)


def _read(path: Path) -> list[_Entry]:
    told = json.loads(path.read_bytes())["keys"]
    return [_Entry(ECKey.import_key(each["jwk"]), each["until"]) for each in told]


def _write(path: Path, content: str, mode: int) -> None:
    draft = path.with_name(f".{clock.token(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(content)
    draft.replace(path)


def _new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


def _is_over(entry: _Entry) -> bool:
    return entry.until is not None and entry.until <= _now()


def _now() -> int:
    return clock.now_us() // 1_000_000
