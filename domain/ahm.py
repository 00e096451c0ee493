"""AHM labels (Alibaba Health): maker and product number, then tagged production identifiers.

Public is only what the parts are: maker number and product number make the device identifier; BN
is the lot, SN the serial, MD the manufacturing date, BD the shelf life, ED the expiry date. The
order, the lengths, the separators and any check character are in the issuer's guide, which is not
public. So this reads the tagged form that people and printed text use, `AHM` first and a mark
before every tag (`AHM.1234567.000123.BN2301.SN0001.ED20260101`, or `(AHM)…(BN)…`), verifies no
check character, and reads nothing else as AHM.
"""

import re
from datetime import date

from lotkin.domain.keys import Reading, Scheme, bad_identifier, issuer_class, item
from lotkin.domain.ma import read_date
from lotkin.errors import Problem, ProblemCode

_TAGS = ("BN", "SN", "MD", "BD", "ED")
_LABEL = re.compile(r"\(?AHM\)?[\s.:;,|/\x1d]*(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"(?:[.;,|/\x1d\s]\(?|\()(BN|SN|MD|BD|ED)\)?[:=]?")
_MARKS = re.compile(r"[\s.:;,|/\x1d]+")
_DI = re.compile(r"[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)*")


def looks_like(text: str) -> bool:
    """Return whether text names AHM first."""
    return re.match(r"\(AHM\)|AHM[\s.:;,|/\x1d]", text, re.IGNORECASE) is not None


def device_identifier(text: str) -> str:
    """Return maker and product number joined by dots. Raises: Problem BAD_IDENTIFIER."""
    found = _LABEL.fullmatch(text)
    numbers = _TAG.split(found["rest"])[0] if found else ""
    di = _MARKS.sub(".", numbers).strip(".")
    if _DI.fullmatch(di) is None:
        raise bad_identifier(text, "it has no maker and product number")
    return di


def read(text: str, today: date) -> Reading:
    """Read a tagged AHM label; the dates have six or eight digits."""
    try:
        di = device_identifier(text)
    except Problem as problem:
        return Reading(Scheme.AHM, text, problems=(problem,))
    told: dict[str, str] = {}
    problems: list[Problem] = []
    parts = _TAG.split(text)
    for tag, value in zip(parts[1::2], parts[2::2], strict=True):
        clean = value.strip(" .;,|/\x1d\t\r\n")
        if not clean or told.setdefault(tag, clean) != clean:
            problems.append(bad_identifier(f"{tag}{clean}", "the tag is empty or stands twice"))
    dates: dict[str, str] = {}
    for tag in ("MD", "BD", "ED"):
        try:
            if tag in told:
                dates[tag] = read_date(told[tag], today)
        except Problem as problem:
            problems.append(problem)
    identity = None
    if all(p.code is ProblemCode.BAD_DATE for p in problems):
        identity = item(Scheme.AHM, issuer_class("ahm", di), told.get("BN"), told.get("SN"))
    return Reading(
        Scheme.AHM,
        di,
        identity,
        told.get("BN"),
        told.get("SN"),
        dates.get("MD"),
        dates.get("ED") or dates.get("BD"),
        problems=tuple(problems),
    )
