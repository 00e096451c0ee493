"""Versions below which something has been mended since are in no lock file.

Whether anything else is known against the locked versions, only an advisory service can tell:
`pip-audit -r requirements.lock` asks one, where there is a network.
"""

import re
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {
    "strawberry-graphql": "0.341.2",
    "graphql-core": "3.3.2",
    "starlette": "1.3.0",
    "authlib": "1.9.8",
    "joserfc": "1.7.4",
    "webauthn": "3.0.1",
    "cryptography": "50.0.2",
    "rfc8785": "0.1.4",
    "argon2-cffi": "25.1.0",
    "pyotp": "2.12.0",
    "sqlalchemy": "2.1.9",
    "psycopg": "3.3.9",
    "neo4j": "6.4.1",
}
FLOORS_IF_THERE = {"python-multipart": "0.0.27", "rfc3161-client": "1.0.9"}
# Each was left out for a reason: another licence, or faults that keep coming.
AVOIDED = {"pymerkle", "pyjwt", "python-jose", "pydpop"}


def locked(name: str) -> dict[str, Version]:
    text = (ROOT / name).read_text()
    found = re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)", text, re.MULTILINE)
    return {package: Version(version) for package, version in found}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements.serve.lock"])
def test_what_is_locked_is_not_below_its_floor(lock: str) -> None:
    versions = locked(lock)
    below = {
        name: str(versions[name])
        for name, floor in (FLOORS | FLOORS_IF_THERE).items()
        if name in versions and versions[name] < Version(floor)
    }
    assert below == {}
    assert FLOORS.keys() <= versions.keys()


def test_graphql_core_is_pinned_exactly() -> None:
    assert "graphql-core==3.3.2" in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements.serve.lock"])
def test_nothing_we_avoid_comes_along(lock: str) -> None:
    assert AVOIDED & locked(lock).keys() == set()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements.serve.lock"])
def test_every_package_is_locked_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    assert [each[:40] for each in entries if each.strip() and "--hash=sha256:" not in each] == []
