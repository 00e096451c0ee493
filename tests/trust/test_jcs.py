"""Canonical JSON: the public vectors, and a second implementation written from RFC 8785."""

import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from lotkin.auth.challenge import INTEGER_MAX, canonical
from tests.shared_data import shared_data

INPUTS = sorted(shared_data("vectors", "jcs", "input").iterdir())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)
def test_a_public_vector_has_its_canonical_bytes(path: Path) -> None:
    wanted = (path.parents[1] / "output" / path.name).read_bytes()
    assert rfc8785.dumps(json.loads(path.read_bytes())) == wanted


def test_there_are_six_vectors() -> None:
    assert len(INPUTS) == 6


def second(value: object) -> str:
    """Canonical JSON of what may be signed, by the letter of RFC 8785 sections 3.2.2 and 3.2.3."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(map(_escaped, value)) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(second, value)) + "]"
    assert isinstance(value, dict)
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(f"{second(key)}:{second(value[key])}" for key in keys) + "}"


_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _escaped(char: str) -> str:
    return _SHORT.get(char) or (f"\\u{ord(char):04x}" if char < " " else char)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXT, VALUES, max_size=6))
def test_two_implementations_agree_on_every_byte(value: dict[str, object]) -> None:
    assert canonical(value) == second(value).encode()


@pytest.mark.parametrize("value", [1.5, 2**53, -(2**53), b"x", {1: 2}])
def test_what_has_no_one_spelling_is_not_signed(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"value": value})
