"""Units of measure: UN/CEFACT Recommendation 20 codes to base units, pieces and UCUM.

Only units that a device maker weighs, measures, fills or counts with are here. A code that is not
is kept as told and never added to another one.
"""

from decimal import Decimal
from typing import NamedTuple

MASS, LENGTH, AREA, VOLUME, COUNT = "KGM", "MTR", "MTK", "LTR", "H87"


class Unit(NamedTuple):
    """How many base units one of it is, and its UCUM code."""

    factor: Decimal
    base: str
    ucum: str


def _units(base: str, rows: str) -> dict[str, Unit]:
    columns = (row.split() for row in rows.strip().splitlines())
    return {code: Unit(Decimal(factor), base, ucum) for code, factor, ucum in columns}


# code, base units in one of it (exact by definition of the international units), UCUM
_TABLE: dict[str, Unit] = {
    **_units(
        MASS,
        """
        KGM 1 kg
        GRM 0.001 g
        MGM 0.000001 mg
        MC 0.000000001 ug
        CGM 0.00001 cg
        DG 0.0001 dg
        DJ 0.01 dag
        HGM 0.1 hg
        DTN 100 dt
        TNE 1000 t
        2U 1000 Mg
        KTN 1000000 kt
        GRN 0.00006479891 [gr]
        ONZ 0.028349523125 [oz_av]
        APZ 0.0311034768 [oz_tr]
        LBR 0.45359237 [lb_av]
        STI 6.35029318 [stone_av]
        CWA 45.359237 [scwt_av]
        CWI 50.80234544 [lcwt_av]
        STN 907.18474 [ston_av]
        LTN 1016.0469088 [lton_av]
        """,
    ),
    **_units(
        LENGTH,
        """
        MTR 1 m
        C45 0.000000001 nm
        4H 0.000001 um
        MMT 0.001 mm
        CMT 0.01 cm
        DMT 0.1 dm
        A45 10 dam
        HMT 100 hm
        KMT 1000 km
        KTM 1000 km
        77 0.0000254 [mil_i]
        INH 0.0254 [in_i]
        FOT 0.3048 [ft_i]
        YRD 0.9144 [yd_i]
        SMI 1609.344 [mi_i]
        NMI 1852 [nmi_i]
        """,
    ),
    **_units(
        AREA,
        """
        MTK 1 m2
        MMK 0.000001 mm2
        CMK 0.0001 cm2
        DMK 0.01 dm2
        ARE 100 ar
        HAR 10000 har
        KMK 1000000 km2
        INK 0.00064516 [sin_i]
        FTK 0.09290304 [sft_i]
        YDK 0.83612736 [syd_i]
        """,
    ),
    **_units(
        VOLUME,
        """
        LTR 1 L
        Q34 0.000000001 nL
        4G 0.000001 uL
        MLT 0.001 mL
        CLT 0.01 cL
        DLT 0.1 dL
        A44 10 daL
        HLT 100 hL
        K6 1000 kL
        MMQ 0.000001 mm3
        CMQ 0.001 cm3
        DMQ 1 dm3
        MTQ 1000 m3
        INQ 0.016387064 [cin_i]
        FTQ 28.316846592 [cft_i]
        OZA 0.0295735295625 [foz_us]
        OZI 0.0284130625 [foz_br]
        PTL 0.473176473 [pt_us]
        PTI 0.56826125 [pt_br]
        QTL 0.946352946 [qt_us]
        QTI 1.1365225 [qt_br]
        GLL 3.785411784 [gal_us]
        GLI 4.54609 [gal_br]
        BLL 158.987294928 [bbl_us]
        """,
    ),
    **_units(
        COUNT,
        """
        H87 1 {piece}
        PCE 1 {piece}
        PCB 1 {piece}
        EA 1 {each}
        C62 1 1
        NIU 1 {unit}
        NAR 1 {article}
        PR 2 {pair}
        NPR 2 {pair}
        HD 6 {half_dozen}
        DZN 12 {dozen}
        DPC 12 {dozen}
        SCO 20 {score}
        CEN 100 {hundred}
        GRO 144 {gross}
        GGR 1728 {great_gross}
        MIL 1000 {thousand}
        MIO 1000000 {million}
        """,
    ),
}


def base(value: Decimal, unit: str | None) -> tuple[Decimal, str] | None:
    """Return `value` in the base unit of its kind, exactly; None if the unit is not known.

    unit: Rec 20 code; None counts pieces (EPCIS: no uom). Base units: KGM, MTR, MTK, LTR, H87.
    """
    if unit is None:
        return value, COUNT
    known = _TABLE.get(unit)
    return None if known is None else (value * known.factor, known.base)


def pieces(value: Decimal, unit: str | None) -> int | None:
    """Return how many pieces a quantity is; None if it is no whole count."""
    known = base(value, unit)
    if known is None or known[1] != COUNT or known[0] != known[0].to_integral_value():
        return None
    return int(known[0])


def ucum(unit: str | None) -> str:
    """Return the UCUM code of a Rec 20 code; an unknown code becomes the annotation `{code}`."""
    if unit is None:
        return _TABLE[COUNT].ucum
    known = _TABLE.get(unit)
    return f"{{{unit}}}" if known is None else known.ucum
