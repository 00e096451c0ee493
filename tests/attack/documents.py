"""Operations made to cost as much as they can; `python -m tests.attack.documents` times them.

Each must be answered with one error (up to five for who may see the schema) and within 50 ms of
CPU time.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lotkin.auth.permissions import Role
from lotkin.schema.problem import ERRORS_MAX
from tests.attack import service

CPU_S_MAX = 0.05
ROUNDS = 3  # the best of: this machine does other things too


def bomb(levels: int, *, alias: bool = False) -> str:
    """Fragments that each spread the next twice: 2^levels fields written out."""
    parts = []
    for n in range(levels):
        first = f"x{n}: __typename " if alias else ""
        parts.append(f"fragment F{n} on Query {{ {first}...F{n + 1} ...F{n + 1} }}")
    parts.append(f"fragment F{levels} on Query {{ __typename }}")
    return "{ ...F0 } " + " ".join(parts)


def nested(levels: int, opening: str = "viewer {", closing: str = "}") -> str:
    """A document of braces in braces."""
    return "{ " + opening * levels + " name " + closing * levels + " }"


def deep_list(levels: int) -> str:
    """A list in a list in a list, as an argument."""
    return "{ nodes(ids: " + "[" * levels + "]" * levels + ") { id } }"


def deep_object(levels: int) -> str:
    """An object in an object, as an argument."""
    return "{ item(by: " + "{id: " * levels + '"x"' + "}" * levels + ") { id } }"


def chain(count: int, *, cyclic: bool = False) -> str:
    """Fragments in a row, each spreading the next; cyclic: the last one the first."""
    last = "...C0" if cyclic else "__typename"
    parts = [f"fragment C{n} on Query {{ ...C{n + 1} }}" for n in range(count)]
    return "{ ...C0 } " + " ".join(parts) + f" fragment C{count} on Query {{ {last} }}"


def hostile() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each document by its name, as the body of a request."""
    documents = {
        **{f"fragment bomb of {n} levels": bomb(n) for n in (10, 22, 40, 60, 90, 100)},
        **{f"alias and fragment bomb of {n}": bomb(n, alias=True) for n in (12, 30, 60)},
        **{f"braces {n} deep": nested(n) for n in (13, 40, 200, 330)},
        **{f"inline fragments {n} deep": nested(n, "... {") for n in (31, 150, 300)},
        "inline fragments 160 wide": "{" + "... on Query { __typename } " * 160 + "}",
        "spreads of one fragment, 300 wide": "{" + "...W " * 300 + "} fragment W on Query "
        "{ __typename viewer { name } }",
        "16 aliases": "{" + " ".join(f"a{n}: __typename" for n in range(16)) + "}",
        "300 aliases of a costly field": "{" + " ".join(
            f'a{n}: item(by: {{id: "{n}"}}) {{ id }}' for n in range(80)) + "}",
        "900 times one field": "{" + "__typename " * 900 + "}",
        "conflicting fields": "{" + " ".join(
            f'viewer {{ ...P{n} }}' for n in range(20)) + "} " + " ".join(
            f"fragment P{n} on Viewer {{ n: name n: subject }}" for n in range(20)),
        "directives on one field": "{ __typename " + "@include(if: true) " * 100 + "}",
        "unknown directives": "{ __typename " + "@aa" * 400 + " }",
        "directives on an operation": "query " + "@a " * 300 + "{ __typename }",
        "60 comments": "# x\n" * 60 + "{ __typename }",
        "3,700 comments": "#ab\n" * 3_700 + "{ __typename }",
        "100,000 commas": "," * 100_000 + "{ __typename }",
        "a string of 1,000,000 characters": '{ scan(text: "' + "x" * 10**6 + '") { lot } }',
        "a block string of 14,000": '{ nope(text: """' + '\n"' * 7_000 + '""") }',
        "a list 480 deep": deep_list(480),
        "an object 200 deep": deep_object(200),
        "120 fragments in a row": chain(118),
        "a circle of fragments": chain(90, cyclic=True),
        "a fragment in itself": "{ ...A } fragment A on Query { ...A viewer { ...A } }",
        "120 operations": " ".join(f"query Q{n} {{ __typename }}" for n in range(120)),
        "11 root fields": "{" + " ".join(
            ["viewer { name }"] * 11) + "}",
        "two mutations": 'mutation { a: captureEvents(input: {document: 1}) { captured } '
        'b: captureEvents(input: {document: 1}) { captured } }',
        "introspection in circles": "{ __schema { types { " + "fields { type { " * 9 + "name"
        + " } }" * 9 + " } } }",
        "variables by the hundred": "query(" + " ".join(
            f"$v{n}: Int" for n in range(240)) + ") { __typename }",
        "suggestions asked for": "{" + " ".join(f"vieweer{n}" for n in range(450)) + "}",
        "pages of pages": "{ nodes(ids: [\"a\"]) { ... on Container { contents(first: 100) { edges "
        "{ node { timeline(first: 100) { edges { node { id } } } } } } } } }",
        "numbers of 12,000 digits": "{ alerts(first: " + "9" * 12_000 + ") { totalCount } }",
        "names of 12,000 letters": "{ " + "x" * 12_000 + " }",
    }  # fmt: skip
    for name, document in documents.items():
        yield name, {"query": document}
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    yield "variables 500 deep", {"query": query, "variables": {"ids": deep}}
    wide = [str(number) for number in range(30_000)]
    yield "30,000 ids", {"query": query, "variables": {"ids": wide}}


async def attacked(client: Any, body: dict[str, Any]) -> tuple[float, Any]:
    """Return the CPU seconds of an operation, the best of some rounds, and its answer."""
    sent, best, answer = json.dumps(body).encode(), 9.0, None
    for _ in range(ROUNDS):
        begun = time.process_time()
        response = await client.post(
            "/graphql", content=sent, headers={"content-type": "application/json"}
        )
        best = min(best, time.process_time() - begun)
        answer = response
        if best <= CPU_S_MAX:
            break
    return best, answer


async def main() -> None:
    """Print the CPU time of each, and the worst."""
    worst = 0.0
    count = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        site = service.settings(Path(folder))
        for developer in (False, True):
            bearer = service.token(site, Role.VIEWER, developer=developer)
            async with service.client(site, bearer) as client:
                for name, body in hostile():
                    seconds, answer = await attacked(client, body)
                    told = answer.json().get("errors", [])
                    most = ERRORS_MAX if developer else 1
                    is_right = 1 <= len(told) <= most and "data" not in answer.json()
                    if not developer:
                        count += 1
                    worst = max(worst, seconds)
                    wrong += not is_right or seconds > CPU_S_MAX
                    print(
                        f"{seconds * 1000:7.1f} ms  {answer.status_code}  {name}"
                        + ("" if is_right else f"   ! {answer.text[:200]}")
                    )
    print(
        f"Q4: {count} hostile documents, worst {worst * 1000:.1f} ms CPU "
        f"(at most {CPU_S_MAX * 1000:.0f}), {wrong} wrong"
    )


if __name__ == "__main__":
    asyncio.run(main())
