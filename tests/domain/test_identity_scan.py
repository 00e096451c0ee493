"""What scanners and people give: public examples of every scheme, and what is wrong with labels."""

from datetime import date

import pytest
from biip.checksums import gs1_standard_check_digit
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lotkin.domain import hibc, iccbba
from lotkin.domain.genealogy import ItemKind
from lotkin.domain.identity import Reading, Scheme, Thing, scan
from lotkin.errors import ProblemCode

TODAY = date(2026, 11, 21)
GTIN = "/01/51022222233336"
GS = "\x1d"


def read(text: str) -> Reading:
    return scan(text, today=TODAY)


def codes(text: str) -> list[ProblemCode]:
    return [problem.code for problem in read(text).problems]


# text, scheme, key, lot, serial, manufactured, expires
EXAMPLES = [
    ("(01)51022222233336(11)141231(17)150707(10)A213B1(21)1234", Scheme.GS1_ELEMENT_STRING,
     f"{GTIN}/21/1234", "A213B1", "1234", "2014-12-31", "2015-07-07"),
    (f"]d20151022222233336111412311715070710A213B1{GS}211234", Scheme.GS1_ELEMENT_STRING,
     f"{GTIN}/21/1234", "A213B1", "1234", "2014-12-31", "2015-07-07"),
    (f"]C10151022222233336211234{GS}10A213B1", Scheme.GS1_ELEMENT_STRING,
     f"{GTIN}/21/1234", "A213B1", "1234", None, None),
    ("]Q3015102222223333610A213B1", Scheme.GS1_ELEMENT_STRING,
     f"{GTIN}/10/A213B1", "A213B1", None, None, None),
    ("(01) 6901234 567892 (17) 280200 (10) A1", Scheme.GS1_ELEMENT_STRING,
     "/01/06901234567892/10/A1", "A1", None, None, "2028-02-29"),
    ("https://brand.example/p/01/51022222233336/10/A213B1/21/1234?11=141231&17=150707",
     Scheme.GS1_DIGITAL_LINK, f"{GTIN}/21/1234", "A213B1", "1234", "2014-12-31", "2015-07-07"),
    ("urn:epc:id:sgtin:1022222.523333.1234", Scheme.EPC_URN,
     f"{GTIN}/21/1234", None, "1234", None, None),
    ("]E0 4012345123456", Scheme.PLAIN, "/01/04012345123456", None, None, None, None),
    ("96385074", Scheme.PLAIN, "/01/00000096385074", None, None, None, None),
    ("106141412345678908", Scheme.PLAIN, "/00/106141412345678908", None, None, None, None),
    ("00106141412345678908", Scheme.GS1_ELEMENT_STRING, "/00/106141412345678908", *[None] * 4),
    ("+E308T800206X0/$230513/14D20260413C", Scheme.HIBC,
     "urn:lotkin:hibc:E308T800206X0:lot:230513", "230513", None, None, "2026-04-13"),
    ("*+A123BJC5D6E71G*", Scheme.HIBC, "urn:lotkin:hibc:A123BJC5D6E71", *[None] * 4),
    ("+A123BJC5D6E71G+2001510X3GG", Scheme.HIBC,
     "urn:lotkin:hibc:A123BJC5D6E71:lot:10X3", "10X3", None, None, "2020-01-15"),
    ("*+A123BJC5D6E71G* *+$$52001510X3GD*", Scheme.HIBC,
     "urn:lotkin:hibc:A123BJC5D6E71:lot:10X3", "10X3", None, None, "2020-01-15"),
    ("+A99912345/$$52001510X3/16D20111212/S77DE1G45-", Scheme.HIBC,
     "urn:lotkin:hibc:A99912345:serial:77DE1G45", "10X3", "77DE1G45", "2011-12-12", "2020-01-15"),
    ("=/A9999XYZ100T0944=,000025=A99971312345600=>014032=}013032&,1000000000000XYZ123",
     Scheme.ICCBBA, "urn:lotkin:iccbba:A9999XYZ100T0944:serial:A999713123456.000025",
     "000000000000XYZ123", "000025", "2013-02-01", "2014-02-01"),
    ("=)1TE123456A&)RZ12345678", Scheme.ICCBBA,
     "urn:lotkin:iccbba:1TE123456A:lot:RZ12345678", "RZ12345678", None, None, None),
    ("MA.156.M0.100204.13351764", Scheme.MA,
     "urn:lotkin:ma:MA.156.M0.100204.13351764", *[None] * 4),
    ("MA.156.M0.100761.21234561.Sx00008.M220117.L20220117.D20220118.E220130.V220117.C3",
     Scheme.MA, "urn:lotkin:ma:MA.156.M0.100761.21234561:serial:x00008",
     "20220117", "x00008", "2022-01-17", "2022-01-30"),
    ("MA.156.M0.100011.2cscp023.M20200206.L343432", Scheme.MA,
     "urn:lotkin:ma:MA.156.M0.100011.2cscp023:lot:343432", "343432", None, "2020-02-06", None),
    ("AHM.1234567.000123.BN2301.SN0001.MD230105.BD251231.ED260101", Scheme.AHM,
     "urn:lotkin:ahm:1234567.000123:serial:0001", "2301", "0001", "2023-01-05", "2026-01-01"),
    ("(AHM)1234567 000123(BN)2301", Scheme.AHM,
     "urn:lotkin:ahm:1234567.000123:lot:2301", "2301", None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "scheme", "key", "lot", "serial", "manufactured", "expires"), EXAMPLES
)
def test_public_examples_are_read(text, scheme, key, lot, serial, manufactured, expires):
    found = read(text)
    assert found.problems == ()
    assert found.identity is not None
    assert (found.scheme, found.identity.key) == (scheme, key)
    assert (found.lot, found.serial) == (lot, serial)
    assert (found.manufactured, found.expires) == (manufactured, expires)
    assert read(found.identity.key).identity.key == found.identity.key
    if found.digital_link is not None:
        assert read(found.digital_link).identity.key == key


