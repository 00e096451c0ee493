"""The journal as GraphQL: the audit trail, proofs of its entries, and its verification."""

# A decorator given a description returns Any in Strawberry's own types.
# mypy: disable-error-code="untyped-decorator"

import base64
from typing import Annotated

import strawberry

from lotkin import clock
from lotkin.domain import evidence
from lotkin.journal.trail import Entry, Proof
from lotkin.resolvers import journal
from lotkin.resolvers.journal import Asked
from lotkin.resolvers.verification import Report
from lotkin.schema.node import Node, described, global_id
from lotkin.schema.paging import Connection, cursor, given, page, page_size, read_cursor
from lotkin.schema.scalars import JSON, BigInt, DateTime
from lotkin.schema.scan import node as node_object
from lotkin.schema.things import Info

TAG = "JournalEntry"  # of its opaque ids; the row is the position
TRAIL = "auditTrail"  # names the cursors of that list

JournalFlaw = strawberry.enum(
    evidence.Flaw, name="JournalFlaw", description="Kinds of what a verification finds wrong."
)
described(
    evidence.Flaw,
    {
        "ENTRY_CHANGED": "An entry's bytes are not those of its leaf.",
        "BODY_CHANGED": "A body does not fit the digest in its entry.",
        "ENTRY_MISSING": "A position or its intent is not there.",
        "ORDER_CHANGED": "An entry stands at another place than in the tree.",
        "COLUMN_CHANGED": "A search column does not say what the entry says.",
        "HEAD_CHANGED": "The head does not fit the entries.",
        "TILE_CHANGED": "A stored part of the tree does not fit the entries.",
        "CHECKPOINT_BROKEN": "A checkpoint does not fit the entries.",
        "SIGNATURE_WRONG": "A checkpoint or cosignature is not what its key signed.",
        "KEY_UNKNOWN": "A key is not of the key history, or not endorsed.",
        "WITNESS_DISAGREES": "The journal is not the one that a witness has seen.",
        "RECORD_CHANGED": "A row does not say what its journal entry says.",
        "RECORD_MISSING": "The row that an entry tells is not there.",
        "RECORD_UNJOURNALED": "A row that no entry tells.",
        "GRAPH_DIFFERS": "Neo4j does not hold what the record says.",
    },
)


@strawberry.type(
    description="Shows, with the checkpoint and without this service, that an entry is in the "
    "journal."
)
class JournalProof:
    """An inclusion proof."""

    position: BigInt = strawberry.field(description="The entry's position, from 1.")
    leaf: str = strawberry.field(description="SHA-256 of 0x00 and the entry; base64.")
    tree_size: BigInt = strawberry.field(description="Entries under the checkpoint.")
    hashes: list[str] = strawberry.field(
        description="RFC 6962 inclusion proof, from the leaf's sibling up; base64."
    )
    checkpoint: str = strawberry.field(
        description="C2SP signed note: origin, size, root; signed by the log and its witnesses."
    )
    tlog_proof: str = strawberry.field(description="All of it as a C2SP tlog-proof file.")

    @classmethod
    def of(cls, proof: Proof) -> "JournalProof":
        """Return a proof as found."""
        return cls(
            position=BigInt(proof.position),
            leaf=_base64(proof.leaf),
            tree_size=BigInt(proof.size),
            hashes=[_base64(each) for each in proof.hashes],
            checkpoint=proof.note,
            tlog_proof=proof.tlog_proof(),
        )


@strawberry.type(description="One act, done or refused, as the journal keeps it.")
class JournalEntry(Node):
    """A journal entry."""

    entry: strawberry.Private[Entry]
    position: BigInt = strawberry.field(description="Its place in the journal, from 1.")
    at: DateTime = strawberry.field(description="Record time.")
    actor: str = strawberry.field(description="Who acted: subject of their token.")
    action: str = strawberry.field(
        description="What was done, such as `event.captured`; a refused act ends in `.refused`."
    )
    outcome: str = strawberry.field(description="DONE or REFUSED.")
    reason: str | None = strawberry.field(
        description="The reason given for the act, or the code of its refusal."
    )

    @strawberry.field(description="What it is about; null for what is no object of the API.")
    async def subject(self, info: Info) -> Node | None:
        """Return the object."""
        id = await journal.subject_of(info.context, self.entry)
        return None if id is None else await node_object(info, strawberry.ID(id))

    @strawberry.field(description="What was there before, as far as the entry tells.")
    def before(self) -> JSON | None:
        """Return it."""
        return _json(journal.change_of(self.entry)[0])

    @strawberry.field(description="What is there after, as far as the entry tells.")
    def after(self) -> JSON | None:
        """Return it."""
        return _json(journal.change_of(self.entry)[1])

    @strawberry.field(description="The canonical bytes that the leaf hashes, as text.")
    def canonical(self) -> str:
        """Return them."""
        return self.entry.raw.decode()

    @strawberry.field(description="That it is in the journal; waits for a checkpoint that says so.")
    async def proof(self, info: Info) -> JournalProof:
        """Return the proof."""
        return JournalProof.of(await journal.prove(info.context, self.entry.position))

    @classmethod
    def of(cls, entry: Entry) -> "JournalEntry":
        """Return an entry as read."""
        told, reason = entry.told, entry.body.get("reason")
        return cls(
            id=global_id(TAG, entry.position),
            entry=entry,
            position=BigInt(entry.position),
            at=DateTime(clock.to_us(journal.at(entry))),
            actor=str(told["act"]["sub"]),
            action=str(told["ev"]),
            outcome="REFUSED" if journal.is_refusal(entry) else "DONE",
            reason=None if reason is None else str(reason),
        )


