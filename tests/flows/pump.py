"""A small pump maker's week, for tests of traces and impacts: resin to housings to pumps to wards.

Resin lot 1 becomes housing lot 1, which goes into pumps 1 to 4; pumps 5 and 6 get housing lot 2 of
clean resin lot 2. Pumps 1 and 2 are in carton 1, shipped to the clinic; pump 3 was shipped to the
ward and came back; pump 4 stays.
"""

from typing import Any

from lotkin import schema
from lotkin.resolvers.capture import capture
from lotkin.resolvers.context import Context
from tests.flows.events import carton, document, lot, make, observe, pack, quantity, serial

SCHEMA = schema.build()
RESIN, HOUSING, PUMP = 1, 2, 3
OWN = "urn:epc:id:pgln:4012345.00000"
CLINIC, WARD = "urn:epc:id:pgln:4098765.00000", "urn:epc:id:pgln:4098765.00001"
PUMPS = [serial(PUMP, number) for number in range(1, 7)]


def key(epc: str) -> dict[str, Any]:
    """A look-up by key."""
    return {"key": epc}


def ship(minute: int, to: str, *epcs: str, **told: Any) -> dict[str, Any]:
    """We ship to a party."""
    return observe(
        minute,
        "shipping",
        *epcs,
        disposition="in_transit",
        sourceList=[{"type": "possessing_party", "source": OWN}],
        destinationList=[{"type": "possessing_party", "destination": to}],
        **told,
    )


def come_back(minute: int, of: str, *epcs: str) -> dict[str, Any]:
    """A party sends goods back and we receive them."""
    return observe(
        minute,
        "receiving",
        *epcs,
        disposition="returned",
        sourceList=[{"type": "possessing_party", "source": of}],
        destinationList=[{"type": "possessing_party", "destination": OWN}],
    )


def story() -> list[dict[str, Any]]:
    """All events of the week."""
    return [
        make(
            10,
            [quantity(lot(RESIN, 1), 4, "KGM")],
            [quantity(lot(HOUSING, 1), 40)],
            transformationID="urn:moulding:1",
        ),
        make(
            11,
            [quantity(lot(RESIN, 2), 2, "KGM")],
            [quantity(lot(HOUSING, 2), 20)],
            transformationID="urn:moulding:2",
        ),
        *(
            make(20 + n, [quantity(lot(HOUSING, 1 if n < 4 else 2), 1)], [pump])
            for n, pump in enumerate(PUMPS)
        ),
        pack(40, carton(1), PUMPS[0], PUMPS[1]),
        ship(50, CLINIC, carton(1)),
        ship(51, WARD, PUMPS[2]),
        come_back(60, WARD, PUMPS[2]),
    ]


async def told(context: Context, *events: dict[str, Any]) -> int:
    """Capture events; return the journal position."""
    outcome = await capture(context, document(*events))
    assert not outcome.problems, outcome.problems
    assert outcome.position is not None
    return outcome.position


async def run(context: Context, query: str, **variables: Any) -> Any:
    """Execute an operation as a request of its own."""
    fresh = Context(context.actor, context.services, context.language)
    return await SCHEMA.execute(query, variables, fresh)


async def ask(context: Context, query: str, **variables: Any) -> dict[str, Any]:
    """Return the data of an operation that must not fail."""
    result = await run(context, query, **variables)
    assert not result.errors, result.errors
    assert result.data is not None
    return dict(result.data)


async def refused(context: Context, query: str, **variables: Any) -> dict[str, Any]:
    """Return the extensions of an operation's only error."""
    result = await run(context, query, **variables)
    assert result.errors is not None
    (error,) = result.errors
    return dict(error.extensions or {})


def keys(connection: dict[str, Any]) -> list[str]:
    """Return the keys of the items of a connection."""
    return [edge["node"]["item"]["key"] for edge in connection["edges"]]
