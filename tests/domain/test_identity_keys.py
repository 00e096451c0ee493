"""Identifiers of EPCIS events: URN, link and pattern spellings lead to one key each."""

import contextlib
import string

import pytest
from biip.checksums import gs1_standard_check_digit
from hypothesis import given
from hypothesis import strategies as st

from lotkin.domain.genealogy import ItemKind
from lotkin.domain.identity import (
    Identity,
    Scheme,
    Thing,
    class_key,
    digital_link,
    item_key,
    lot_key,
    parse_epc,
    serial_key,
)
from lotkin.errors import Problem, ProblemCode

# The GS1 character set 82 of lots and serials.
SET_82 = "!\"%&'()*+,-./:;<=>?_" + string.ascii_letters + string.digits
values = st.text(SET_82, min_size=1, max_size=20)
escaped = {c: f"%{ord(c):02X}" for c in '"%&/<>?'}
ITEM, CLASS = Thing.ITEM, Thing.ITEM_CLASS
SERIAL, LOT, CONTAINER = ItemKind.SERIAL, ItemKind.LOT, ItemKind.CONTAINER


def urn_text(value: str) -> str:
    """Escape as the EPC Tag Data Standard asks: only what a URN cannot carry."""
    return "".join(escaped.get(c, c) for c in value)


EVERY_SCHEME = [
    ("urn:epc:id:sgtin:0614141.107346.2018", "/01/10614141073464/21/2018", ITEM, SERIAL),
    ("urn:epc:id:sgtin:0614141.107346.a%2Fb", "/01/10614141073464/21/a%2Fb", ITEM, SERIAL),
    ("urn:epc:class:lgtin:4012345.012345.998877", "/01/04012345123456/10/998877", ITEM, LOT),
    ("urn:epc:idpat:sgtin:4012345.098765.*", "/01/04012345987652", CLASS, None),
    ("urn:epc:id:sscc:0614141.1234567890", "/00/106141412345678908", ITEM, CONTAINER),
    ("urn:epc:id:sgln:0614141.07346.1234", "/414/0614141073467/254/1234", Thing.LOCATION, None),
    ("urn:epc:id:sgln:0614141.07346.0", "/414/0614141073467", Thing.LOCATION, None),
    ("urn:epc:id:pgln:0614141.00777", "/417/0614141007776", Thing.PARTY, None),
    ("urn:epc:id:grai:4012345.55555.987", "/8003/04012345555554987", ITEM, CONTAINER),
    ("urn:epc:idpat:grai:4012345.55555.*", "/8003/04012345555554", CLASS, None),
    ("urn:epc:id:giai:4000001.12345", "/8004/400000112345", ITEM, CONTAINER),
    ("urn:epc:id:gsrn:0614141.0000010253", "/8018/061414100000102534", ITEM, SERIAL),
    ("urn:epc:id:gsrnp:0614141.1234567890", "/8017/061414112345678902", ITEM, SERIAL),
    (
        "urn:epc:id:gdti:0614141.00001.1618034",
        "/253/06141410000121618034",
        ITEM,
        SERIAL,
    ),
    ("urn:epc:id:cpi:0614141.123ABC.123456789", "/8010/0614141123ABC/8011/123456789", ITEM, SERIAL),
    ("urn:epc:idpat:cpi:0614141.123ABC.*", "/8010/0614141123ABC", CLASS, None),
    (
        "urn:epc:id:gsin:0614141.123456789",
        "/402/06141411234567890",
        Thing.DOCUMENT,
        None,
    ),
    ("urn:epc:id:ginc:0614141.xyz47%2F11", "/401/0614141xyz47%2F11", Thing.DOCUMENT, None),
    ("urn:epc:id:sgcn:4012345.67890.04711", "/255/401234567890104711", ITEM, SERIAL),
    ("urn:epc:id:itip:4012345.012345.04.04.9", "/8006/040123451234560404/21/9", ITEM, SERIAL),
    (
        "urn:epc:id:upui:1234567.089456.51qIg",
        "/01/01234567894560/235/51qIg",
        ITEM,
        SERIAL,
    ),
    ("urn:epc:id:bic:CSQU3054383", "urn:epc:id:bic:CSQU3054383", ITEM, CONTAINER),
    ("urn:epc:id:imovn:9176187", "urn:epc:id:imovn:9176187", ITEM, CONTAINER),
    ("urn:epc:id:usdod:2S194.12345678901", "urn:epc:id:usdod:2S194.12345678901", ITEM, SERIAL),
    (
        "urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52",
        "urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52",
        ITEM,
        SERIAL,
    ),
    ("urn:epc:id:gid:95100000.12345.400", "urn:epc:id:gid:95100000.12345.400", ITEM, SERIAL),
    ("https://example.com/8003/040123450007718765", "/8003/040123450007718765", ITEM, CONTAINER),
    ("https://id.gs1.de/414/4012345000115", "/414/4012345000115", Thing.LOCATION, None),
    ("http://a.example/x/y/01/614141073464/", "/01/00614141073464", CLASS, None),
    ("https://a.example/01/09521568251204/10/L1", "/01/09521568251204/10/L1", ITEM, LOT),
]