def test_the_canonical_link_has_variant_lot_and_serial_and_no_attributes():
    found = read(f"]d201510222222333362112/4{GS}10A 1{GS}22V2{GS}17150707".replace("A 1", "A-1"))
    assert found.digital_link == "https://id.gs1.org/01/51022222233336/22/V2/10/A-1/21/12%2F4"


def test_a_sterilisation_batch_is_not_the_lot():
    found = read("MA.156.M0.100761.21234561.D20220118")
    assert (found.lot, found.sterile_lot) == (None, "20220118")
    assert found.identity.thing is Thing.ITEM_CLASS


@pytest.mark.parametrize(
    ("flag", "expires"),
    [
        ("0528LOT", "2028-05-31"),
        ("2053128LOT", "2028-05-31"),
        ("3280531LOT", "2028-05-31"),
        ("428053116LOT", "2028-05-31"),
        ("528152LOT", "2028-05-31"),
        ("62815216LOT", "2028-05-31"),
        ("7LOT", None),
        ("8243280531LOT", "2028-05-31"),
        ("9012347LOT", None),
    ],
)
def test_every_hibc_date_form_is_read(flag, expires):
    for opener in ("$$", "$$+"):
        body = f"+A99912345/{opener}{flag}"
        found = read(body + hibc.check_character(body))
        assert found.problems == ()
        assert (found.expires, found.lot or found.serial) == (expires, "LOT")
        assert found.identity.kind is (ItemKind.SERIAL if "+" in opener else ItemKind.LOT)


