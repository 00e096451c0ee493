"""Capture results in the forms they are kept in: remembered answers and job errors."""

from collections.abc import Mapping, Sequence
from typing import Any

from lotkin.domain.admission import CaptureResult, Outcome
from lotkin.errors import Language, Problem, ProblemCode


def stored(results: Sequence[CaptureResult], problems: Sequence[Problem]) -> dict[str, Any]:
    """Return an answer as JSON, to be given again for the same idempotency key."""
    return {
        "results": [
            {
                "index": each.index,
                "eventId": each.event_id,
                "outcome": each.outcome.value,
                "problem": _problem(each.problem) if each.problem else None,
                "remarks": [_problem(remark) for remark in each.remarks],
            }
            for each in results
        ],
        "problems": [_problem(each) for each in problems],
    }


def restored(answer: Mapping[str, Any]) -> tuple[list[CaptureResult], list[Problem]]:
    """Return the results and problems of a stored answer."""
    results = [
        CaptureResult(
            each["index"],
            each["eventId"],
            Outcome(each["outcome"]),
            _told(each["problem"]) if each["problem"] else None,
            tuple(_told(remark) for remark in each["remarks"]),
        )
        for each in answer["results"]
    ]
    return results, [_told(each) for each in answer["problems"]]


def job_error(result: CaptureResult, language: Language) -> dict[str, Any]:
    """Return a refused event as an error of a capture job (type, title, index)."""
    assert result.problem is not None
    return {
        "type": f"urn:lotkin:problem:{result.problem.code.value}",
        "title": result.problem.message(language),
        "index": result.index,
        "eventID": result.event_id,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    facts = {name: str(value) for name, value in problem.facts.items()}
    return {"code": problem.code.value, "path": list(problem.path), "facts": facts}


def _told(stored: Mapping[str, Any]) -> Problem:
    return Problem(ProblemCode(stored["code"]), path=stored["path"], **stored["facts"])
