"""Imports go one way, the world stays at the edge, and importing anything does nothing else."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from streams.topology import STAGES

ROOT = Path(__file__).parent.parent
LAYERS = ("schemas", "models", "processors", "streams", "dashboard")
"""Each may import itself and what stands before it."""

MODULES = [path.relative_to(ROOT) for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
SOURCES = [
    *MODULES,
    *(p.relative_to(ROOT) for folder in ("benchmarks", "docs", "tests") for p in sorted((ROOT / folder).rglob("*.py"))),
]

LONGEST_FILE_LINES = 400
NAMES_WITHOUT_A_CONCEPT = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "manager",
    "base2",
    "data",
    "process_data",
    "misc",
}

KAFKA = {"faust", "mode", "aiokafka", "kafka", "confluent_kafka"}
NETWORK = {"socket", "ssl", "http", "urllib.request", "aiohttp", "requests", "httpx", "urllib3", "yt_dlp", "pytubefix"}
CLOCK = {"time"}
PROGRAMS = {"subprocess", "multiprocessing", "threading", "asyncio", "signal"}
"""A thread pool is not among them: the fetch stage waits for several downloads at once."""
NEVER = {"torch", "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}

FORBIDDEN: dict[str, set[str]] = {
    "schemas": {*KAFKA, *NETWORK, *CLOCK, *PROGRAMS, "numpy", "os", "pathlib", "io", "tempfile", "shutil"},
    "models": {*KAFKA, *NETWORK, *CLOCK},
    "processors": {*KAFKA, *NETWORK, *CLOCK, *PROGRAMS},
}
FORBIDDEN_CALLS: dict[str, set[str]] = {
    "schemas": {"open", "os.environ", "os.getenv", "datetime.now", "datetime.today", "datetime.utcnow"},
    "models": {"os.environ", "os.getenv", "datetime.now", "datetime.today", "datetime.utcnow"},
    "processors": {"open", "os.environ", "os.getenv", "datetime.now", "datetime.today", "datetime.utcnow"},
}
PICKLE_LIVES_IN = (Path("models/torch_file.py"),)
"""Published torch weights are pickles. This file reads them with an unpickler that can name tensors and nothing
else; ``tests/models/test_torch_file.py`` tries to make it do more."""

TORCH_LIVES_IN = "models/torch_*.py"
"""Imported inside functions, and only where a GPU is used: torch is no dependency."""

FAUST_LIVES_IN = ("streams/kafka/runner*.py", "streams/kafka/faust_*.py")

of_every_module = pytest.mark.parametrize("path", MODULES, ids=str)
of_everything_but_tests = pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[0] != "tests"], ids=str)
of_every_source = pytest.mark.parametrize("path", SOURCES, ids=str)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"), str(path))


def imports_of(tree: ast.Module) -> set[str]:
    """Every module named by an import, also inside functions; ``from a import b`` names both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def forbidden_among(imports: set[str], forbidden: set[str]) -> set[str]:
    return {name for name in imports for bad in forbidden if name == bad or name.startswith(bad + ".")}


def names_in(tree: ast.AST) -> set[str]:
    """Names and dotted names, as they are written."""
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}


@of_every_module
def test_imports_go_one_way(path: Path) -> None:
    own = LAYERS.index(path.parts[0])
    tops = {name.split(".")[0] for name in imports_of(tree_of(path))}
    assert not tops & {*LAYERS[own + 1 :], "benchmarks", "tests", "docs"}


@of_every_module
def test_imports_are_absolute(path: Path) -> None:
    assert not [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.ImportFrom) and n.level]


@of_every_module
def test_a_layer_keeps_out_of_the_world(path: Path) -> None:
    tree, layer = tree_of(path), path.parts[0]
    assert not forbidden_among(imports_of(tree), FORBIDDEN.get(layer, set()))
    assert not names_in(tree) & FORBIDDEN_CALLS.get(layer, set())


@of_every_module
def test_processors_are_synchronous(path: Path) -> None:
    found = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor)]
    assert not found or path.parts[0] in ("streams", "dashboard")


@of_every_source
def test_faust_is_known_to_the_runner_only(path: Path) -> None:
    allowed = any(PurePosixPath(path.as_posix()).match(pattern) for pattern in FAUST_LIVES_IN)
    assert allowed or not forbidden_among(imports_of(tree_of(path)), {"faust", "mode"})


@of_everything_but_tests
def test_nothing_imports_torch_or_unpickles(path: Path) -> None:
    allowed = {"pickle"} if path in PICKLE_LIVES_IN else set()
    if PurePosixPath(path.as_posix()).match(TORCH_LIVES_IN):
        allowed |= {name for name in imports_of(tree_of(path)) if name.split(".")[0] == "torch"}
    assert not forbidden_among(imports_of(tree_of(path)), NEVER) - allowed


