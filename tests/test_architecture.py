"""The rules of the house, as tests: who may import whom, what a wheel holds, how long things get.

``config <- engine <- (http | actors) <- run.py, __init__.py``; inside the engine as in ENGINE below.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "engine", "http", "actors")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["setuptools"]["packages"]

# A room imports itself and what stands here, and nothing else of dxflow.
MAY_IMPORT = {
    "config": set(),
    "engine": {"config"},
    "http": {"engine", "config"},
    "actors": {"engine", "config"},
}
# The engine from the ground up: a storey imports itself (the same folder or file) and the storeys below.
# What isn't listed stands on top; the commands stand above all of it, and nothing of ours imports them.
ENGINE = (
    {"disk", "errors", "moments", "strict_json"},
    {"faults"},
    {"store", "platforms", "machine", "retry", "calling", "shred_list", "post"},
    {"identity", "outgoing"},
    {"ledger", "lookups"},
    {"agent", "anchoring", "sso"},
    {"core"},
    {"notices", "inbox", "outbox"},
    {"access"},
    {"mail", "announcing"},
    {"rights"},
    {"recipients"},
    {"services"},
    {"steps"},
)
# Libraries that belong to one room, so that another can't grow into its work.
FOREIGN = {
    "config": {"falcon", "dramatiq", "peewee", "psycopg2", "jinja2"},
    "engine": {"falcon", "dramatiq", "gunicorn", "typer", "rich", "jinja2"},
    "engine/commands": {"falcon", "dramatiq", "gunicorn", "peewee", "psycopg2", "jinja2", "redis"},
    "http": {"dramatiq", "typer", "rich", "psycopg2"},
    "actors": {"falcon", "typer", "rich", "gunicorn", "jinja2"},
}
LONGEST_FILE = 300
ONE_FILE = {Path("engine/ledger/verifier.py")}
"""What must be a single file, because people carry it to other machines."""
LONGEST_FUNCTION = 40


def product_files() -> list[Path]:
    """Every Python file of the product, relative to the root."""
    inside = (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return sorted(file.relative_to(ROOT) for file in [*inside, *ROOT.glob("*.py")])


def imports(file: Path, tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Each import statement with the full dotted name that it reaches for."""
    package = ["dxflow", *file.parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *([node.module] if node.module else [])]
            yield from ((node, ".".join([*module, alias.name])) for alias in node.names)


def dotted(path: Path) -> str:
    """``dxflow.engine.store`` for ``engine/store``, ``engine/store.py`` and ``engine/store/__init__.py``."""
    return ".".join(["dxflow", *path.parts]).removesuffix(".py").removesuffix(".__init__")


@functools.cache
def parsed(file: Path) -> ast.Module:
    return ast.parse((ROOT / file).read_text(), str(file))


def room_of(name: str) -> str:
    """The room of a dotted name of ours; the wiring at the root is a room of its own."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "root"


def inside_functions(tree: ast.AST) -> set[ast.AST]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {inner for function in functions for inner in ast.walk(function)}


def test_there_is_a_product_to_look_at() -> None:
    assert {file.parts[0] for file in product_files()} >= {"config", "engine", "__init__.py"}


@pytest.mark.parametrize("file", product_files(), ids=str)
def test_imports_run_one_way(file: Path) -> None:
    tree = parsed(file)
    lazy = inside_functions(tree) if file == Path("config/gunicorn.py") else set()
    own = room_of(dotted(file))
    for node, name in imports(file, tree):
        if own == "root" or name.split(".")[0] != "dxflow" or node in lazy:
            continue
        assert room_of(name) in {own, *MAY_IMPORT[own]}, f"{file}:{node.lineno} imports {name}"


@pytest.mark.parametrize("file", [file for file in product_files() if file != Path("run.py")], ids=str)
def test_imports_inside_the_project_are_relative_but_for_the_script(file: Path) -> None:
    for node, name in imports(file, parsed(file)):
        if name.split(".")[0] == "dxflow":
            assert isinstance(node, ast.ImportFrom), f"{file}:{node.lineno}"
            assert node.level, f"{file}:{node.lineno} imports {name} by its full name"


def storey(module: str) -> int:
    """How high in the engine a module stands."""
    return next((height for height, names in enumerate(ENGINE) if module in names), len(ENGINE))


@pytest.mark.parametrize("file", [file for file in product_files() if file.parts[0] == "engine"], ids=str)
def test_the_engine_imports_downwards(file: Path) -> None:
    own = file.parts[1].removesuffix(".py")
    for node, name in imports(file, parsed(file)):
        target = name.split(".")[2] if name.startswith("dxflow.engine.") else own
        lower = storey(target) < storey(own) or storey(own) == len(ENGINE)
        reached = target == own or (lower and target != "commands")
        assert reached, f"{file}:{node.lineno}: {own} imports {target}"


@pytest.mark.parametrize("file", [file for file in product_files() if file.parts[0] in ROOMS], ids=str)
def test_a_room_keeps_to_its_libraries(file: Path) -> None:
    foreign = FOREIGN.get(file.parent.as_posix(), FOREIGN[file.parts[0]])
    for node, name in imports(file, parsed(file)):
        assert name.split(".")[0] not in foreign, f"{file}:{node.lineno} imports {name}"


def test_the_folder_http_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "http" / "__init__.py").exists()
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import http.client; print(http.client.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert Path(found) == Path(os.__file__).parent / "http" / "client.py"


def test_every_package_on_disk_is_declared_and_the_other_way_round() -> None:
    assert {dotted(file.parent) for file in product_files()} == set(PACKAGES)


@pytest.fixture(scope="session")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in a wheel that is built from a copy of the tree: a build leaves files behind."""
    copy = tmp_path_factory.mktemp("source") / "dxflow"
    left_behind = shutil.ignore_patterns(".*", "build", "data", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=left_behind)
    (copy / "engine" / "stray.txt").write_text("not declared, so not shipped")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(copy / "dist"),
        ".",
    ]
    built = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if "that satisfies the requirement setuptools" in built.stderr:
        pytest.skip("the build tool can't be downloaded here")
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next((copy / "dist").glob("*.whl"))) as wheel:
        return set(wheel.namelist())