@pytest.mark.parametrize(
    ("text", "lots"),
    [
        # no doubt: the lot runs to the end, or no other split has a known field
        ("015102222223333610XYZ", ["XYZ"]),
        ("0151022222233336111412311715070710XYZ", ["XYZ"]),
        ("015102222223333610XY99", ["XY99"]),
        # no doubt: the other split has an impossible date, an empty field or a repeated one
        ("015102222223333610XY17159907", ["XY17159907"]),
        ("015102222223333610XY21", ["XY21"]),
        ("015102222223333610XY10Z", ["XY10Z"]),
        # no doubt: only one split leaves every field within its length
        ("015102222223333610ABCDEFGHIJKLMNOPQRST211234", ["ABCDEFGHIJKLMNOPQRST"]),
        # doubt
        ("015102222223333610XY21Z", ["XY21Z", "XY"]),
        ("015102222223333610XY17150707", ["XY17150707", "XY"]),
        ("0151022222233336111412311715070710A213B1211234", ["A213B1211234", "A213B1", "A"]),
    ],
)
def test_lost_separators_make_a_scan_ambiguous_only_where_two_readings_survive(text, lots):
    found = read(text)
    if len(lots) == 1:
        assert (found.ambiguous, found.lot, found.candidates) == (False, lots[0], ())
        return
    assert found.ambiguous
    assert found.identity is None
    assert [c.lot for c in found.candidates] == lots
    assert [p.code for p in found.problems] == [ProblemCode.AMBIGUOUS_SCAN]
    assert found.primary == "51022222233336"


def test_a_scanner_that_announces_gs1_data_is_trusted_with_its_separators():
    assert read("]d2015102222223333610XY21Z").lot == "XY21Z"
    assert read(f"015102222223333610XY21Z{GS}17150707").lot == "XY21Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(01)51022222233337(10)A", "6"),
        ("015102222223333710XYZ", "6"),
        ("4012345123457", "6"),
        ("106141412345678900", "8"),
        ("https://a.example/01/51022222233337/21/1", "6"),
        ("https://a.example/414/4012345000116", "5"),
        ("+E308T800206X0/$230513/14D20260413D", "C"),
        ("+H123PARTNO1234567890120/$$420020216LOT123456789012345/SXYZ456789012345678/16D20130202C",
         "H"),
        ("=/A9999XYZ100T0944=,000025=G12349865432178", "77"),
    ],
)  # fmt: skip
def test_a_wrong_check_digit_gives_no_identity_and_names_the_right_one(text, expected):
    found = read(text)
    assert found.identity is None
    assert found.digital_link is None
    assert [p.code for p in found.problems] == [ProblemCode.BAD_CHECK_DIGIT]
    assert found.problems[0].facts["expected"] == expected


def test_the_check_value_of_a_donation_number_is_the_published_one():
    assert iccbba.check_value("G123498654321") == 17
    assert read("=/A9999XYZ100T0944=,000025=G12349865432177").problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "(01)51022222233336(17)261301(10)A",
        "(01)51022222233336(17)270229(10)A",
        "https://a.example/01/51022222233336/10/A?17=261301",
        "MA.156.M0.100761.21234561.LA.E20220230",
        "=/A9999XYZ100T0944=,000025=>026366",
        "AHM.1.2.BNA.ED261301",
    ],
)
def test_an_impossible_date_is_a_problem_and_the_item_is_still_named(text):
    found = read(text)
    assert [p.code for p in found.problems] == [ProblemCode.BAD_DATE]
    assert found.expires is None
    assert found.identity is not None


@pytest.mark.parametrize("body", ["+A99912345/14D20260230", "+A99912345/$$1326L",
                                  "+A99912345/$$526367L", "+A99912345/$$428053124L",
                                  "+A99912345/$$X"])  # fmt: skip
def test_an_impossible_hibc_date_is_a_problem(body):
    assert codes(body + hibc.check_character(body)) == [ProblemCode.BAD_DATE]


@pytest.mark.parametrize(
    "text",
    [
        "(17)150707(10)A",
        "(9999)1",
        "(01)51022222233",
        "(01)51022222233336(10)A(10)B",
        "=,000025",
        "=?",
        "MA.156.M0.1",
        "MA.156.M0.100761.21234561.X1",
        "AHM.",
        "+$$52001510X3GD",
        "+A123BJC5D6E71G +$$52001510X3HE",
        "urn:epc:id:sgtin:1.2.3",
        "/01/51022222233336/21/%zz",
        "https://a.example/01/51022222233336/21/%ff",
    ],
)
def test_a_label_of_a_known_scheme_that_breaks_its_form_says_so(text):
    assert codes(text) == [ProblemCode.BAD_IDENTIFIER]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "hello",
        "12345",
        "10ABC",
        "401ABC",
        "8004A",
        "\x00",
        "]d2",
        "a" * 5000,
        "01٥1022222233336",
    ],
)
def test_text_of_no_scheme_says_so(text):
    found = read(text)
    assert (found.scheme, found.identity) == (Scheme.UNKNOWN, None)
    assert [p.code for p in found.problems] == [ProblemCode.UNKNOWN_SCHEME]


