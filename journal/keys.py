"""Where keys lie: one text file each, outside the database, readable by their owner alone."""

import os
from pathlib import Path

from lotkin.clock import random_bytes
from lotkin.journal.note import SignerKey


def load_or_make(path: Path, name: str, kind: int) -> SignerKey:
    """Return the key in the file; make the file (mode 0600) with a new key if there is none.

    Raises: BadNote when the file holds something else.
    """
    if not path.exists():
        store(path, SignerKey.make(name, kind, random_bytes(32)))
    return SignerKey.parse(path.read_text(encoding="utf-8"))


def store(path: Path, key: SignerKey) -> None:
    """Write a key to a new file; another process that was faster wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link appears with its whole content, and not over a file that is there.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
