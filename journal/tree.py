"""The Merkle tree of RFC 6962 over the journal: roots, growth, proofs and their verification.

Pure. A tree of any size is given by its complete subtrees: `Reader(level, index)` answers the root
of the complete subtree of 2^level leaves that starts at leaf index * 2^level.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

HASH = 32  # bytes
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256(b"").digest()

Reader = Callable[[int, int], bytes]
Node = tuple[int, int]  # (level, index)


class Growth(NamedTuple):
    """What leaves added to a tree: its new frontier, and the hashes each tile gets appended."""

    frontier: list[bytes]
    tiles: dict[Node, bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return sha256(b"\x01" + left + right).digest()


def grow(size: int, frontier: Sequence[bytes], leaves: Iterable[bytes]) -> Growth:
    """Add leaf hashes to a tree of `size` leaves whose complete subtrees are `frontier`."""
    stack = list(frontier)
    tiles: dict[Node, bytearray] = {}
    for place, leaf in enumerate(leaves, size):
        level, index, hash = 0, place, leaf
        while True:
            if level % TILE_HEIGHT == 0:
                tile = (level // TILE_HEIGHT, index >> TILE_HEIGHT)
                tiles.setdefault(tile, bytearray()).extend(hash)
            if not index & 1:
                break
            hash = sha256(b"\x01" + stack.pop() + hash).digest()
            level, index = level + 1, index >> 1
        stack.append(hash)
    return Growth(stack, {tile: bytes(hashes) for tile, hashes in tiles.items()})


def root(frontier: Sequence[bytes]) -> bytes:
    """Return the root of the tree whose complete subtrees are `frontier`, largest first."""
    if not frontier:
        return EMPTY_ROOT
    hash = frontier[-1]
    for left in reversed(frontier[:-1]):
        hash = node_hash(left, hash)
    return hash


def split(begin: int, end: int) -> list[Node]:
    """Return the complete subtrees that make up the leaves [begin, end), left to right.

    Of a range as it stands in a tree: `begin` is a multiple of a power of two >= end - begin.
    """
    nodes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes


def root_at(size: int, read: Reader) -> bytes:
    """Return the root that a tree had at `size`."""
    return root([read(*node) for node in split(0, size)])


def inclusion(index: int, size: int, read: Reader) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size`; 0 <= index < size."""
    assert 0 <= index < size
    begin, end, proof = 0, size, []
    while end - begin > 1:
        middle = begin + _left(end - begin)
        if index < middle:
            proof.append(_range_root(middle, end, read))
            end = middle
        else:
            proof.append(_range_root(begin, middle, read))
            begin = middle
    return proof[::-1]


def consistency(old: int, new: int, read: Reader) -> list[bytes]:
    """Return the proof that the tree of `new` extends that of `old`; 0 <= old <= new."""
    assert 0 <= old <= new
    if old in {0, new}:
        return []
    begin, end, whole, proof = 0, new, True, []
    while end != old:
        middle = begin + _left(end - begin)
        if old <= middle:
            proof.append(_range_root(middle, end, read))
            end = middle
        else:
            proof.append(_range_root(begin, middle, read))
            begin, whole = middle, False
    if not whole:
        proof.append(_range_root(begin, end, read))
    return proof[::-1]


def _left(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def _range_root(begin: int, end: int, read: Reader) -> bytes:
    return root([read(*node) for node in split(begin, end)])


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether `proof` shows leaf hash `leaf` at `index` of the tree (size, root)."""
    if not 0 <= index < size or any(len(each) != HASH for each in (leaf, *proof)):
        return False
    hash, last = leaf, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            hash = node_hash(sibling, hash)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            hash = node_hash(hash, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and hash == root


def extends(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether `proof` shows that tree (new, new_root) extends (old, old_root).

    From size 0 nothing can be proved: any tree extends the empty one, so the answer is False.
    """
    if not 0 < old <= new or any(len(each) != HASH for each in proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    index, last = old - 1, new - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root
