"""A list given as columns answers every query exactly as the same list given as objects."""

import enum
from dataclasses import dataclass, replace
from typing import Any

import pytest
import strawberry
from hypothesis import given, settings
from hypothesis import strategies as st

from lotkin.schema.columnar import ColumnarExecutor, Pick, Table


@strawberry.enum
class Kind(enum.Enum):
    LOT = "a lot"
    SERIAL = "a serial"


@strawberry.type
class Product:
    id: strawberry.ID
    name: str
    weight: float | None
    tags: list[str]


@strawberry.interface
class Item:
    id: strawberry.ID
    kind: Kind
    depth: int
    note: str | None
    product: Product
    maker: Product | None

    @strawberry.field
    def shout(self, times: int = 1) -> str:
        return (self.note or "-").upper() * times

    @strawberry.field
    async def later(self) -> str:
        return f"later {self.id}"


@strawberry.type
class Lot(Item):
    lot_no: str
    open: bool


@strawberry.type
class Serial(Item):
    serial_no: str
    lot: Lot | None


@strawberry.type
class Row:
    item: Item
    count: int


@dataclass(frozen=True)
class Source:
    rows: Any = None
    items: Any = None


@strawberry.type
class Query:
    @strawberry.field
    def rows(self, info: strawberry.Info) -> list[Row] | None:
        return info.context.rows

    @strawberry.field
    def items(self, info: strawberry.Info) -> list[Item]:
        return info.context.items


SCHEMA = strawberry.Schema(Query, types=[Lot, Serial], execution_context_class=ColumnarExecutor)
P = [
    Product(id=strawberry.ID(f"p{i}"), name=f"P{i}", weight=[1.5, None][i], tags=["x"] * i)
    for i in (0, 1)
]


def objects(size: int) -> list[Item]:
    made: list[Item] = []
    for i in range(size):
        shared: dict[str, Any] = {
            "id": strawberry.ID(f"i{i}"),
            "depth": i,
            "note": None if i % 3 else f"n{i}",
            "product": P[i % 2],
            "maker": P[0] if i % 4 == 0 else None,
        }
        if i % 2:
            lots = [one for one in made if isinstance(one, Lot)]
            lot = lots[i % len(lots)] if i % 3 else None
            made.append(Serial(kind=Kind.SERIAL, serial_no=f"s{i}", lot=lot, **shared))
        else:
            made.append(Lot(kind=Kind.LOT, lot_no=f"l{i}", open=i % 4 == 0, **shared))
    return made


def product_table(products: list[Product]) -> Table:
    names = ("id", "name", "weight", "tags")
    return Table(len(products), {name: [getattr(p, name) for p in products] for name in names})


def item_table(items: list[Item]) -> Table:
    lots = [item for item in items if isinstance(item, Lot)]
    columns: dict[str, Any] = {
        "id": [i.id for i in items],
        "kind": [i.kind.name for i in items],
        "depth": [i.depth for i in items],
        "note": [i.note for i in items],
        "product": product_table([i.product for i in items]),
        "maker": Pick(product_table(P), [0 if i.maker else -1 for i in items]),
        "lotNo": [getattr(i, "lot_no", None) for i in items],
        "open": [getattr(i, "open", None) for i in items],
        "serialNo": [getattr(i, "serial_no", None) for i in items],
    }
    if lots:
        at = {lot.id: place for place, lot in enumerate(lots)}
        of = [getattr(i, "lot", None) for i in items]
        columns["lot"] = Pick(item_table_of_lots(lots), [at[one.id] if one else -1 for one in of])
    return Table(len(items), columns, lambda: items, [type(i).__name__ for i in items])


def item_table_of_lots(lots: list[Lot]) -> Table:
    return Table(
        len(lots),
        {
            "id": [x.id for x in lots],
            "lotNo": [x.lot_no for x in lots],
            "product": product_table([x.product for x in lots]),
        },
    )


