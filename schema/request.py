"""The operation that a request carries: read from a body or a query string, within bounds."""

from collections.abc import Mapping
from typing import Any

import orjson
from cross_web import HTTPException
from strawberry.http import GraphQLRequestData

from lotkin.errors import Problem, ProblemCode
from lotkin.schema import trusted

BODY_DEPTH_MAX = 20  # of JSON; variables that lead to an item have 6
VARIABLES_BYTES_MAX = 128 * 1024  # of a caller who captures nothing; ten thousand look-ups
CAPTURE_BODY_DEPTH_MAX = 200  # of who captures: the capture itself tells what is too deep


def operation_in(body: bytes, *, may_capture: bool) -> GraphQLRequestData:
    """Return the operation of a JSON body; may_capture: variables may hold whole documents.

    Raises: HTTPException 400 where it is none, Problem DOCUMENT_TOO_DEEP or DOCUMENT_TOO_LARGE,
    Refusal UNTRUSTED_DOCUMENT for the id of a document that is not listed.
    """
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, "The body is not JSON.") from error
    if not isinstance(told, dict):
        raise HTTPException(400, "The body is not one JSON object; batches are off.")
    depth_max = CAPTURE_BODY_DEPTH_MAX if may_capture else BODY_DEPTH_MAX
    if is_deeper(told, depth_max):
        raise Problem(ProblemCode.DOCUMENT_TOO_DEEP, limit=depth_max)
    found = _operation(told)
    if found.variables and not may_capture:
        size = len(orjson.dumps(found.variables))
        if size > VARIABLES_BYTES_MAX:
            raise Problem(ProblemCode.DOCUMENT_TOO_LARGE, size=size, limit=VARIABLES_BYTES_MAX)
    return found


def operation_of_url(document: str, parameters: Mapping[str, str]) -> GraphQLRequestData:
    """Return the operation of a GET request for the document of a text.

    Raises: HTTPException 400 for variables that are no JSON object, Problem DOCUMENT_TOO_DEEP.
    """
    told: dict[str, Any] = {"query": document, "operationName": parameters.get("operationName")}
    for name in ("variables", "extensions"):
        if text := parameters.get(name):
            try:
                told[name] = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise HTTPException(400, f"`{name}` is not JSON.") from error
    if is_deeper(told, BODY_DEPTH_MAX):
        raise Problem(ProblemCode.DOCUMENT_TOO_DEEP, limit=BODY_DEPTH_MAX)
    return _operation(told)


def is_deeper(value: object, levels: int) -> bool:
    """Tell whether lists and objects are nested in more than `levels`; a lone one is 1 level."""
    level: list[Any] = [value]
    for _ in range(levels + 1):
        nested = [each for each in level if isinstance(each, dict | list)]
        if not nested:
            return False
        level = [
            inner for each in nested for inner in (each.values() if type(each) is dict else each)
        ]
    return any(isinstance(each, dict | list) for each in nested)


def _operation(told: Mapping[str, Any]) -> GraphQLRequestData:
    query = _member(told, "query", str)
    extensions = _member(told, "extensions", dict)
    named = _member(told, "documentId", str)
    if named is None and query is None and extensions:
        persisted = extensions.get("persistedQuery")
        named = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if isinstance(named, str):
        if query is not None:
            raise HTTPException(400, "Send `query` or `documentId`, not both.")
        query = trusted.document_of(named)
    return GraphQLRequestData(
        query=query,
        variables=_member(told, "variables", dict),
        operation_name=_member(told, "operationName", str),
        extensions=extensions,
    )


def _member(told: Mapping[str, Any], name: str, kind: type) -> Any:
    value = told.get(name)
    if value is not None and not isinstance(value, kind):
        shape = "a string" if kind is str else "an object"
        raise HTTPException(400, f"`{name}` is not {shape}.")
    return value
