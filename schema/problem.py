"""What went wrong, as GraphQL: `problems` of payloads, and `errors[]` with a code.

A `LotkinError` reaches the caller as its code, its text in the caller's language and its facts.
Anything else raised below is a bug: masked here, logged once with the correlation id the caller
reads.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry import federation
from strawberry.types.execution import ExecutionContext

from lotkin import clock, errors
from lotkin.errors import TEXTS, Language, LotkinError, Refusal, RefusalCode
from lotkin.resolvers.bugs import masked

_log = structlog.get_logger(__name__)

INTROSPECT = "dev:introspect"  # the scope of a token whose owner may see the schema
ERRORS_MAX = 5  # of one answer: more help nobody, and each is a probe
DETAIL_CHARS_MAX = 1_000  # in the log; a refused operation gets one line of at most 2 KB
# What only routers can read; other tools stop at directives that are not defined.
_KEY = re.compile(r" @key\([^)]*\)")
_FEDERATION = {
    "_FieldSet": "Fields of a key.",
    "link__Purpose": "What a linked specification is for.",
    "link__Import": "What is taken from a linked specification.",
}
_LINK = re.compile(r"^schema @link\([^{]*\{[^}]*\}\n\n", re.MULTILINE)
SUBJECT_CHARS_MAX = 100  # in the log
# One text for all that can be wrong with a document: names of fields would rebuild the schema.
UNIFORM: Mapping[Language, str] = {
    "en": "The document is not one that this service answers",
    "zh": "本服务不接受该文档",
}

ProblemCode = strawberry.enum(
    errors.ProblemCode,
    description="What is wrong, or odd, with an input. New codes may be added.",
)
for _value in ProblemCode.__strawberry_definition__.values:  # type: ignore[attr-defined]
    _value.description = TEXTS[errors.ProblemCode(_value.name)][0]


@strawberry.interface(description="Something the caller can mend, told beside the result.")
class Problem:
    """An expected failure or a remark."""

    code: ProblemCode = strawberry.field(description="Stable, for programs.")  # type: ignore[valid-type]
    message: str = strawberry.field(
        description="For people, in the language of Accept-Language (en or zh); says what to do."
    )
    path: list[str] | None = strawberry.field(
        description="Where in the input: names and list indexes from the outside in."
    )


@strawberry.type(description="A problem that needs no more facts than its message.")
class PlainProblem(Problem):
    """The only concrete problem so far."""


def to_graphql(
    problem: errors.Problem, language: Language, *, under: Sequence[str] = ()
) -> PlainProblem:
    """Return `problem` for a payload; `under` is the place of its path's root in the input."""
    path = [*under, *problem.path]
    return PlainProblem(code=problem.code, message=problem.message(language), path=path or None)


