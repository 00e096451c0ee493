"""A small identity provider as a process of its own: its keys and metadata over HTTP.

`python -m tests.access.provider FOLDER PORT` serves the files of FOLDER as they are at each
request, and notes every request in FOLDER/requests.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
from joserfc.jwk import ECKey, KeySet

from tests.access.forgeries import sign


class _Handler(BaseHTTPRequestHandler):
    folder: Path

    def do_GET(self) -> None:
        with (self.folder / "requests").open("a") as notes:
            notes.write(self.path + "\n")
        file = self.folder / self.path.strip("/").replace("/", "_")
        body = file.read_bytes() if file.exists() else b""
        self.send_response(200 if file.exists() else 404)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


@dataclass
class Provider:
    """One provider: who it is, its keys, and its process."""

    folder: Path
    port: int
    keys: list[ECKey] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/realms/plant"

    @property
    def discovery_url(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"

    def rotate(self, *, keep: bool = True) -> ECKey:
        """Publish a new key, beside or instead of the old ones."""
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        self.keys = [*(self.keys if keep else []), key]
        told = KeySet(list(self.keys)).as_dict(private=False)
        # Providers list keys for other ends too, some of kinds nobody here has heard of.
        told["keys"] += [{"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AA"}]
        self._write("realms_plant_certs", told)
        return key

    def describe(self, **changes: str) -> None:
        """Publish metadata."""
        told = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/certs"}
        self._write("realms_plant_.well-known_openid-configuration", told | changes)

    def start(self) -> None:
        """Run the process; returns once it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.access.provider", str(self.folder), str(self.port)],
            cwd=Path(__file__).parents[2],
        )
        for _ in range(200):
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/started")
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the provider did not start")

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def asked(self, path: str = "certs") -> int:
        """Return how often a path was asked for."""
        return (self.folder / "requests").read_text().split().count(f"/realms/plant/{path}")

    def token(self, key: ECKey | None = None, **claims: Any) -> str:
        """Return a token as such a provider writes it."""
        now = int(time.time())
        told = {
            "iss": self.issuer, "aud": "lotkin", "sub": "f1d2", "azp": "mes", "iat": now,
            "exp": now + 300, "jti": f"{time.time_ns()}", "preferred_username": "chen",
            "realm_access": {"roles": ["plant-quality", "offline_access", "auditor"]},
        }  # fmt: skip
        key = key or self.keys[-1]
        return sign({"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, told | claims, key)

    def _write(self, name: str, content: object) -> None:
        draft = self.folder / "draft"
        draft.write_text(json.dumps(content))
        draft.replace(self.folder / name)


def main() -> None:
    """Serve until ended."""
    _Handler.folder = Path(sys.argv[1])
    HTTPServer(("127.0.0.1", int(sys.argv[2])), _Handler).serve_forever()


if __name__ == "__main__":
    main()