@pytest.mark.parametrize(("text", "key", "thing", "kind"), EVERY_SCHEME)
def test_every_epc_scheme_has_its_key_thing_and_kind(text, key, thing, kind):
    found = parse_epc(text)
    assert found.key == key
    assert (found.thing, found.kind) == (thing, kind)
    assert found.scheme is not Scheme.UNKNOWN
    assert parse_epc(digital_link(found) or found.key).key == found.key


@given(st.integers(0, 10**7 - 1), st.integers(0, 10**6 - 1), values, values)
def test_urn_and_link_of_one_serial_give_one_key(company, reference, lot, serial):
    prefix, item_reference = f"{company:07}", f"{reference:06}"
    payload = item_reference[0] + prefix + item_reference[1:]
    gtin = payload + str(gs1_standard_check_digit(payload))
    urn = parse_epc(f"urn:epc:id:sgtin:{prefix}.{item_reference}.{urn_text(serial)}")
    bare = parse_epc(f"https://brand.example/{urn.key.removeprefix('/')}")
    full = parse_epc(f"https://id.gs1.org{lot_key('/01/' + gtin, lot)}{urn.key[18:]}?17=261231")
    assert urn.key == bare.key == full.key == serial_key(class_key(gtin), serial)
    assert (full.lot, full.serial, full.item_class) == (lot, serial, f"/01/{gtin}")
    lot_urn = parse_epc(f"urn:epc:class:lgtin:{prefix}.{item_reference}.{urn_text(lot)}")
    assert full.lot_key == lot_urn.key
    assert lot_urn.lot_key is None


@given(st.sampled_from(["urn:lotkin:hibc:A99912345", "urn:lotkin:class:P-7", "/01/09521568251204"]),
       values)  # fmt: skip
def test_keys_made_from_a_class_are_read_back(owner, value):
    serial, lot = parse_key(serial_key(owner, value)), parse_key(lot_key(owner, value))
    assert (serial.kind, serial.serial, serial.item_class) == (SERIAL, value, owner)
    assert (lot.kind, lot.lot, lot.item_class) == (LOT, value, owner)


def parse_key(key):
    return parse_epc(key if key.startswith("urn:") else f"https://id.gs1.org{key}")


def test_the_link_of_a_serial_names_variant_lot_and_serial_in_this_order():
    found = parse_epc("https://x.example/01/09521568251204/22/V2/10/L%2F1/21/S1")
    assert found.key == "/01/09521568251204/21/S1"
    assert digital_link(found) == "https://id.gs1.org/01/09521568251204/10/L%2F1/21/S1"
    assert parse_epc("https://x.example/01/09521568251204/21/S1/10/L%2F1") == found
    assert parse_epc("https://x.example/01/09521568251204/21/S1?10=L%2F1") == found


def test_a_wrong_check_digit_in_an_event_is_kept_as_written():
    assert parse_epc("https://id.gs1.org/01/09521568251205/21/1").key == "/01/09521568251205/21/1"


def test_other_uris_are_opaque_and_take_the_kind_of_their_place():
    for text in ("urn:uuid:f81d4fae", "https://a.example/part/7", "urn:epc:id:sgtin:1.2.3"):
        assert parse_epc(text).key == text
        assert parse_epc(text, default_kind=LOT).kind is LOT
    place = parse_epc("urn:x:dock", default_thing=Thing.LOCATION)
    assert (place.thing, place.kind) == (Thing.LOCATION, None)
    assert parse_epc("urn:epc:idpat:sgtin:*.*.*").thing is CLASS


