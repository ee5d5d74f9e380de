"""Habits of the project as laws: the command reference, what may import what, the wheel."""

import ast
import graphlib
import importlib
import os
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

import msmdtools
from msmdtools.cli import COMMANDS, module_of
from msmdtools.cli.reference import reference
from msmdtools.cli.rooms import ROOMS, replaced

PACKAGE = Path(msmdtools.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
LONGEST = 400
"""Lines of a module, with its docstring and imports."""
SPECIFIED = frozenset(
    {
        "base",
        "build",
        "cli",
        "dataset",
        "engrave",
        "errors",
        "evaluation",
        "export",
        "follow",
        "info",
        "inputs",
        "loading",
        "match",
        "mei",
        "metrics",
        "models",
        "perform",
        "performance",
        "piece",
        "score",
        "search",
        "snippet",
        "snippets",
        "sources",
        "splits",
        "training",
    }
)
"""Rooms where public functions of three or more parameters list them under `Args:`, and have `Returns:`."""


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def imports(module: str) -> set[str]:
    """The modules of msmdtools that one imports: at its top, in a function, or for its types."""
    found: set[str] = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{module}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & TREES.keys()) | ({node.module} if names - TREES.keys() else set())
    return {name for name in found if name.split(".")[0] == "msmdtools"}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def test_rooms_import_only_what_is_above_them_and_modules_in_no_circle() -> None:
    graph = {module: imports(module) for module in TREES}
    assert {room(module) for module in graph} == set(LEVEL), "each room has one place in the list"
    wrong = [
        f"{module} imports {other}"
        for module, others in graph.items()
        for other in sorted(others)
        if LEVEL[room(other)] > LEVEL[room(module)]
    ]
    for nodes in (graph, {here: _rooms_below(graph, here) for here in LEVEL}):
        try:
            graphlib.TopologicalSorter(nodes).prepare()
        except graphlib.CycleError as error:
            wrong.append("a circle: " + " <- ".join(error.args[1]))
    assert not wrong, "\n".join(wrong)


def _rooms_below(graph: Mapping[str, set[str]], here: str) -> set[str]:
    others = {room(o) for m, names in graph.items() if room(m) == here for o in names}
    return others - {here}


