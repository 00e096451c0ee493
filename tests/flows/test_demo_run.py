"""`lotkin run` as its users see it, and the README and first-recall page against it."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from lotkin.auth.permissions import Role
from lotkin.graph.server import Neo4jServer

ROOT = Path(__file__).parents[2]
LOTKIN = Path(sys.executable).with_name("lotkin")
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_RECALL = (ROOT / "docs" / "first-recall.md").read_text(encoding="utf-8")
START_TIMEOUT_S = 120.0


@pytest.fixture
def folder(scratch: Path) -> Path:
    """A folder of this test; not below pytest's own, which it closes to the database's user."""
    return Path(tempfile.mkdtemp(dir=scratch))


def environment(folder: Path) -> dict[str, str]:
    """Ours without settings of Lotkin: the demo brings its own servers."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOTKIN_")}
    return own | {"LOTKIN_STATE_DIR": str(folder / ".lotkin"), "LANG": "C.UTF-8"}


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LOTKIN, "run", "--once", "--port", "0", *arguments],
        cwd=folder,
        env=environment(folder) | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def left_over(folder: Path) -> list[str]:
    """Processes that name the folder in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(folder) in line:
            found.append(line)
    return found


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a page in one language, which may be followed by a name."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Live:
    """A demo of the default size that keeps serving."""

    folder: Path
    process: subprocess.Popen[str]
    url: str
    tokens: dict[str, str]

    def ask(self, query: str) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.url}/graphql",
            json={"query": query},
            headers={"authorization": f"Bearer {self.tokens['quality_engineer']}"},
        ).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data


def started(folder: Path, *arguments: str) -> Live:
    output = folder / "output"
    with output.open("w") as handle:
        process = subprocess.Popen(
            [LOTKIN, "run", "--port", "0", *arguments],
            cwd=folder,
            env=environment(folder),
            stdout=handle,
            stderr=subprocess.STDOUT,
            text=True,
        )
    until = time.monotonic() + START_TIMEOUT_S
    while "Ctrl-C" not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < until, output.read_text()
        time.sleep(0.1)
    told = json.loads((folder / ".lotkin" / "demo.json").read_text())
    return Live(folder, process, told["url"], told["tokens"])


def ended(live: Live, number: signal.Signals) -> int:
    live.process.send_signal(number)
    return live.process.wait(60)


@pytest.fixture(scope="module")
def live(scratch: Path) -> Iterator[Live]:
    folder = scratch / "demo"
    folder.mkdir()
    (folder / ".venv").symlink_to(sys.prefix)
    demo = started(folder)
    try:
        yield demo
    finally:
        ended(demo, signal.SIGTERM)


@pytest.fixture(scope="module")
def captured(live: Live) -> Live:
    """The README's file, captured by the README's command."""
    document = blocks(README, "json my-file.json")[0]
    (live.folder / "my-file.json").write_text(document)
    command = next(each for each in blocks(README, "sh") if "lotkin capture" in each)
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", command],
        cwd=live.folder,
        env=environment(live.folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 captured" in done.stdout
    return live


def test_both_engines_tell_the_same_story_and_leave_nothing_running(folder: Path) -> None:
    stories = []
    for graph in ("postgresql", "neo4j"):
        done = run(folder, "--json", "--serials", "200", "--graph", graph)
        assert done.returncode == 0, done.stderr
        story = json.loads(done.stdout)
        assert story["engine"] == graph.upper()
        stories.append(
            {
                name: value
                for name, value in story.items()
                if name not in {"engine", "url", "ide"} and not name.endswith("Ms")
            }
        )
        assert left_over(folder) == []
        assert not (folder / ".lotkin" / "demo.json").exists()
    assert stories[0] == stories[1]
    assert stories[0]["captured"]["serials"] == 200
    assert all(stories[0]["timed"]["devicesByClass"].values())


@pytest.mark.usefixtures("neo4j_driver")
def test_a_named_graph_is_used_but_never_mixed_with_another_record(
    folder: Path, scratch: Path, neo4j_server: Neo4jServer
) -> None:
    named = {
        "LOTKIN_NEO4J_URI": neo4j_server.uri,
        "LOTKIN_NEO4J_PASSWORD": neo4j_server.password,
    }
    first = run(folder, "--json", "--serials", "200", **named)
    assert json.loads(first.stdout)["engine"] == "NEO4J"
    other = Path(tempfile.mkdtemp(dir=scratch))
    second = run(other, "--json", "--serials", "200", **named)
    assert second.returncode == 1
    assert "another record's data" in " ".join(second.stderr.split())


def test_kept_data_is_told_again_and_other_wishes_start_anew(folder: Path) -> None:
    told = [
        json.loads(run(folder, "--json", "--serials", "200", "--seed", seed).stdout)
        for seed in ("1", "1", "2")
    ]
    first, again, other = (each["captured"] for each in told)
    assert (first["duplicates"], again["new"], other["duplicates"]) == (0, 0, 0)
    assert again["duplicates"] == first["events"]
    assert told[0]["timed"] == told[1]["timed"]
    assert told[0]["position"] == told[1]["position"]
    people = len(Role) + 1  # their accounts, and the program they sign in by, are entries too
    assert told[2]["position"] == other["events"] + people


def test_every_role_can_sign_in(live: Live) -> None:
    told = json.loads((live.folder / ".lotkin" / "demo.json").read_text())
    assert told["accounts"].keys() == {role.value for role in Role}
    asked = {
        "response_type": "code", "client_id": told["client"]["id"], "scope": "openid",
        "redirect_uri": told["client"]["redirectUri"], "code_challenge_method": "S256",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    }  # fmt: skip
    for person in told["accounts"].values():
        with httpx.Client(base_url=live.url) as browser:
            page = browser.get("/oauth/authorize", params=asked).text
            hidden = re.search(r'name="csrf" value="([^"]+)"', page)
            assert hidden
            answer = browser.post(
                "/oauth/sign-in", params=asked, data={"csrf": hidden[1], **person}
            )
            assert answer.headers["location"].startswith(told["client"]["redirectUri"] + "?code=")


def test_a_killed_demo_leaves_what_the_next_one_can_use(folder: Path) -> None:
    assert ended(started(folder, "--serials", "200"), signal.SIGKILL) == -signal.SIGKILL
    done = run(folder, "--json", "--serials", "200")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["captured"]["new"] == 0


def test_a_signal_stops_everything_that_was_started(folder: Path) -> None:
    live = started(folder, "--serials", "200")
    tokens = folder / ".lotkin" / "demo.json"
    assert tokens.stat().st_mode & 0o777 == 0o600
    assert ended(live, signal.SIGINT) == 0
    assert not tokens.exists()
    assert left_over(folder) == []


def test_a_taken_port_is_said_and_nothing_is_started(live: Live, folder: Path) -> None:
    done = run(folder, "--port", live.url.rpartition(":")[2])
    assert done.returncode == 1
    assert "--port" in done.stderr
    assert not (folder / ".lotkin" / "postgres").exists()


def test_the_story_names_the_ide_the_roles_and_the_way_out(live: Live) -> None:
    told = " ".join((live.folder / "output").read_text().split())
    assert f"{live.url}/graphiql" in told
    assert all(role in told for role in live.tokens)
    assert "previously exposed" in told
    assert httpx.get(f"{live.url}/graphiql").status_code == 200


def test_each_role_has_a_token_that_is_taken(live: Live) -> None:
    for role, token in live.tokens.items():
        answer = httpx.post(
            f"{live.url}/graphql",
            json={"query": "{ viewer { roles } }"},
            headers={"authorization": f"Bearer {token}"},
        )
        assert answer.json() == {"data": {"viewer": {"roles": [role]}}}


def test_the_first_recall_of_the_readme_gives_the_answer_it_shows(captured: Live) -> None:
    (query,) = blocks(README, "graphql")
    (answer,) = blocks(README, "json answer")
    assert captured.ask(query) == json.loads(answer)


def test_the_shell_commands_of_the_readme_work(captured: Live) -> None:
    block = next(each for each in blocks(README, "sh") if "TOKEN=" in each)
    line = next(each for each in block.splitlines() if each.startswith("TOKEN="))
    token = subprocess.run(
        ["/bin/sh", "-e", "-c", f'{line}; printf %s "$TOKEN"'],
        cwd=captured.folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert token == captured.tokens["quality_engineer"]
    found = re.search(r"-d '(.*)'$", block, re.MULTILINE)
    assert found is not None
    told = captured.ask(json.loads(found[1])["query"])["recallImpact"]
    assert told["counts"] == {"serials": 2, "consignees": 1}


def test_the_sources_of_the_readme_are_read_as_settings() -> None:
    block = next(each for each in blocks(README, "sh") if "LOTKIN_SOURCES" in each)
    told = subprocess.run(
        [
            "/bin/sh",
            "-e",
            "-c",
            f'{block}\n"$0" -c "from lotkin.settings import Settings; print(Settings().sources)"',
            sys.executable,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "mes-line-1" in told
    assert "MEASURED" in told


def test_every_question_of_the_first_recall_page_is_answered_as_it_says(live: Live) -> None:
    scope, witness, where, parts, bound = map(live.ask, blocks(FIRST_RECALL, "graphql"))
    counts = {each["class"]: each["count"] for each in scope["recallImpact"]["counts"]["byClass"]}
    assert all(counts.values())
    assert {each["rule"] for each in witness["recallImpact"]["in"]} == {"ALL_SUPPLY_TAINTED"}
    assert witness["recallImpact"]["out"][-1]["rule"] == "PRODUCED_BEFORE_EXPOSURE"
    assert len(where["item"]["whereabouts"]["containers"]) == 2
    assert where["item"]["whereabouts"]["place"] == {"name": "Medilane Distribution"}
    assert parts["recallImpact"]["measured"][-1]["rule"] == "PART_REMOVED"
    assert parts["recallImpact"]["declared"][-1]["rule"] == "PART_INSTALLED"
    assert bound["recallImpact"]["bounds"]


def test_the_links_of_the_pages_lead_somewhere() -> None:
    for page, text in ((ROOT, README), (ROOT / "docs", FIRST_RECALL)):
        links = re.findall(r"\]\(((?!https?:)[^)#]+)", text)
        assert [each for each in links if not (page / each).exists()] == []


def test_the_documents_can_be_written_and_sent_by_hand(live: Live, folder: Path) -> None:
    def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LOTKIN, "demo", *arguments],
            cwd=live.folder,
            env=environment(live.folder),
            capture_output=True,
            text=True,
            check=False,
        )

    assert demo("--serials", "200", "--out", str(folder / "events")).returncode == 0
    assert len(list((folder / "events").iterdir())) >= 3
    sent = demo()
    assert sent.returncode == 0, sent.stderr
    assert sent.stderr.strip().startswith("0 events captured, 699 duplicates")
