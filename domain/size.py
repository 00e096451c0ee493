"""Bounds of a document before anything reads it: bytes and depth."""

import hashlib
from collections.abc import Sequence

import orjson

from lotkin.errors import Problem, ProblemCode


def digest_within(document: object, *, bytes_max: int, depth_max: int) -> bytes:
    """Return the SHA-256 of a JSON value as sent, whatever the order of its keys.

    Raises: Problem DOCUMENT_TOO_DEEP, DOCUMENT_TOO_LARGE, BAD_DOCUMENT if it is no JSON value.
    """
    level: Sequence[object] = [document]
    for _ in range(depth_max):
        level = [each for value in level for each in _children(value)]
        if not level:
            break
    if level:
        raise Problem(ProblemCode.DOCUMENT_TOO_DEEP, limit=depth_max)
    try:
        raw = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise Problem(ProblemCode.BAD_DOCUMENT, reason=str(error)) from error
    if len(raw) > bytes_max:
        raise Problem(ProblemCode.DOCUMENT_TOO_LARGE, size=len(raw), limit=bytes_max)
    return hashlib.sha256(raw).digest()


def _children(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()
