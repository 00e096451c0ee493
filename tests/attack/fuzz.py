"""Operations generated from the schema itself, as every role: no error of ours, no inner names.

`python -m tests.attack.fuzz --examples 2000` asks a live service and prints how many of each
answer; a role's operations are drawn anew.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
from graphql import GraphQLSchema, ValueNode, build_schema, parse_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations as mutations_of
from hypothesis_graphql import nodes, queries

from lotkin import schema
from lotkin.auth import demo
from lotkin.auth.permissions import Role
from lotkin.settings import RoleLimits, Settings
from tests.interop import tools

ROLES = (Role.VIEWER, Role.OPERATOR, Role.AUDITOR, Role.SUPPLIER, Role.REGULATOR)
UNHURRIED = RoleLimits(operations_per_minute=10**9, cost_per_minute=10**9, depth_max=12)
TYPES = ("ItemClass", "Lot", "Serial", "Party", "Viewer")
# What only our own code, its libraries or its databases would say.
INNER = re.compile(
    r"Traceback|File \"|\.py\b|psycopg|sqlalchemy|asyncpg|lotkin\.|neo4j\.|SELECT |relation \"|"
    r"NoneType|object at 0x|KeyError|TypeError|AttributeError|ValueError",
    re.IGNORECASE,
)


def reference(type_name: str, key: str) -> ValueNode:
    """A reference to an entity, as it stands in a document."""
    return parse_value(f"{{__typename: {json.dumps(type_name)}, key: {json.dumps(key)}}}")


def scalars() -> dict[str, st.SearchStrategy[Any]]:
    """Values of our own scalars, good and bad, as they stand in a document."""
    text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
    moments = st.sampled_from(["2026-03-01T08:00:00Z", "2026-03-01", "", "9999-12-31T23:59:59Z"])
    numbers = st.integers(-(2**64), 2**64).map(str)
    return {
        "DateTime": (moments | text).map(nodes.String),
        "Decimal": (numbers | text).map(nodes.String),
        "BigInt": st.integers(-(2**31), 2**31 - 1).map(nodes.Int) | numbers.map(nodes.String),
        "JSON": (numbers | text).map(nodes.String),
        "_Any": st.builds(reference, st.sampled_from(TYPES), text) | text.map(nodes.String),
    }


def operations(sdl: str) -> st.SearchStrategy[str]:
    """Queries and mutations of a schema."""
    served: GraphQLSchema = build_schema(sdl)
    custom = {name: made for name, made in scalars().items() if name in served.type_map}
    asking = queries(sdl, custom_scalars=custom)
    changing = mutations_of(sdl, custom_scalars=custom)
    return st.one_of(asking, asking, changing)


def asked(post: Callable[[str], httpx.Response], sdl: str, examples: int) -> Counter[str]:
    """Return how often each status and code was answered; what must never be, under `wrong`."""
    found: Counter[str] = Counter()

    @settings(
        max_examples=examples, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operations(sdl))
    def ask(document: str) -> None:
        answer = post(document)
        told = answer.json()
        codes = {each["extensions"]["code"] for each in told.get("errors", ())}
        found[f"{answer.status_code} {' '.join(sorted(codes))}".strip()] += 1
        found["asked"] += 1
        messages = " ".join(each["message"] for each in told.get("errors", ()))
        if answer.status_code >= 500 or "INTERNAL" in codes or INNER.search(messages):
            found["wrong"] += 1
            print(f"wrong: {answer.status_code} {messages[:300]}\n{document[:500]}")

    ask()
    return found


def main() -> None:
    """Ask as every role and print the figure; leave with 1 where anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=2_000)
    examples = parser.parse_args().examples
    sdl = schema.build().as_str()
    limits = {role.value: UNHURRIED for role in ROLES}
    wrong = 0
    with tools.service(role_limits=limits) as (address, site):
        for role in ROLES:
            found = asked(poster(address, site, role), sdl, examples)
            wrong += found["wrong"]
            print(f"Q6: {role.value}: {dict(found)}", flush=True)
    print(
        f"Q6: {examples} operations x {len(ROLES)} roles: {wrong} with an error of ours, a trace "
        "or an inner name"
    )
    sys.exit(1 if wrong else 0)


def poster(address: str, site: Settings, role: Role) -> Callable[[str], httpx.Response]:
    """Return what asks a service as a role; a token lives as long as the run."""
    client = httpx.Client(base_url=address, timeout=60)

    def post(document: str) -> httpx.Response:
        token = demo.mint(site, role, subject=f"fuzz-{role.value}", name="Fuzz",
                          organisation="urn:lotkin:org:fuzz")  # fmt: skip
        headers = {"authorization": f"Bearer {token}"}
        return client.post("/graphql", json={"query": document}, headers=headers)

    return post


if __name__ == "__main__":
    main()
