"""What a request says of itself and of the answer it wants: media types, charset, language."""

from starlette.requests import HTTPConnection, Request

from lotkin.errors import Language
from lotkin.resolvers.language import language_of

RESPONSE_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"
EVENT_STREAM = "text/event-stream"
CHOICES_MAX = 20  # of an Accept header; more are not read


def language(request: HTTPConnection) -> Language:
    """Return the language that a request asks for."""
    return language_of(request.headers.get("accept-language"))


def accept(request: HTTPConnection) -> str:
    """Return what a request accepts, in lower case."""
    return ",".join(request.headers.getlist("accept")).lower()


def is_json(request: Request) -> bool:
    """Tell whether a body is said to be JSON in UTF-8, and not compressed."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    name, _, charset = parameters.partition("=")
    return (
        media_type.strip().lower() == PLAIN_JSON
        and request.headers.get("content-encoding", "identity").lower() == "identity"
        and (name.strip().lower() != "charset" or charset.strip(' "').lower() == "utf-8")
    )


def media_type(accepted: str) -> str:
    """Return the newer media type where it is asked for by name and not less than the older."""
    weights = _weights(accepted)
    newer = weights.get(RESPONSE_JSON, 0.0)
    return RESPONSE_JSON if newer > 0 and newer >= weights.get(PLAIN_JSON, 0.0) else PLAIN_JSON


def wants_stream(accepted: str) -> bool:
    """Tell whether server-sent events are asked for, and not less than one answer."""
    weights = _weights(accepted)
    stream = weights.get(EVENT_STREAM, 0.0)
    others = (weights.get(each, 0.0) for each in (RESPONSE_JSON, PLAIN_JSON))
    return stream > 0 and stream >= max(others)


def _weights(accepted: str) -> dict[str, float]:
    return dict(_weight(choice) for choice in accepted.split(",")[:CHOICES_MAX])


def _weight(choice: str) -> tuple[str, float]:
    named, *parameters = (part.strip() for part in choice.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return named, float(parameter[2:])
            except ValueError:
                return named, 0.0
    return named, 1.0
