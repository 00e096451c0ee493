"""What of the schema a supplier or a regulator may ask for, field by field. Default deny.

Root fields follow their permission; here stands what lies below them. Rows are the database's to
hide (`records.partner`); these are the columns: other people's names, places and numbers stay
hidden on what a partner may see, too. A field that is not listed is hidden, and fails the build.
"""

from typing import NamedTuple

from lotkin.auth.permissions import Role


class Sight(NamedTuple):
    """Fields of one type: for every partner, for regulators only, for nobody outside."""

    shared: str = ""
    regulator: str = ""
    inside: str = ""


_LIST = Sight("edges pageInfo totalCount")
_EDGE = Sight("cursor node")
_ITEM = Sight("id key kind itemClass trace", "status holds timeline", "whereabouts")

SIGHT: dict[str, Sight] = {
    "Node": Sight("id"),
    "PageInfo": Sight("hasNextPage hasPreviousPage startCursor endCursor"),
    "Viewer": Sight("subject name organisation roles permissions"),
    "RateLimit": Sight("cost limit remaining costLimit costRemaining resetAt"),
    "Problem": Sight("code message path"),
    "PlainProblem": Sight("code message path"),
    # Identity.
    "Item": _ITEM,
    "Lot": Sight(
        f"{_ITEM.shared} lotNo supplierLotNo",
        _ITEM.regulator,
        f"{_ITEM.inside} quantity onHand massBalance",
    ),
    "Serial": Sight(
        f"{_ITEM.shared} serialNo udi lot", _ITEM.regulator, f"{_ITEM.inside} successor"
    ),
    "Container": Sight(_ITEM.shared, _ITEM.regulator, f"{_ITEM.inside} contents"),
    "ItemConnection": _LIST,
    "ItemEdge": _EDGE,
    "ItemClass": Sight("id key name udiDi implantable tracked"),
    "Scan": Sight(
        "scheme primary lot serial manufactured expires digitalLink ambiguous item candidates "
        "problems"
    ),
    "Activity": Sight("id key kind startedAt endedAt", "", "operation equipment operator"),
    "Quantity": Sight("value unit"),
    "Hold": Sight("", "reason since eventId", "record"),
    "TimelineConnection": Sight("", "edges pageInfo totalCount"),
    "TimelineEventEdge": Sight("", "cursor node"),
    "TimelineEvent": Sight(
        "id",
        "eventId type action bizStep disposition eventTime recordTime timeQuality zone "
        "retractedAt activity",
        "readPoint bizLocation document",
    ),
    # Genealogy. How far the journal has come tells how much others do.
    "AsOf": Sight("eventTime recordTime", "", "position"),
    "Completeness": Sight(
        "truncated visited engine redactedBoundaries", "", "journalPosition graphPosition"
    ),
    "Trace": Sight("asOf completeness counts boundaries items edges"),
    "Boundary": Sight("source beyond kind relation"),
    "KindCount": Sight("kind count"),
    "TraceItemConnection": _LIST,
    "TraceItemEdge": _EDGE,
    "TraceItem": Sight("item depth"),
    "TraceEdge": Sight("source target kind activity quantity at"),
    # Impact: what is exposed, not with whom it is. What a scope hides would look like a gap.
    "RecallImpact": Sight(
        "", "policy asOf completeness counts items witness", "elapsedMs consignees gaps bounds"
    ),
    "ImpactCounts": Sight(
        "", "lots serials byClass", "containers shipped inStock consumed consignees"
    ),
    "ClassCount": Sight("", "class count"),
    "ImpactItemConnection": Sight("", "edges pageInfo totalCount"),
    "ImpactItemEdge": Sight("", "cursor node"),
    "ImpactItem": Sight("", "item class rule exposedAt", "holder quantity"),
    "PathStep": Sight("", "from to activity at rule"),
}

_INSIDE = """
AccessGrant AccessGrantConnection AccessGrantEdge AccessGrantPayload Alert AlertConnection
AlertEdge ApproveChangePayload CapturedEvent Blocker CaptureEventsPayload CaptureResult Change
ChangePayload ConfirmFactorPayload ConsigneeExposure CoverageGap EnrolTotpPayload
EnrolWebauthnPayload EnrolledFactor HoldPayload HoldRecord JournalEntry
JournalEntryConnection JournalEntryEdge JournalFinding JournalProof JournalVerification
Location MassBalance Party QuantityBound ReleaseLotPayload ReleaseReadiness
RequestSignaturePayload RequireInspectionsPayload ResetFactorPayload Signature
SignatureChallenge SignatureProblem SignatureVerification Whereabouts _Service
"""
# Types of which nobody outside sees anything.
INSIDE = frozenset(_INSIDE.split())

# Arguments, and fields of inputs, that a partner may not use where it may use the field.
HIDDEN_ARGUMENTS = frozenset(
    {
        "AsOfInput.position",
        "Query.recallImpact(atLeast)",
        "Query.recallImpact(engine)",
        "Query.traceBackward(atLeast)",
        "Query.traceBackward(engine)",
        "Query.traceForward(atLeast)",
        "Query.traceForward(engine)",
        "RecallImpact.items(consignee)",
    }
)

ROOTS = frozenset({"Query", "Mutation", "Subscription"})
# The schema itself; and what is pushed would tell when others do something.
HIDDEN_ROOTS = frozenset({"Query._service"})


def is_shown(role: Role, type_name: str, field: str, argument: str | None = None) -> bool:
    """Tell whether a partner may select a field, or use an argument of it.

    Other root fields than HIDDEN_ROOTS are shown: their use case checks the permission.
    """
    if argument is not None and f"{type_name}.{field}({argument})" in HIDDEN_ARGUMENTS:
        return False
    if type_name == "Subscription" or f"{type_name}.{field}" in HIDDEN_ROOTS:
        return False
    if type_name in ROOTS or field == "__typename":
        return True
    sight = SIGHT.get(type_name, Sight())
    shown = sight.shared.split()
    if role is Role.REGULATOR:
        shown += sight.regulator.split()
    return field in shown


def is_listed(type_name: str, field: str) -> bool:
    """Tell whether somebody has decided who may see a field."""
    sight = SIGHT.get(type_name, Sight())
    return (
        type_name in INSIDE | ROOTS
        or type_name.startswith("__")
        or field in " ".join(sight).split()
    )