@strawberry.type(description="One thing that is wrong.")
class JournalFinding:
    """A finding."""

    flaw: JournalFlaw = strawberry.field(description="What kind of wrong.")  # type: ignore[valid-type]
    table: str = strawberry.field(description="Where: the table, or `witness`.")
    row: str = strawberry.field(description="Which row of it.")
    position: BigInt | None = strawberry.field(description="Which journal entry, if one.")
    detail: str = strawberry.field(description="For people: what does not fit.")

    @classmethod
    def of(cls, finding: evidence.Finding) -> "JournalFinding":
        """Return a finding."""
        position = None if finding.position is None else BigInt(finding.position)
        return cls(
            flaw=finding.flaw,
            table=finding.table,
            row=finding.row,
            position=position,
            detail=finding.detail,
        )


@strawberry.type(description="What a verification of the whole journal found.")
class JournalVerification:
    """A verification."""

    intact: bool = strawberry.field(description="Whether nothing is wrong.")
    size: BigInt = strawberry.field(description="Entries verified.")
    root: str = strawberry.field(description="The tree's root, computed from them; base64.")
    checkpoints: int = strawberry.field(description="Checkpoints verified.")
    cosignatures: int = strawberry.field(description="Good cosignatures of trusted witnesses.")
    count: int = strawberry.field(description="How many things are wrong.")
    findings: list[JournalFinding] = strawberry.field(
        description="What is wrong, the first thousand."
    )
    elapsed_ms: float = strawberry.field(description="How long it took.")

    @classmethod
    def of(cls, report: Report) -> "JournalVerification":
        """Return a report."""
        return cls(
            intact=report.is_intact,
            size=BigInt(report.size),
            root=_base64(report.root),
            checkpoints=report.checkpoints,
            cosignatures=report.cosignatures,
            count=report.count,
            findings=[JournalFinding.of(each) for each in report.findings],
            elapsed_ms=report.elapsed_ms,
        )


SubjectArgument = Annotated[
    strawberry.ID | None, strawberry.argument(description="What entries are about.")
]
ActorArgument = Annotated[str | None, strawberry.argument(description="Who acted.")]
ActionArgument = Annotated[str | None, strawberry.argument(description="What was done.")]
SinceArgument = Annotated[
    DateTime | None, strawberry.argument(name="from", description="Record time, inclusive.")
]
UntilArgument = Annotated[DateTime | None, strawberry.argument(description="Exclusive.")]


async def trail_page(
    info: Info, asked: Asked, first: int | None, after: str | None
) -> Connection[JournalEntry]:
    """Return one page of the audit trail, newest first."""
    size, place = page_size(info.context, first), read_cursor(TRAIL, after, int)
    before = None if place is None else place[0]
    rows = await journal.audit_trail(info.context, asked, before=before, first=size + 1)

    async def count() -> int:
        return await journal.audit_trail_count(info.context, asked)

    edges, page_info = page(
        rows, size, after=after, node=JournalEntry.of, at=lambda row: cursor(TRAIL, row.position)
    )
    return Connection(edges=edges, page_info=page_info, counting=count)


def asked_for(
    subject: strawberry.ID | None,
    actor: str | None,
    action: str | None,
    since: DateTime | None,
    until: DateTime | None,
) -> Asked:
    """Return which entries are wanted."""
    begin, end = given(since), given(until)
    return Asked(
        given(subject),
        given(actor),
        given(action),
        None if begin is None else clock.from_us(begin),
        None if end is None else clock.from_us(end),
    )


async def journal_node(info: Info, row: int) -> JournalEntry | None:
    """Return the entry at a position."""
    found = await journal.journal_entry(info.context, row)
    return None if found is None else JournalEntry.of(found)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _json(value: object) -> JSON | None:
    return None if value is None else JSON(value)
