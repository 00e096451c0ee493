"""Which of our two languages a caller reads best."""

from lotkin.errors import Language


def language_of(accept_language: str | None) -> Language:
    """Return zh where an Accept-Language header (RFC 9110) prefers Chinese to English, else en."""
    best: tuple[float, Language] = (0.0, "en")
    for choice in (accept_language or "").split(",")[:20]:
        tag, _, rest = choice.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        if primary in {"en", "zh"} and (weight := _weight(rest)) > best[0]:
            best = (weight, "zh" if primary == "zh" else "en")
    return best[1]


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
