"""What went wrong, as GraphQL: `problems` of payloads, and `errors[]` with a code.

A `LotkinError` reaches the caller as its code, its text in the caller's language and its facts.
Anything else raised below is a bug: masked here, logged once with the correlation id the caller
reads.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.types.execution import ExecutionContext

from lotkin import errors
from lotkin.errors import TEXTS, Language, LotkinError, Refusal, RefusalCode
from lotkin.resolvers.bugs import masked

_log = structlog.get_logger(__name__)

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


class Schema(strawberry.Schema):
    """A Strawberry schema whose `errors[]` hold nothing the caller may not read."""

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,
    ) -> None:
        """Replace every error by its public form, in place; called before any answer leaves."""
        context = execution_context.context if execution_context else None
        language: Language = getattr(context, "language", "en")
        mask = _Mask()
        errors[:] = [_public(error, language, mask) for error in errors]


def error_entry(error: LotkinError, language: Language) -> dict[str, Any]:
    """Return one entry of `errors[]` for a failure outside any field."""
    return {"message": error.message(language), "extensions": _extensions(error)}


class _Mask:
    """Masks the bugs of one operation: one correlation id, one log entry."""

    def __init__(self) -> None:
        self._refusal: Refusal | None = None

    def of(self, bug: BaseException) -> Refusal:
        if self._refusal is None:
            self._refusal = masked(bug)
        return self._refusal


class _PublicError(GraphQLError):
    """An error already in its public form; lists of errors are cached and come by again."""


def _public(error: GraphQLError, language: Language, mask: _Mask) -> GraphQLError:
    if isinstance(error, _PublicError):
        return error
    cause = _cause(error)
    if cause is None:  # said by the executor about the request: syntax, validation, variables
        return _located(error, error.message, {"code": RefusalCode.BAD_INPUT.value})
    if isinstance(cause, RecursionError):
        cause = Refusal(RefusalCode.BAD_INPUT, reason="The document is nested too deeply")
    shown = cause if isinstance(cause, LotkinError) else mask.of(cause)
    if shown.detail:
        _log.info("refused", code=shown.code.value, detail=shown.detail)
    return _located(error, shown.message(language), _extensions(shown))


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