def both(size: int) -> tuple[Source, Source]:
    items = objects(size)
    plain = [Row(item=item, count=n) for n, item in enumerate(items)]
    table = item_table(items)
    rows = Table(size, {"item": table, "count": list(range(size))}, lambda: plain)
    return Source(rows, table), Source(plain, items)


PRODUCT = ["id", "name", "weight", "tags", "__typename", "n: name", "... { id }"]
ITEM = [
    "id",
    "kind",
    "depth",
    "note",
    "__typename",
    "k: kind",
    "shout(times: 2)",
    "later",
    "note @skip(if: $yes)",
    "depth @include(if: $no)",
    "... @include(if: $no) { d2: depth }",
    "product { name }",
    "product { id }",
    "maker { name weight }",
    "...F",
    "... on Lot { lotNo open }",
    "... on Serial { serialNo lot { lotNo product { name } } }",
    "... on Serial { lot { note } }",
    "... on Item { z: id }",
]


def selection(choices: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(choices), min_size=1, max_size=6).map(" ".join)


@st.composite
def documents(draw: st.DrawFn) -> str:
    item, product = draw(selection(ITEM)), draw(selection(PRODUCT))
    root = draw(st.sampled_from(["rows { item { %s } count __typename }", "items { %s }"]))
    body = root % f"{item} product {{ {product} }}"
    fragment = "fragment F on Item { id f: kind product { tags } }" if "...F" in body else ""
    defaults = {"yes": "true", "no": "false"}
    used = [f"${name}: Boolean! = {defaults[name]}" for name in defaults if f"${name}" in body]
    variables = f"({', '.join(used)})" if used else ""
    return f"query {variables} {{ {body} }} {fragment}"


async def ask(document: str, source: Source) -> dict[str, Any]:
    result = await SCHEMA.execute(document, context_value=source)
    return {"data": result.data, "errors": [e.formatted for e in result.errors or []]}


@settings(max_examples=300, deadline=None)
@given(document=documents(), size=st.integers(0, 7))
async def test_columns_and_objects_give_the_same_response(document: str, size: int) -> None:
    table, plain = both(size)
    expected = await ask(document, plain)
    assert expected["data"] is not None, expected["errors"]
    assert await ask(document, table) == expected


def refuses_rows() -> list[object]:
    raise AssertionError("the columns should have sufficed")


async def test_columns_are_enough_when_every_selected_field_is_one() -> None:
    table, plain = both(6)
    closed = Source(replace(table.rows, rows=refuses_rows), replace(table.items, rows=refuses_rows))
    document = (
        "{ rows { count item { __typename id kind depth note product { name tags } maker { weight }"
        " ... on Lot { lotNo open } ... on Serial { serialNo lot { lotNo } } } } items { id } }"
    )
    assert await ask(document, closed) == await ask(document, plain)


@pytest.mark.parametrize(
    ("column", "bad"),
    [("depth", None), ("depth", "7"), ("depth", 2**31), ("kind", "PALLET"), ("id", 7)],
)
async def test_a_column_the_stock_way_would_not_pass_unchanged_is_not_used(
    column: str, bad: object
) -> None:
    _, plain = both(2)
    table = item_table(plain.items)
    spoilt = replace(table, columns={**table.columns, column: [bad, bad]})
    assert await ask(f"{{ items {{ {column} }} }}", Source(items=spoilt)) == await ask(
        f"{{ items {{ {column} }} }}", plain
    )


async def test_null_in_a_non_null_field_is_reported_where_it_is() -> None:
    items: list[Any] = objects(3)
    items[1].depth = None
    document = "{ items { id depth } }"
    answer = await ask(document, Source(items=item_table(items)))
    assert answer == await ask(document, Source(items=items))
    assert answer["errors"][0]["path"] == ["items", 1, "depth"]


async def test_rows_may_be_loaded_later() -> None:
    items = objects(2)

    async def load() -> list[Item]:
        return items

    table = replace(item_table(items), rows=load)
    assert await ask("{ items { later } }", Source(items=table)) == await ask(
        "{ items { later } }", Source(items=items)
    )