def test_a_wheel_holds_the_code_and_its_data_and_nothing_else(wheel_files: set[str]) -> None:
    shipped = {name for name in wheel_files if ".dist-info/" not in name}
    code = {f"dxflow/{file}" for file in product_files()}
    assert code <= shipped
    declared = (".py", "py.typed", ".lua", ".sql", ".html", ".toml", "http/tokens.css")
    folders = tuple(f"dxflow/http/{name}/" for name in ("dashboard/static", "form/static", "form/languages"))
    for name in shipped - code:
        assert name.endswith(declared) or name.startswith(folders), name
    assert not [name for name in shipped if name.startswith(("dxflow/tests", "dxflow/benchmarks"))]


def test_a_wheel_holds_every_data_file_of_the_product(wheel_files: set[str]) -> None:
    data = [
        file.relative_to(ROOT)
        for room in ROOMS
        for file in (ROOT / room).rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc")
    ]
    assert {f"dxflow/{file}" for file in data} <= wheel_files


IMPORT_EVERYTHING = """
import importlib, socket, subprocess, sys, threading
def refuse(*_, **__):
    raise AssertionError("done at import")
socket.socket.connect = socket.socket.bind = threading.Thread.start = subprocess.Popen.__init__ = refuse
for name in sys.argv[1:]:
    importlib.import_module(name)
assert threading.active_count() == 1
"""


def test_nothing_connects_or_starts_a_thread_at_import(tmp_path: Path) -> None:
    names = [dotted(file) for file in product_files()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DXFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING, *names],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", product_files(), ids=str)
def test_files_and_functions_stay_short(file: Path) -> None:
    assert len((ROOT / file).read_text().splitlines()) <= LONGEST_FILE or file in ONE_FILE
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1 - docstring_length(node)
            assert length <= LONGEST_FUNCTION, f"{file}:{node.lineno} {node.name} has {length} lines"


def docstring_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(function) is None:
        return 0
    return (function.body[0].end_lineno or 0) - function.body[0].lineno + 1


def test_no_test_sleeps_for_a_fixed_time() -> None:
    asleep = re.compile(r"\bsleep\s*\(")
    allowed = {ROOT / "tests" / "waiting.py", Path(__file__).resolve()}
    for file in sorted((ROOT / "tests").rglob("*.py")):
        if file not in allowed:
            lines = enumerate(file.read_text().splitlines(), 1)
            assert not [number for number, line in lines if asleep.search(line)], file.relative_to(ROOT)


def test_what_is_silenced_says_what_and_why() -> None:
    silenced = re.compile(r"#\s*(type: ignore|noqa)(?P<rest>.*)")
    reasoned = re.compile(r"(\[[\w\-, ]+\]|: *[A-Z]+\d+(, *[A-Z]+\d+)*) *(#|-|—) *\w.*")
    for file in product_files():
        for number, line in enumerate((ROOT / file).read_text().splitlines(), 1):
            if found := silenced.search(line):
                assert reasoned.fullmatch(found["rest"]), f"{file}:{number}: {line.strip()}"
