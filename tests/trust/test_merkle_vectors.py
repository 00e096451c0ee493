"""The tree against public vectors, and against the definition of RFC 6962 itself."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotkin.journal import tree
from tests.shared_data import shared_data

MERKLE = shared_data("vectors/merkle")
FILES = sorted(MERKLE.rglob("*.json"))


def decoded(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def judged(kind: str, probe: dict[str, Any]) -> bool:
    proof = [decoded(each) for each in probe["proof"] or []]
    if kind == "inclusion":
        leaf, root = decoded(probe["leafHash"]), decoded(probe["root"])
        return tree.includes(leaf, probe["leafIdx"], probe["treeSize"], proof, root)
    roots = decoded(probe["root1"]), decoded(probe["root2"])
    return tree.extends(probe["size1"], roots[0], probe["size2"], roots[1], proof)


def test_every_public_probe_is_judged_as_its_authors_want() -> None:
    wrong = []
    for path in FILES:
        probe = json.loads(path.read_text())
        if judged(path.relative_to(MERKLE).parts[0], probe) == probe["wantErr"]:
            wrong.append(str(path.relative_to(MERKLE)))
    print(f"{len(FILES) - len(wrong)}/{len(FILES)} probes")
    assert len(FILES) == 196
    assert wrong == []


def reference(leaves: list[bytes]) -> bytes:
    """The definition, word for word."""
    if not leaves:
        return tree.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return tree.node_hash(reference(leaves[:half]), reference(leaves[half:]))


def reader(leaves: list[bytes]) -> tree.Reader:
    def read(level: int, index: int) -> bytes:
        begin = index << level
        assert begin + (1 << level) <= len(leaves), "not a complete subtree"
        return reference(leaves[begin : begin + (1 << level)])

    return read


def leaves_of(size: int) -> list[bytes]:
    return [tree.leaf_hash(b"%d" % number) for number in range(size)]


@given(st.integers(0, 70), st.data())
def test_proofs_of_any_tree_verify_and_fit_no_other_place(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    root = reference(leaves)
    assert tree.root_at(size, reader(leaves)) == root
    old = data.draw(st.integers(0, size))
    proof = tree.consistency(old, size, reader(leaves))
    assert tree.extends(old, reference(leaves[:old]), size, root, proof) == (old > 0)
    for index in range(size):
        proof = tree.inclusion(index, size, reader(leaves))
        assert tree.includes(leaves[index], index, size, proof, root)
        assert not tree.includes(leaves[index], index ^ 1, size, proof, root)


@given(st.lists(st.integers(0, 600), max_size=6))
def test_a_tree_grown_in_steps_is_the_tree_of_all_leaves(steps: list[int]) -> None:
    leaves = leaves_of(sum(steps))
    size, frontier, tiles = 0, [], {}
    for step in steps:
        growth = tree.grow(size, frontier, leaves[size : size + step])
        frontier, size = growth.frontier, size + step
        for tile, hashes in growth.tiles.items():
            tiles[tile] = tiles.get(tile, b"") + hashes
    assert tree.root(frontier) == reference(leaves)
    assert len(frontier) == size.bit_count()
    below = b"".join(tiles[0, index] for index in range((size + 255) // 256))
    assert below == b"".join(leaves)
    for index in range(size // 256):
        above = tiles[1, index // 256][index % 256 * 32 :][:32]
        assert above == reference(leaves[index * 256 : (index + 1) * 256])


@pytest.mark.parametrize("proof", [[], [b"\x00" * 32]])
def test_growth_from_nothing_proves_nothing(proof: list[bytes]) -> None:
    assert not tree.extends(0, tree.EMPTY_ROOT, 1, b"\x01" * 32, proof)
