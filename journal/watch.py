"""A witness: keeps the last checkpoints it saw, and signs only what extends them.

It holds its own key and file and needs nothing of the log but its public key. Rotated log keys
are taken over when the key it knows has endorsed them.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lotkin.journal import note, tree
from lotkin.journal.checkpoint import Checkpoint, Key, endorsed, opened
from lotkin.journal.note import BadNote, SignerKey, VerifierKey

SEEN_MAX = 1_000  # notes kept; the newest alone decides, the others help to tell when it went wrong


class WitnessRefused(Exception):  # noqa: N818  (named as the witness reports it)
    """What the log shows does not extend what it has shown before. Nothing was signed."""


@dataclass(slots=True)
class Watched:
    """A witness's memory: the log's key, and notes of checkpoints, oldest first."""

    log: str
    seen: list[str] = field(default_factory=list)

    @property
    def last(self) -> Checkpoint | None:
        """The newest checkpoint it signed."""
        return Checkpoint.parse(note.read(self.seen[-1])[0]) if self.seen else None

    def sizes(self) -> list[int]:
        """Return the sizes of the checkpoints it has seen."""
        return [Checkpoint.parse(note.read(told)[0]).size for told in self.seen]

    @classmethod
    def load(cls, path: Path) -> "Watched":
        """Return the memory in a file. Raises: BadNote for another file, OSError for none."""
        try:
            told = orjson.loads(path.read_bytes())
            return cls(told["log"], list(told["seen"]))
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise BadNote(f"{path} is no witness file") from error

    def save(self, path: Path) -> None:
        """Write the memory, whole or not at all."""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with draft.open("wb") as file:
            told = {"log": self.log, "seen": self.seen[-SEEN_MAX:]}
            file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def cosign(
    watched: Watched,
    told: str,
    prove: Callable[[int, int], Sequence[bytes]],
    key: SignerKey,
    *,
    time: int,
) -> str | None:
    """Return the witness's line for a checkpoint, remembered in `watched`; None for the last again.

    prove: the log's consistency proof from one size to another. The caller saves `watched` before
    it hands the line out. Raises: WitnessRefused.
    """
    try:
        found = opened(told, VerifierKey.parse(watched.log))
    except BadNote as error:
        raise WitnessRefused(str(error)) from error
    last = watched.last
    if last is not None:
        if found.size < last.size:
            raise WitnessRefused(f"the log went back from {last.size} entries to {found.size}")
        if found == last:
            return None
        proof = prove(last.size, found.size)
        if not tree.extends(last.size, last.root, found.size, found.root, proof):
            raise WitnessRefused(f"the log's {found.size} entries do not extend {last.size}")
    watched.seen.append(note.read(told)[0] + "\n" + "".join(_log_lines(told, watched.log)))
    return key.line(found.text(), time=time)


def _log_lines(told: str, log: str) -> list[str]:
    key = VerifierKey.parse(log)
    return [each.line for each in note.read(told)[1] if (each.name, each.id) == (key.name, key.id)]


def follow(watched: Watched, keys: Sequence[Key]) -> None:
    """Take over newer keys of the log, each endorsed by the one before it.

    Raises: WitnessRefused when the known key is not of the history, or one is not endorsed.
    """
    numbers = [place for place, key in enumerate(keys) if key.vkey == watched.log]
    if not numbers:
        raise WitnessRefused("the log no longer shows the key that this witness knows")
    for key in keys[numbers[0] + 1 :]:
        known = VerifierKey.parse(watched.log)
        try:
            public = Ed25519PublicKey.from_public_bytes(known.public)
            public.verify(key.endorsement or b"", endorsed(key.vkey))
        except InvalidSignature as error:
            raise WitnessRefused(f"key {key.number} is not endorsed") from error
        watched.log = key.vkey
