"""The WWW-Authenticate header: what a refused caller must do next (RFC 6750, 9449, 9470, 9728)."""

from collections.abc import Mapping
from typing import Any

RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
STEP_UP = "insufficient_user_authentication"


def challenge(base_url: str, *, is_anonymous: bool) -> str:
    """Return the challenge to a caller without a token, or with one that is not valid."""
    error = {} if is_anonymous else {"error": "invalid_token"}
    return _challenge(error | {"resource_metadata": base_url + RESOURCE_METADATA})


def step_up_challenge(base_url: str, facts: Mapping[str, Any]) -> str:
    """Return the challenge to sign in again (RFC 9470).

    facts: of the refusal; `acr_values` (texts, or one text) and `max_age` (seconds) where asked.
    """
    wanted: dict[str, str] = {"error": STEP_UP, "error_description": "Sign in again"}
    if acr_values := facts.get("acr_values"):
        listed = [acr_values] if isinstance(acr_values, str) else acr_values
        wanted["acr_values"] = " ".join(listed)
    if (max_age := facts.get("max_age")) is not None:
        wanted["max_age"] = str(max_age)
    return _challenge(wanted | {"resource_metadata": base_url + RESOURCE_METADATA})


def _challenge(parameters: Mapping[str, str]) -> str:
    # Our own texts and addresses: nothing a caller sent stands in a header of ours.
    assert not any('"' in value for value in parameters.values())
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())