def test_modules_are_short_say_what_they_are_and_never_print() -> None:
    wrong = []
    for path in MODULES:
        name, lines = module_name(path), len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST:
            wrong.append(f"{name}: {lines} lines, more than {LONGEST}")
        if not ast.get_docstring(TREES[name]):
            wrong.append(f"{name}: no docstring")
        calls = [node for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
        prints = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
        wrong += [f"{name}, line {call.lineno}: print" for call in prints]
    assert not wrong, "\n".join(wrong)


def test_functions_of_three_parameters_say_what_they_take_and_return() -> None:
    wrong = []
    for module, tree in TREES.items():
        if room(module) not in SPECIFIED:
            continue
        for name, function in public_functions(tree.body):
            if any("command(" in ast.unparse(d) for d in function.decorator_list):
                continue  # its docstring is the command's help, and its options have their own
            arguments = function.args
            parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            names = {parameter.arg for parameter in parameters} - {"self", "cls"}
            if len(names) < 3:
                continue
            _, _, specified = (ast.get_docstring(function) or "").partition("Args:\n")
            lines = re.findall(r"^ {4}([\w, ]+): ", specified, re.MULTILINE)
            if missing := sorted(names - {word for line in lines for word in line.split(", ")}):
                wrong.append(f"{module}.{name}: Args: lacks {', '.join(missing)}")
            returned = function.returns and ast.unparse(function.returns)
            if returned != "None" and not re.search("^(Returns|Yields):$", specified, re.MULTILINE):
                wrong.append(f"{module}.{name}: no Returns:")
    assert not wrong, "\n".join(wrong)


def public_functions(
    body: list[ast.stmt], prefix: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Functions and methods whose names, and those of their classes, have no underscore in front."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if not name.startswith("_"):
                    yield prefix + name, node
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield from public_functions(node.body, f"{prefix}{name}.")


def test_reference_has_every_command_with_help_for_every_option_and_an_example(
    repository: Path,
) -> None:
    # Word by word: where the lines are broken depends on the version of click.
    written = (repository / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written.split() == reference().split(), "run `make docs`"
    wrong = []
    for name in COMMANDS:
        own, *parts = re.split(rf"(?=^## msmd {name}\b)", reference(), flags=re.MULTILINE)[1:]
        if f"Usage: msmd {name}" not in own:
            wrong.append(f"{name}: no usage")
        if not any(f"Example: msmd {name}" in part for part in (own, *parts)):
            wrong.append(f"{name}: no example")
        command = importlib.import_module(module_of(name)).command
        commands = [command, *getattr(command, "commands", {}).values()]
        options = [(c, o) for c in commands for o in c.params if isinstance(o, click.Option)]
        wrong += [f"{c.name} {option.opts[0]}: no help" for c, option in options if not option.help]
    assert not wrong, "\n".join(wrong)


def test_the_page_of_the_rooms_is_up_to_date(repository: Path) -> None:
    page = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert page == replaced(page), "run `make docs`"
    there = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    there |= {path.stem for path in PACKAGE.glob("[!_]*.py")}
    assert there == set(LEVEL) - {"msmdtools"}


def test_top_level_holds_what_was_agreed(repository: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=False
    )
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in tracked.stdout.splitlines()}
    assert top <= {
        *(".ci", ".gitignore", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE"),
        *("Makefile", "README.md", "benchmarks", "docs", "examples", "findings", "manifests"),
        *("msmdtools", "pyproject.toml", "soundfonts", "tests"),
    }


def test_every_import_is_a_declared_dependency(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[^\w-]", d, maxsplit=1)[0].lower() for d in project["dependencies"]}
    for extra in project["optional-dependencies"].values():
        declared |= {re.split(r"[^\w-]", d, maxsplit=1)[0].lower() for d in extra}
    distribution = {"cv2": "opencv-python-headless", "PIL": "pillow", "fluidsynth": "pyfluidsynth"}
    distribution |= {"lightning_fabric": "lightning-fabric", "faiss": "faiss-cpu"}
    unknown = set()
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                if top == "msmdtools" or top in sys.stdlib_module_names:
                    continue
                if distribution.get(top, top).lower() not in declared:
                    unknown.add(f"{module}: {top}")
    assert unknown == set()


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds a wheel of msmdtools and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, repository]
    subprocess.run([*pip, *build], check=True)
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("msmdtools-*.whl")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True)
    return python


@pytest.mark.slow
def test_wheel_carries_the_data_files(installed: Path, repository: Path) -> None:
    program = (
        "import msmdtools\n"
        "from msmdtools.base import resources\n"
        "print(resources.soundfont_registry())\n"
        "print(resources.manifests())\n"
        "print(resources.pieces())\n"
        "print(len(list(resources.pieces().rglob('*.ly'))))\n"
        "print(resources.manifest('msmd-v1.1'))\n"
    )
    answer = subprocess.run(
        [installed, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    registry, manifests, pieces, count, manifest = answer.stdout.splitlines()
    for place in (registry, manifests, pieces):
        assert Path(place).is_relative_to(installed.parent.parent)
    assert int(count) == len(list((PACKAGE / "pieces").rglob("*.ly")))
    assert Path(pieces).with_name("py.typed").is_file()
    assert Path(registry).read_bytes() == (repository / "soundfonts/registry.toml").read_bytes()
    assert Path(manifest).read_bytes() == (repository / "manifests/msmd-v1.1.csv").read_bytes()


@pytest.mark.slow
def test_wheel_builds_a_bundled_piece(installed: Path, tmp_path: Path, soundfont: Path) -> None:
    # The dependencies come from the environment of this test: on PYTHONPATH its .pth files are not
    # read, so that msmdtools itself can only be the one of the wheel.
    environment = {**os.environ, "PYTHONPATH": str(Path(click.__file__).parent.parent)}
    msmd = installed.with_name("msmd")
    out = tmp_path / "dataset"
    build = ["build", "--sample", "--pieces", "*greensleeves*", "--jobs", "1", "--out", out]
    for command in (["doctor"], build, ["validate", out]):
        answer = subprocess.run(
            [msmd, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
    assert (out / "pieces/Traditional__greensleeves__greensleeves/page-01.png").is_file()


def test_unknown_manifest_names_the_known_ones() -> None:
    from msmdtools.base import resources

    with pytest.raises(msmdtools.MsmdError, match=r"No manifest named 'no-such'.*msmd-v1\.1"):
        resources.manifest("no-such")


def test_incomplete_installation_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from msmdtools.base import resources

    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "msmdtools")
    with pytest.raises(msmdtools.MsmdError, match="this installation of msmdtools is incomplete"):
        resources.soundfont_registry()


def test_ci_knows_no_place_of_its_own(repository: Path) -> None:
    for file in (".ci/run", "Makefile", "pyproject.toml"):
        text = (repository / file).read_text(encoding="utf-8")
        # The one address is PyTorch's own index of builds for processors; without it, PyPI does.
        found = re.findall(r"https?://\S+|/home/|/root/", text)
        assert [place for place in found if place != "https://download.pytorch.org/whl/cpu"] == []


def test_pickles_from_files_are_never_run() -> None:
    calls = [
        (module, node)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func) in {"torch.load", "np.load", "numpy.load"}
    ]
    assert {ast.unparse(node.func) for _, node in calls} == {"torch.load", "np.load"}
    safe = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
    for module, node in calls:
        name, value = safe[ast.unparse(node.func).replace("numpy", "np")]
        given = {key.arg: ast.literal_eval(key.value) for key in node.keywords if key.arg == name}
        assert given == {name: value}, f"{module}, line {node.lineno}"
