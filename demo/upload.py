"""Sends EPCIS files to a running Lotkin in batches, with progress, resumable.

What a service has acknowledged is noted per file (by content), so that a second run goes on where
the first one stopped. Sending an event twice would do no harm: repeats change nothing.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lotkin.settings import Settings

TIMEOUT_S = 120.0  # a batch of 10,000 events takes some ten seconds on a small machine
REFUSALS_SHOWN_MAX = 20  # per file: what follows is mostly the same mistake

MUTATION = """
mutation Capture($input: CaptureEventsInput!) {
  captureEvents(input: $input) {
    captured position
    problems { code message path }
    results { index eventId outcome problem { code message } }
  }
}
"""


class UploadError(Exception):
    """Nothing more can be sent; the text says why and what to do."""


@dataclass(slots=True)
class Summary:
    """How many events met which fate, and the last journal position."""

    captured: int = 0
    duplicate: int = 0
    refused: int = 0
    skipped: int = 0
    position: int | None = None
    refusals: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Upload:
    """A service to send to."""

    url: str
    token: str
    on_error: str
    batch: int
    notes: Path

    @classmethod
    def open(
        cls, settings: Settings, url: str | None, token: str | None, *, on_error: str, batch: int
    ) -> "Upload":
        """Return an upload; what is not given comes from the running demo.

        Raises: UploadError when nothing is given and no demo runs.
        """
        if url is None or token is None:
            demo = settings.state_dir / "demo.json"
            if not demo.exists():
                raise UploadError("Give --url and --token, or start the demo with `lotkin run`.")
            told = json.loads(demo.read_text())
            url, token = url or told["url"], token or told["tokens"]["operator"]
        return cls(url.rstrip("/"), token, on_error, batch, settings.state_dir / "uploads.json")

    def send(self, files: Sequence[Path], *, restart: bool, console: Console) -> Summary:
        """Send every file in order; print what was refused and a closing line.

        Raises: UploadError when a file cannot be read or the service does not take it.
        """
        summary = Summary()
        notes = {} if restart else _read_notes(self.notes)
        documents = [(path, _load(path)) for path in files]
        total = sum(len(_events(document)) for _, (document, _) in documents)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with (
            Progress(*columns, TimeRemainingColumn(), console=console) as progress,
            httpx.Client(timeout=TIMEOUT_S) as client,
        ):
            bar = progress.add_task("events", total=total)
            for path, (document, digest) in documents:
                progress.update(bar, description=path.name)
                done = notes.get(f"{self.url} {digest}", 0)
                summary.skipped += done
                progress.advance(bar, done)
                for start, part in _parts(document, done, self.batch):
                    count = self._send(client, path, start, part, summary)
                    notes[f"{self.url} {digest}"] = start + count
                    _write_notes(self.notes, notes)
                    progress.advance(bar, count)
        _report(summary, console)
        return summary

    def _send(
        self, client: httpx.Client, path: Path, start: int, part: Any, summary: Summary
    ) -> int:
        answer = self.post(client, part)
        for each in answer["results"]:
            outcome = each["outcome"].lower()
            setattr(summary, outcome, getattr(summary, outcome) + 1)
            if outcome == "refused":
                problem = each["problem"] or {}
                summary.refusals.append(
                    f"{path.name} event {start + each['index']}: {problem.get('message')}"
                )
        if not answer["results"] and answer["problems"]:
            raise UploadError(f"{path.name}: {answer['problems'][0]['message']}")
        summary.position = int(answer["position"]) if answer["position"] else summary.position
        return len(answer["results"])

    def post(self, client: httpx.Client, document: Any) -> dict[str, Any]:
        """Send one document; return the payload of captureEvents.

        Raises: UploadError when the service cannot be reached or refuses the request.
        """
        body = {
            "query": MUTATION,
            "variables": {"input": {"document": document, "onError": self.on_error}},
        }
        try:
            response = client.post(
                f"{self.url}/graphql",
                content=orjson.dumps(body),
                headers={
                    "authorization": f"Bearer {self.token}",
                    "content-type": "application/json",
                },
            )
        except httpx.HTTPError as error:
            raise UploadError(f"{self.url} does not answer ({error}). Is it running?") from error
        try:
            answer = response.json()
        except ValueError as error:
            raise UploadError(f"{self.url} answered {response.status_code}, no GraphQL") from error
        if answer.get("errors"):
            raise UploadError(f"{self.url}: {answer['errors'][0]['message']}")
        payload: dict[str, Any] = answer["data"]["captureEvents"]
        return payload


def _load(path: Path) -> tuple[Any, str]:
    try:
        raw = path.read_bytes()
        return orjson.loads(raw), hashlib.sha256(raw).hexdigest()
    except (OSError, orjson.JSONDecodeError) as error:
        raise UploadError(f"{path}: {error}") from error


def _events(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    body = document.get("epcisBody") if isinstance(document, dict) else None
    events = body.get("eventList") if isinstance(body, dict) else None
    return events if isinstance(events, list) else [document]


def _parts(document: Any, done: int, size: int) -> Iterator[tuple[int, Any]]:
    """Yield (index of the first event, part) with at most `size` events, behind `done`."""
    events = _events(document)
    if len(events) <= size:
        if done == 0:
            yield 0, document
        return
    for start in range(done, len(events), size):
        part = events[start : start + size]
        if isinstance(document, list):
            yield start, part
        else:
            yield start, {**document, "epcisBody": {**document["epcisBody"], "eventList": part}}


def _read_notes(path: Path) -> dict[str, int]:
    return json.loads(path.read_text()) if path.exists() else {}


def _write_notes(path: Path, notes: Mapping[str, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(notes))
    draft.replace(path)


def _report(summary: Summary, console: Console) -> None:
    for line in summary.refusals[:REFUSALS_SHOWN_MAX]:
        console.print(line, style="red", markup=False)
    hidden = len(summary.refusals) - REFUSALS_SHOWN_MAX
    if hidden > 0:
        console.print(f"… and {hidden} more refused events", style="red")
    console.print(
        f"{summary.captured} captured, {summary.duplicate} duplicates, {summary.refused} refused, "
        f"{summary.skipped} sent before; journal position {summary.position or 'not placed yet'}"
    )