@pytest.mark.parametrize(
    "text",
    ["", " ", "no uri", "ABC-1", "urn:x:a b", "urn:x:\x00", "urn:x:\ud800", "09521568251204"],
)
def test_what_is_no_uri_is_refused(text):
    with pytest.raises(Problem) as refused:
        parse_epc(text)
    assert refused.value.code is ProblemCode.BAD_IDENTIFIER
    assert refused.value.message("zh")


@pytest.mark.parametrize("text", ["https://a.example/01/09521568251204/21/%00", "urn:epc:id:sgtin:"
                                  "0614141.107346.%0A", "https://a.example/01/x", "https://[/01/"
                                  "09521568251204", "urn:epc:id:sscc:0614141.*"])  # fmt: skip
def test_what_only_looks_like_a_key_stays_opaque(text):
    assert parse_epc(text).scheme is Scheme.UNKNOWN


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("614141073467", "/01/00614141073467"),
        ("96385074", "/01/00000096385074"),
        ("4012345123456", "/01/04012345123456"),
        ("urn:epc:idpat:sgtin:4012345.012345.*", "/01/04012345123456"),
        ("urn:epc:id:sgtin:4012345.012345.7", "/01/04012345123456"),
        ("https://a.example/01/04012345123456", "/01/04012345123456"),
        ("/01/04012345123456", "/01/04012345123456"),
        ("+A123BJC5D6E71G", "urn:lotkin:hibc:A123BJC5D6E71"),
        ("=/A9999XYZ100T0944", "urn:lotkin:iccbba:A9999XYZ100T0944"),
        ("MA.156.M0.100204.13351764", "urn:lotkin:ma:MA.156.M0.100204.13351764"),
        ("AHM.1234567.000123", "urn:lotkin:ahm:1234567.000123"),
        ("urn:lotkin:hibc:A123BJC5D6E71", "urn:lotkin:hibc:A123BJC5D6E71"),
        ("https://a.example/part/7", "https://a.example/part/7"),
        ("PUMP 7/b", "urn:lotkin:class:PUMP%207%2Fb"),
    ],
)
def test_every_form_of_a_class_has_one_key(text, key):
    assert class_key(text) == key
    assert class_key(key) == key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4012345123457", "6"),
        ("https://a.example/01/04012345123457", "6"),
        ("+A123BJC5D6E71H", "G"),
    ],
)
def test_a_class_with_a_wrong_check_digit_is_refused(text, expected):
    with pytest.raises(Problem) as refused:
        class_key(text)
    assert refused.value.code is ProblemCode.BAD_CHECK_DIGIT
    assert refused.value.facts["expected"] == expected


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("urn:epc:id:sgtin:4012345.012345.7", "/01/04012345123456/21/7"),
        ("https://a.example/01/4012345123456/10/L/21/7", "/01/04012345123456/21/7"),
        ("/01/04012345123456/10/L/21/7", "/01/04012345123456/21/7"),
        ("(01)04012345123456(21)7", "/01/04012345123456/21/7"),
        ("]d2010401234512345610L\x1d217", "/01/04012345123456/21/7"),
        ("/01/04012345123457/21/7", "/01/04012345123457/21/7"),
        ("urn:uuid:f81d4fae", "urn:uuid:f81d4fae"),
        ("anything else", "anything else"),
    ],
)
def test_a_look_up_takes_every_form_of_a_key(text, key):
    assert item_key(text) == key


def test_a_look_up_by_a_doubtful_label_is_refused():
    with pytest.raises(Problem, match="BAD_CHECK_DIGIT"):
        item_key("(01)04012345123457(21)7")
    with pytest.raises(Problem, match="AMBIGUOUS_SCAN"):
        item_key("010401234512345610AB2112")


@given(st.text(max_size=60))
def test_look_ups_raise_problems_only(text):
    for ask in (parse_epc, item_key, class_key):
        with contextlib.suppress(Problem):
            assert isinstance(ask(text), Identity | str)
