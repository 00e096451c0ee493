"""Public keys of token issuers: from a file, or fetched from the provider and kept.

A provider that does not answer costs nothing while its keys are known: the last ones stay good
until it answers again. A key id nobody has heard of makes us ask again, at most once a minute,
so that a rotation is followed at once and a flood of made-up ids is not passed on.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from lotkin import clock
from lotkin.errors import Refusal, RefusalCode

_log = structlog.get_logger(__name__)

ALGORITHMS = {"ES256": ECKey, "EdDSA": OKPKey, "PS256": RSAKey}
RSA_BITS_MIN = 2048
TTL_S = 600.0  # a key taken out by its issuer stops working here after this
ASK_AGAIN_S = 60.0  # at most this often for unknown key ids, and while the provider is away
FETCH_TIMEOUT_S = 5.0
FETCH_BYTES_MAX = 256 * 1024  # key sets have a few KB


class Keys(Protocol):
    """The keys of one issuer."""

    def get(self, kid: object) -> Key | None:
        """Return the key known under `kid`, None for none; never waits."""

    async def ready(self, kid: object) -> None:
        """Bring the known keys up to date as far as `kid` needs it.

        Raises: Refusal UNAVAILABLE while no keys were ever known and none can be had.
        """


class FileKeys:
    """Public keys of a JWKS file by kid, read again when it changes; no file, no keys."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, Key] = {}

    def get(self, kid: object) -> Key | None:
        """Return the key under `kid`.

        Raises: Refusal UNAVAILABLE when the file is not a key set.
        """
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp != self._stamp:
            self._keys = read_keys(self._path)
            self._stamp = stamp
        return self._keys.get(kid) if isinstance(kid, str) else None

    async def ready(self, kid: object) -> None:
        """Do nothing: the file is looked at each time."""


class RemoteKeys:
    """Public keys of a provider, found by its metadata or at a fixed address."""

    def __init__(
        self,
        issuer: str,
        *,
        discovery_url: str | None = None,
        jwks_url: str | None = None,
        ttl_s: float = TTL_S,
        ask_again_s: float = ASK_AGAIN_S,
    ) -> None:
        assert discovery_url or jwks_url
        self._issuer = issuer
        self._discovery_url = discovery_url
        self._jwks_url = jwks_url
        self._ttl_s = ttl_s
        self._ask_again_s = ask_again_s
        self._keys: dict[str, Key] | None = None
        self._fetched = self._asked = float("-inf")
        self._lock = asyncio.Lock()

    def get(self, kid: object) -> Key | None:
        """Return the key known under `kid`."""
        return (self._keys or {}).get(kid) if isinstance(kid, str) else None

    async def ready(self, kid: object) -> None:
        """Ask the provider when the keys are old or `kid` is not among them, but not too often.

        Raises: Refusal UNAVAILABLE while the provider never answered.
        """
        if self._should_ask(kid):
            async with self._lock:  # one question for all who wait
                if self._should_ask(kid):
                    await self._ask()
        if self._keys is None:
            raise Refusal(RefusalCode.UNAVAILABLE, detail=f"no keys of {self._issuer} yet")

    def _should_ask(self, kid: object) -> bool:
        now = clock.elapsed()
        is_old = now - self._fetched > self._ttl_s
        # While there are no keys at all a new try each second is worth its cost.
        pause = 1.0 if self._keys is None else self._ask_again_s
        return (is_old or self.get(kid) is None) and now - self._asked > pause

    async def _ask(self) -> None:
        self._asked = clock.elapsed()
        try:
            async with httpx.AsyncClient(timeout=FETCH_TIMEOUT_S) as client:
                address = self._jwks_url or await self._discovered(client)
                self._keys = usable_keys(await _fetched(client, address))
            self._fetched = clock.elapsed()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, JoseError) as e:
            # The keys known so far stay good: an outage of the provider is none of ours.
            _log.warning("issuer_keys_not_fetched", issuer=self._issuer, reason=repr(e)[:200])

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        assert self._discovery_url is not None
        metadata = await _fetched(client, self._discovery_url)
        # RFC 8414 3.3: metadata of another issuer must not be used.
        if metadata.get("issuer") != self._issuer:
            raise ValueError("the metadata names another issuer")
        address = str(metadata["jwks_uri"])
        if self._discovery_url.startswith("https:") and not address.startswith("https:"):
            raise ValueError("the metadata leads away from TLS")
        return address


async def _fetched(client: httpx.AsyncClient, address: str) -> Mapping[str, Any]:
    async with client.stream("GET", address, headers={"accept": "application/json"}) as response:
        if response.status_code != 200:  # redirects are not followed: the address is configured
            raise ValueError(f"status {response.status_code}")
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > FETCH_BYTES_MAX:
                raise ValueError("longer than any key set")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004  (told like every other flaw of it)
    return found


def read_keys(path: Path) -> dict[str, Key]:
    """Return the usable signature keys of a JWKS file by kid; others are left out.

    Raises: Refusal UNAVAILABLE when the file is not a key set.
    """
    try:
        return usable_keys(json.loads(path.read_bytes()))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refusal(RefusalCode.UNAVAILABLE, detail=f"{path} is not a JWKS") from error


def usable_keys(key_set: Mapping[str, Any]) -> dict[str, Key]:
    """Return the signature keys of a JWKS that our algorithms can use, by kid.

    One key of a kind unknown here does not spoil the set. Raises: KeyError or TypeError when
    `key_set` is no JWKS at all.
    """
    made = (_key(each) for each in _list(key_set["keys"]))
    return {key.kid: key for key in made if key is not None and key.kid and _usable(key)}


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError("`keys` is not a list")
    return value


def _key(declared: Any) -> Key | None:
    try:
        (key,) = KeySet.import_key_set({"keys": [declared]}).keys
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return key


def _usable(key: Key) -> bool:
    declared = key.as_dict(private=False)
    if declared.get("use", "sig") != "sig" or declared.get("alg") not in {None, *ALGORITHMS}:
        return False
    if isinstance(key, ECKey):
        return bool(key.curve_name == "P-256")
    if isinstance(key, OKPKey):
        return bool(key.curve_name == "Ed25519")
    return isinstance(key, RSAKey) and key.raw_value.key_size >= RSA_BITS_MIN