class Schema(federation.Schema):
    """A Strawberry schema whose `errors[]` hold nothing the caller may not read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, meaning in _FEDERATION.items():
            if (named := self._schema.type_map.get(name)) is not None:
                named.description = meaning
                for value in getattr(named, "values", {}).values():
                    value.description = meaning

    def as_str(self) -> str:
        """Return the schema for readers who know nothing of Federation: `_service` has the rest."""
        return _LINK.sub("", _KEY.sub("", super().as_str()))

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,
    ) -> None:
        """Replace every error by its public form, in place; called before any answer leaves."""
        context = execution_context.context if execution_context else None
        language: Language = getattr(context, "language", "en")
        actor = getattr(context, "actor", None)
        mask = _Mask(language, hides_names=actor is not None and INTROSPECT not in actor.scopes)
        found = [mask.public(error) for error in errors[:ERRORS_MAX]]
        # Of what is hidden nothing differs, so saying it once says it all.
        errors[:] = found[:1] if mask.has_hidden else found
        if mask.is_refusal(found):
            _rejected(found, execution_context)


def error_entry(error: LotkinError, language: Language) -> dict[str, Any]:
    """Return one entry of `errors[]` for a failure outside any field."""
    return {"message": error.message(language), "extensions": _extensions(error)}


class _Mask:
    """Makes the errors of one operation public: bugs under one correlation id, one log entry.

    hides_names: what is wrong with a document is not told, since it tells the schema bit by bit.
    """

    def __init__(self, language: Language, *, hides_names: bool) -> None:
        self._language: Language = language
        self._hides_names = hides_names
        self._refusal: Refusal | None = None
        self.has_hidden = False

    def public(self, error: GraphQLError) -> GraphQLError:
        if isinstance(error, _PublicError):
            return error
        cause = _cause(error)
        if cause is None:  # said by the executor about the request: syntax, validation, variables
            return self._about_the_request(error)
        if isinstance(cause, RecursionError):
            cause = Refusal(RefusalCode.BAD_INPUT, reason="The document is nested too deeply")
        shown = cause if isinstance(cause, LotkinError) else self._of(cause)
        if shown.detail:
            _log.info("refused", code=shown.code.value, detail=shown.detail[:DETAIL_CHARS_MAX])
        return _located(error, shown.message(self._language), _extensions(shown))

    @staticmethod
    def is_refusal(found: Sequence[GraphQLError]) -> bool:
        """Tell whether nothing was executed: an error without a path is about all of it."""
        return any(error.path is None for error in found)

    def _about_the_request(self, error: GraphQLError) -> GraphQLError:
        if not self._hides_names:
            return _located(error, error.message, {"code": RefusalCode.BAD_INPUT.value})
        self.has_hidden = True
        refusal = Refusal(RefusalCode.BAD_INPUT, reason=UNIFORM[self._language])
        return _PublicError(refusal.message(self._language), extensions=_extensions(refusal))

    def _of(self, bug: BaseException) -> Refusal:
        if self._refusal is None:
            self._refusal = masked(bug)
        return self._refusal


class _PublicError(GraphQLError):
    """An error already in its public form; lists of errors are cached and come by again."""


def _cause(error: GraphQLError) -> BaseException | None:
    """Return what was raised below, or None where the executor itself refused the request."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    # A scalar that cannot be read from the request is the caller's to mend, whatever it raised;
    # such an error points into the document, but to no field of the answer.
    unreadable = error.path is None and error.nodes is not None
    return None if unreadable and not isinstance(cause, LotkinError) else cause


def _located(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return _PublicError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def _rejected(errors: Sequence[GraphQLError], execution: ExecutionContext | None) -> None:
    """Give the refusal a correlation id, and the log one short line without what was sent."""
    correlation = str(clock.new_id())
    for error in errors:
        assert error.extensions is not None
        error.extensions.setdefault("correlation", correlation)
    codes = sorted({str((error.extensions or {}).get("code")) for error in errors})
    if codes == [RefusalCode.RATE_LIMITED]:
        return  # who is turned away for asking too often must not fill the log instead
    query = (execution.query if execution else None) or ""
    context = execution.context if execution else None
    _log.info(
        "rejected",
        correlation=correlation,
        codes=codes,
        subject=getattr(getattr(context, "actor", None), "subject", "")[:SUBJECT_CHARS_MAX],
        document=hashlib.sha256(query.encode("utf-8", "replace")).hexdigest()[:16],
        chars=len(query),
    )


def _extensions(error: LotkinError) -> dict[str, Any]:
    extensions = {"code": error.code.value, **{k: _plain(v) for k, v in error.facts.items()}}
    if isinstance(error, errors.Problem) and error.path:
        extensions["inputPath"] = list(error.path)
    return extensions


def _plain(fact: object) -> Any:
    if fact is None or isinstance(fact, bool | int | float):
        return fact
    if isinstance(fact, Mapping):
        return {str(key): _plain(value) for key, value in fact.items()}
    if isinstance(fact, Sequence) and not isinstance(fact, str | bytes):
        return [_plain(value) for value in fact]
    return str(fact)
