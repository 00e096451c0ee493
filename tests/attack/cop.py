"""The twelve checks that the tool graphql-cop publishes, written anew as our own black-box test.

The tool itself is in no package registry. One check more is made: a mutation by GET. Run with
`python -m tests.attack.cop URL [TOKEN]` against any address; prints how many checks find something.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import httpx

Check = Callable[["Target"], bool]
CHECKS: dict[str, Check] = {}
ALIASES, REPEATS, DIRECTIVES, BATCH = 101, 500, 10, 10
TYPES_SEEN = 25  # above so many types of a schema, an answer is an introspection


class Target:
    """An address and who asks it."""

    def __init__(self, client: httpx.Client, path: str) -> None:
        self.client, self.path = client, path

    def post(self, query: str, *, copies: int = 0) -> Any:
        """Return the answer to an operation, or to so many in one list."""
        body = {"query": query, "operationName": "cop"}
        sent: Any = [body] * copies if copies else body
        return _json(self.client.post(self.path, json=sent))

    def get(self, query: str) -> Any:
        """Return the answer to an operation sent by GET."""
        return _json(self.client.get(self.path, params={"query": query}))


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def check(name: str) -> Callable[[Check], Check]:
    """Name a check: it tells whether it found something."""

    def keep(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return keep


def data(answer: Any) -> Mapping[str, Any]:
    """Return the data of an answer, or nothing."""
    found = answer.get("data") if isinstance(answer, dict) else None
    return found if isinstance(found, dict) else {}


@check("alias overloading")
def _aliases(target: Target) -> bool:
    aliases = " ".join(f"a{n}: __typename" for n in range(ALIASES))
    return f"a{ALIASES - 1}" in data(target.post(f"query cop {{ {aliases} }}"))


@check("batches in a list")
def _batch(target: Target) -> bool:
    answer = target.post("query cop { __typename }", copies=BATCH)
    return isinstance(answer, list) and len(answer) >= BATCH


@check("introspection in circles")
def _circles(target: Target) -> bool:
    query = "query cop { __schema { types { " + "fields { type { " * 4 + "name" + " } }" * 4
    found = data(target.post(query + " } } }")).get("__schema") or {}
    return len(found.get("types", [])) > TYPES_SEEN


@check("directive overloading")
def _directives(target: Target) -> bool:
    answer = target.post("query cop { __typename " + "@aa" * DIRECTIVES + " }")
    return isinstance(answer, dict) and len(answer.get("errors", ())) == DIRECTIVES


@check("field duplication")
def _fields(target: Target) -> bool:
    return bool(data(target.post("query cop { " + "__typename " * REPEATS + "}")))


@check("field suggestions")
def _suggestions(target: Target) -> bool:
    return "Did you mean" in str(target.post("query cop { __schema { directive } }"))


@check("a mutation by GET")
def _get_mutation(target: Target) -> bool:
    return bool(data(target.get("mutation cop { __typename }")))


@check("a query by GET")
def _get_query(target: Target) -> bool:
    return bool(data(target.get("query cop { __typename }")))


@check("an IDE")
def _ide(target: Target) -> bool:
    answer = target.client.get(target.path, headers={"accept": "text/html"})
    return any(word in answer.text.lower() for word in ("graphiql", "graphql playground"))


@check("introspection")
def _introspection(target: Target) -> bool:
    answer = target.post("query cop { __schema { types { name fields { name } } } }")
    return bool((data(answer).get("__schema") or {}).get("types"))


@check("a query as a form")
def _form(target: Target) -> bool:
    answer = target.client.post(target.path, data={"query": "query cop { __typename }"})
    return bool(data(_json(answer)))


@check("traces")
def _traces(target: Target) -> bool:
    return "tracing" in str(target.post("query cop { __typename }")).lower()


@check("unhandled errors")
def _unhandled(target: Target) -> bool:
    return "exception" in str(target.post("qwerty cop { abc }")).lower()


def findings(client: httpx.Client, path: str = "/graphql") -> list[str]:
    """Return the names of the checks that find something."""
    target = Target(client, path)
    return [name for name, found in CHECKS.items() if found(target)]


def main() -> None:
    """Check an address from the command line."""
    url, *rest = sys.argv[1:]
    headers = {"authorization": f"Bearer {rest[0]}"} if rest else {}
    with httpx.Client(base_url=url, headers=headers) as client:
        found = findings(client, "")
    print(f"Q2: {len(found)} of {len(CHECKS)} checks find something: {', '.join(found) or '-'}")


if __name__ == "__main__":
    main()
