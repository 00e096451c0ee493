"""JSON-LD contexts as far as EPCIS needs them: compact names become full IRIs.

Nothing is fetched. A context named by address is taken for GS1's own; its prefixes are in
`domain.cbv`. Read of an inline context: its terms and prefixes; `@vocab`, `@base` and type
coercion are not, for EPCIS fields are fixed by the standard.
"""

from collections.abc import Mapping

from lotkin.domain.cbv import PREFIXES

_CHAIN_MAX = 8  # a prefix defined by a prefix by a prefix …; a cycle ends here


class Context:
    """Prefixes and terms in force at one place of a document. Immutable."""

    __slots__ = ("_keys", "_terms")

    def __init__(self, terms: Mapping[str, str]) -> None:
        self._terms = dict(terms)
        self._keys: dict[str, str] = {}  # field names repeat in every event

    def extended(self, value: object) -> "Context":
        """Return this context with a `@context` value applied over it."""
        told: dict[str, str | None] = {}
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, dict):
                told.update(_definitions(each))
        if not told:
            return self
        raw = {**self._terms, **told}
        known = {term: iri for term, iri in raw.items() if iri is not None}
        return Context(
            {**known, **{term: _resolve(known, known[term]) for term in told if term in known}}
        )

    def expand(self, text: str) -> str:
        """Return the full IRI of a compact one; any other text comes back as it is."""
        prefix, colon, rest = text.partition(":")
        if not colon or rest.startswith("//"):
            return text
        whole = self._terms.get(text)
        if whole is not None:
            return whole
        start = self._terms.get(prefix)
        return text if start is None else start + rest

    def key(self, name: str) -> str:
        """Return the full IRI of a field name with a colon; bare names come back as they are."""
        if ":" not in name:
            return name
        known = self._keys.get(name)
        if known is None:
            known = self._keys[name] = self.expand(name)
        return known

    def extension_key(self, name: str) -> str:
        """Return the full IRI of a field name inside an extension, where bare terms count too."""
        return self.key(name) if ":" in name else self._terms.get(name, name)


def _definitions(context: Mapping[str, object]) -> dict[str, str | None]:
    """Return term -> IRI as told; None unsets a term."""
    told: dict[str, str | None] = {}
    for term, meaning in context.items():
        if term.startswith("@"):
            continue
        if isinstance(meaning, Mapping):
            # {"@type": …} alone keeps the term's own expansion.
            meaning = meaning.get("@id", term)
        if meaning is None or (isinstance(meaning, str) and meaning != term):
            told[term] = meaning
    return told


def _resolve(known: Mapping[str, str], iri: str) -> str:
    for _ in range(_CHAIN_MAX):
        prefix, colon, rest = iri.partition(":")
        start = known.get(prefix) if colon and not rest.startswith("//") else None
        if start is None:
            return iri
        iri = start + rest
    return iri


ROOT = Context(PREFIXES)
