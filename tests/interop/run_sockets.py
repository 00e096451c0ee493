"""Clients of others watch the service: graphql-ws over a socket, graphql-sse over HTTP."""

import json

from lotkin.auth import demo
from lotkin.auth.permissions import Role
from tests.interop import tools

EVENTS = 3
EVENT = {
    "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
    "type": "ObjectEvent",
    "eventTime": "2026-03-01T08:00:00Z",
    "eventTimeZoneOffset": "+00:00",
    "epcList": ["urn:epc:id:sgtin:0614141.107346.1"],
    "action": "OBSERVE",
    "bizStep": "inspecting",
}


def main() -> None:
    """Run both clients and print what they were told."""
    folder = tools.node_packages(tools.HERE)
    with tools.service() as (address, site):
        token = demo.mint(site, Role.OPERATOR, subject="watcher", name="Watcher")
        printed = tools.node(folder / "sockets.mjs", address, token, json.dumps(EVENT))
    found = json.loads(printed.splitlines()[-1])
    tools.judge({
        f"{name} {client}": (f"{found[client]} of {wanted}", found[client] == wanted)
        for client, name, wanted in (
            ("query", "graphql-ws, one operation:", "Watcher"),
            ("graphql-ws", "events told to", EVENTS),
            ("graphql-sse", "events told to", EVENTS),
        )
    })  # fmt: skip


if __name__ == "__main__":
    main()
