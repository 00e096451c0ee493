"""Every Cypher file says what it needs, and is planned the way it was written for."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from lotkin.graph.neo4j import CYPHER, statement
from lotkin.tests.graph.engines import Engines

FILES = sorted(CYPHER.glob("*.cypher"))
WHOLE = {"clear_nodes", "clear_relationships", "migration_done", "migrations"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_statement_names_its_parameters_rows_bound_and_index(file: Any) -> None:
    text = file.read_text(encoding="utf-8")
    header = "".join(line for line in text.splitlines(True) if line.startswith("//"))
    code = text.removeprefix(header)

    for word in ("parameters", "rows", "bound", "index"):
        assert f"// {word}: " in header
    (parameters,) = re.findall(r"^// parameters: (.*)$", header, re.MULTILINE)
    for name in re.findall(r"\$(\w+)", code):
        assert name in parameters


def operators(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["operatorType"].split("@")[0]
    for child in plan.get("children", ()):
        yield from operators(child)


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.stem not in WHOLE], ids=lambda file: file.stem
)
async def test_no_statement_scans_the_graph(engines: Engines, file: Any) -> None:
    text = statement(file.stem)
    if "CONSTRAINT" in text:
        return
    code = "".join(line for line in text.splitlines(True) if not line.startswith("//"))
    parameters = {
        name: [] if name in {"starts", "rows"} else 1 for name in re.findall(r"\$(\w+)", code)
    }
    explained = "CYPHER 5 EXPLAIN " + code.removeprefix("CYPHER 5\n")
    result = await engines.driver.execute_query(explained, parameters)
    assert result.summary.plan is not None
    planned = set(operators(result.summary.plan))

    assert not planned & {"AllNodesScan", "NodeByLabelScan"}
    if file.stem.startswith(("lineage", "custody")):
        assert {"VarLengthExpand(Pruning,BFS,All)", "Distinct", "Limit"} <= planned
