"""GraphQL over HTTP, as the reference implementation audits it: 61 of 61.

Three of the audits send a query by GET. Here GET executes documents of the signed list alone; the
two that the audits send are on it, and any other is answered 405, which is checked beside.
"""

import json

import httpx

from lotkin.auth import demo
from lotkin.auth.permissions import Role
from tests.interop import tools

AUDITS = 61
BY_GET = 3


def main() -> None:
    """Run the audits and print the figure."""
    folder = tools.node_packages(tools.HERE)
    with tools.service() as (address, site):
        token = demo.mint(site, Role.VIEWER, subject="audit", name="Audit")
        printed = tools.node(folder / "audit.mjs", f"{address}/graphql", token)
        found = json.loads(printed.splitlines()[-1])
        unlisted = httpx.get(f"{address}/graphql", params={"query": "{ viewer { name } }"})
    tools.judge({
        "graphql-http audits": (f"{found.get('ok', 0)} of {found['total']} ok, {BY_GET} of them by "
                                "GET with listed documents",
                                found == {"total": AUDITS, "ok": AUDITS}),
        "GET of a document that is not listed": (str(unlisted.status_code),
                                                 unlisted.status_code == 405),
    })  # fmt: skip


if __name__ == "__main__":
    main()