@of_everything_but_tests
def test_no_call_opens_a_shell_or_unpickles(path: Path) -> None:
    keywords = [k for n in ast.walk(tree_of(path)) if isinstance(n, ast.Call) for k in n.keywords]
    switched_on = {k.arg for k in keywords if isinstance(k.value, ast.Constant) and k.value.value is True}
    assert not switched_on & {"shell", "allow_pickle"}


@of_every_source
def test_a_file_is_one_idea_long(path: Path) -> None:
    assert len((ROOT / path).read_text("utf-8").splitlines()) <= LONGEST_FILE_LINES


@of_every_source
def test_every_file_is_named_after_a_concept(path: Path) -> None:
    assert not {part.removesuffix(".py") for part in path.parts} & NAMES_WITHOUT_A_CONCEPT


@of_every_module
def test_a_module_only_defines_things(path: Path) -> None:
    tree = tree_of(path)
    own = {name for node in tree.body for name in assigned_names(node)}
    odd = [n for n in tree.body if not (is_definition(n) or is_text(n) or is_guard(n) or fills_its_own_object(n, own))]
    assert not odd, f"line {odd[0].lineno} does something when {path} is imported"


def is_definition(node: ast.stmt) -> bool:
    """Also assignments, but only to names: ``os.environ["A"] = ...`` is an effect."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return bool(assigned_names(node))
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def assigned_names(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    flat = [name for target in targets for name in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [name.id for name in flat if isinstance(name, ast.Name)]


def fills_its_own_object(node: ast.stmt, own: set[str]) -> bool:
    """``app.command("up")(up.up)``, where this module made `app`."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and root_of(node.value) in own


def root_of(node: ast.expr) -> str:
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_guard(node: ast.stmt) -> bool:
    """``if TYPE_CHECKING:``, ``if sys.platform == ...:`` and ``if __name__ == "__main__":``."""
    return isinstance(node, ast.If) and bool(names_in(node.test) & {"TYPE_CHECKING", "sys.platform", "__name__"})


def import_in_a_new_process(names: list[str], *, root: Path, home: Path) -> dict[str, list[str]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GROUNDSWELL_")}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/import_effects.py"), str(root), *names],
        env={**environment, "PYTHONPATH": str(root), "HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def names_of(modules: list[Path]) -> Iterator[str]:
    for path in modules:
        yield ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("layer", [x for x in LAYERS if (ROOT / x).is_dir()])
def test_importing_a_layer_has_no_effects(layer: str, tmp_path: Path) -> None:
    mine = [path for path in MODULES if path.parts[0] == layer and path.name != "__main__.py"]
    answer = import_in_a_new_process(list(names_of(mine)), root=ROOT, home=tmp_path)
    assert answer["effects"] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "effect",
    [
        "import pathlib; pathlib.Path('written').write_text('')",
        "import pathlib; pathlib.Path('made').mkdir()",
        "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "import subprocess; subprocess.run(['true'])",
        "import socket; socket.getaddrinfo('127.0.0.1', 1)",
    ],
)
def test_a_module_that_does_something_is_found(effect: str, tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(effect)
    assert import_in_a_new_process(["busy"], root=tmp_path, home=tmp_path)["effects"] != []


def heavy_among(modules: list[str], heavy: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules} & heavy


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: s.name)
def test_importing_a_stage_loads_neither_a_trainer_nor_kafka(stage: object, tmp_path: Path) -> None:
    module = stage.processor.split(":")[0]  # type: ignore[attr-defined]  # a Stage
    modules = import_in_a_new_process([module], root=ROOT, home=tmp_path)["modules"]
    assert not heavy_among(
        modules, {"torch", "sklearn", "lightgbm", "scipy", "skimage", "matplotlib", "yt_dlp", *KAFKA}
    )


def test_the_command_line_starts_light(tmp_path: Path) -> None:
    modules = import_in_a_new_process(["dashboard.commands.main"], root=ROOT, home=tmp_path)["modules"]
    trainers = {"torch", "sklearn", "lightgbm", "scipy", "skimage", "matplotlib"}
    servers = {"fastapi", "starlette", "uvicorn", "jinja2", "redis", "faust", "confluent_kafka"}
    assert not heavy_among(modules, {*trainers, *servers, "numpy", "openvino", "yt_dlp"})


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: s.name)
def test_every_processor_of_the_topology_exists(stage: object) -> None:
    module, _, name = stage.processor.partition(":")  # type: ignore[attr-defined]  # a Stage
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    classes = [n.name for n in tree_of(Path(spec.origin)).body if isinstance(n, ast.ClassDef)]
    assert name in classes
