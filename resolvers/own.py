"""Who we are: the keys of our own parties and places, in canonical form."""

from functools import lru_cache

from lotkin.domain.identity import parse_epc
from lotkin.errors import Problem
from lotkin.settings import Settings


def own_keys(settings: Settings) -> frozenset[str]:
    """Return the canonical keys of LOTKIN_OWN_PARTIES, however they are written there.

    Raises: Problem BAD_IDENTIFIER for one that is no identifier.
    """
    return _canonical(settings.own_parties)


@lru_cache(maxsize=8)
def _canonical(told: frozenset[str]) -> frozenset[str]:
    # A canonical key is a path, which no scheme reads; it is taken as it is.
    return frozenset(key if key.startswith("/") else parse_epc(key).key for key in told)


def own_party_keys(settings: Settings) -> frozenset[str]:
    """Return the keys of the parties that are ourselves; the party of a place has its GLN.

    Empty where none is configured: then rules of custody guess from what was shipped first.
    Raises: as `own_keys`.
    """
    return frozenset(
        f"/417/{key.split('/')[2]}" if key.startswith("/414/") else key
        for key in own_keys(settings)
    )


def partner_key(settings: Settings, organisation: str | None) -> str:
    """Return the key of a partner's party; '', which nothing has, for no organisation and for ours.

    A token that calls a partner by our own name must not open what is ours.
    """
    if not organisation:
        return ""
    try:
        key = organisation if organisation.startswith("/") else parse_epc(organisation).key
    except Problem:
        key = organisation
    return "" if key in {settings.org, *own_keys(settings), *own_party_keys(settings)} else key
