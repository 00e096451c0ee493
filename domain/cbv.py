"""Words of the Core Business Vocabulary 2.0 that Lotkin reads, and all their spellings.

One word has up to four: bare (`shipping`), URN (`urn:epcglobal:cbv:bizstep:shipping`), web URI
(`https://ref.gs1.org/cbv/BizStep-shipping`) and, once its prefix is expanded, the compact IRI.
"""

import re
from typing import NamedTuple


class Family(NamedTuple):
    """One list of words. `namespaces` are what stands before a word in its long spellings."""

    name: str
    words: frozenset[str]
    namespaces: tuple[str, ...]

    def bare(self, iri: str) -> str | None:
        """Return the bare word that `iri` spells, None if it is not one of this list."""
        for namespace in self.namespaces:
            if iri.startswith(namespace):
                word = iri[len(namespace) :]
                return word if word in self.words else None
        return None


def _family(name: str, urn: str, web: str, words: str) -> Family:
    hosts = ("https://ref.gs1.org/cbv/", "https://ns.gs1.org/cbv/", "http://ns.gs1.org/cbv/")
    namespaces = (f"urn:epcglobal:cbv:{urn}:", *(f"{host}{web}-" for host in hosts))
    return Family(name, frozenset(words.split()), namespaces)


BIZ_STEP = _family(
    "business step",
    "bizstep",
    "BizStep",
    """accepting arriving assembling collecting commissioning consigning creating_class_instance
    cycle_counting decommissioning departing destroying disassembling dispensing encoding
    entering_exiting holding inspecting installing killing loading other packing picking receiving
    removing repackaging repairing replacing reserving retail_selling sampling sensor_reporting
    shipping staging_outbound stock_taking stocking storing transporting unloading unpacking
    void_shipping""",
)
DISPOSITION = _family(
    "disposition",
    "disp",
    "Disp",
    """active available completeness_inferred completeness_verified conformant container_closed
    container_open damaged destroyed dispensed disposed encoded expired in_progress in_transit
    inactive mismatch_class mismatch_instance mismatch_quantity needs_replacement no_pedigree_match
    non_conformant non_sellable_other partially_dispensed recalled reserved retail_sold returned
    sellable_accessible sellable_not_accessible stolen unavailable unknown""",
)
TRANSACTION = _family(
    "business transaction type",
    "btt",
    "BTT",
    "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt",
)
PARTY_ROLE = _family(
    "source or destination type", "sdt", "SDT", "owning_party possessing_party location"
)
ERROR_REASON = _family("error reason", "er", "ER", "did_not_occur incorrect_data")
COMPONENT = _family(
    "component",
    "comp",
    "Comp",
    """altitude axial_distance azimuth easting elevation_angle height latitude longitude northing
    polar_angle spherical_radius x y z""",
)

_VOC = ("https://gs1.org/voc/", "https://www.gs1.org/voc/", "https://ref.gs1.org/voc/")

_MEASUREMENTS = """
        AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
        AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity
        Area Capacitance Conductance Conductivity Count Density Dimensionless DoseEquivalent
        DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent ElectricCurrentDensity
        ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance Irradiance
        KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity
        MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration
        MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass
        MolarVolume Power Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity
        Resistance Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension
        Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction VolumetricFlux
        Wavenumber"""
MEASUREMENT = Family(
    "sensor type",
    frozenset(_MEASUREMENTS.split()),
    tuple(f"{host}{kind}" for host in _VOC for kind in ("MeasurementType-", "MT-", "")),
)
ALERT = Family(
    "sensor alert",
    frozenset({"ALARM_CONDITION", "ERROR_CONDITION"}),
    tuple(f"{host}{kind}" for host in _VOC for kind in ("SensorAlertType-", "")),
)
EVENT_TYPE = Family(
    "event type",
    frozenset(
        f"{kind}Event"
        for kind in ("Object", "Aggregation", "Transaction", "Transformation", "Association")
    ),
    ("https://ref.gs1.org/epcis/", "https://ns.gs1.org/epcis/", "urn:epcglobal:epcis:"),
)

# Prefixes that GS1's own context brings, and ours: a document need not declare them.
PREFIXES: dict[str, str] = {
    "cbv": "https://ref.gs1.org/cbv/",
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "epcis": "https://ref.gs1.org/epcis/",
    "gs1": "https://gs1.org/voc/",
    "dcterms": "http://purl.org/dc/terms/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "lotkin": "urn:lotkin:epcis:",
}

# Master data and ILMD attributes travel under every one of these, with or without a separator.
_ATTRIBUTE = re.compile(
    r"(?:urn:epcglobal:cbv(?:mda)?:mda|https?://(?:ref|ns)\.gs1\.org/cbv(?:/mda)?"
    r"|https?://(?:(?:www|ref)\.)?gs1\.org/voc)[:#/]?([A-Za-z]\w*)"
)


def attribute(iri: str) -> str | None:
    """Return the local name of a master data attribute of CBV or the GS1 vocabulary, else None."""
    found = _ATTRIBUTE.fullmatch(iri)
    return found[1] if found else None