def test_an_unknown_uri_keeps_its_own_key():
    found = read("urn:uuid:f81d4fae")
    assert found.identity.key == "urn:uuid:f81d4fae"
    assert [p.code for p in found.problems] == [ProblemCode.UNKNOWN_SCHEME]


@pytest.mark.parametrize(
    ("today", "two_digits", "year"),
    [
        (date(2026, 11, 21), "76", 2076),
        (date(2026, 11, 21), "77", 1977),
        (date(2026, 11, 21), "27", 2027),
        (date(2051, 1, 1), "01", 2101),
        (date(2051, 1, 1), "02", 2002),
        (date(1999, 1, 1), "49", 2049),
        (date(1999, 1, 1), "50", 1950),
    ],
)
def test_two_digit_years_slide_with_today(today, two_digits, year):
    found = scan(f"(01)51022222233336(17){two_digits}0200", today=today)
    assert found.expires[:7] == f"{year}-02"
    assert found.expires[8:] == ("29" if year % 4 == 0 and year != 2100 else "28")


@given(st.integers(0, 10**13 - 1), st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_of_a_gtin_is_always_found(payload, place, change):
    digits = f"{payload:013}"
    digits += str(gs1_standard_check_digit(digits))
    assert read(f"(01){digits}").identity is not None
    wrong = digits[:place] + str((int(digits[place]) + change) % 10) + digits[place + 1 :]
    assert codes(f"(01){wrong}") == [ProblemCode.BAD_CHECK_DIGIT]


def test_a_blank_check_character_of_hibc_is_read_and_so_is_a_blank_that_was_typed():
    body = next(b for n in range(99) if hibc.check_character(b := f"+A999{n}1") == " ")
    for label in (body + " ", body + "_", f"*{body} *", " +A123BJC5D6E71G "):
        assert read(label).problems == ()
    assert codes(body) == [ProblemCode.BAD_CHECK_DIGIT]


ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@given(st.text(ALPHABET, min_size=1, max_size=18), st.data())
def test_one_wrong_character_of_a_hibc_code_is_always_found(product, data):
    body = f"+A999{product}1"
    label = body + hibc.check_character(body)
    assume(not label.endswith(" "))  # a blank at the end may be typed too, and is forgiven
    assert read(label).identity.key == f"urn:lotkin:hibc:A999{product}1"
    place = data.draw(st.integers(1, len(body) - 1))
    other = data.draw(st.sampled_from(ALPHABET).filter(lambda c: c != body[place]))
    assert codes(label[:place] + other + label[place + 1 :]) == [ProblemCode.BAD_CHECK_DIGIT]


pieces = st.sampled_from(
    ["01", "51022222233336", "10", "21", "17", "150707", GS, "(", ")", "]d2", "+", "$$", "/", "=",
     "=/", "&,1", "MA.156.M0.", ".L", "AHM.", "BN", "urn:epc:id:", "sgtin:", "https://", "%2F", "%",
     "urn:lotkin:hibc:", "8003", "A", "9", " ", "?", "#", "[", "\n", "\ud800", "٣", "ß"]
)  # fmt: skip


@given(st.text() | st.lists(pieces, max_size=12).map("".join))
@example("//[/01/51022222233336")
@example("/01/51022222233336?17=1")
@example("+ß")
@example("=A99971312345699")
@example("https://[x")
@example("urn:lotkin:hibc:%")
def test_scan_never_raises(text):
    found = read(text)
    assert isinstance(found, Reading)
    assert found.identity is not None or found.problems
    assert all(problem.message("en") and problem.message("zh") for problem in found.problems)
