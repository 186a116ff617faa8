"""The house holds: imports point downwards, no circle, no method known by name outside its rooms, nothing unpacked."""

import ast
import configparser
import pathlib

from ecgan_tf.methods import METHODS

ROOT = pathlib.Path(__file__).parents[1]
# The floors, lowest first; a file may import from its own floor's room and from the floors below.
FLOORS = (
    (
        "errors",
        "console",
        "atomic_files",
        "json_lines",
        "arrays",
        "pixels",
        "config_keys",
        "outputs",
        "interrupts",
        "backend",
        "torch_files",
        "wheels",
        "foreign_files",
        "memory",
        "latents",
        "openvino_core",
        "pretrained",
        "ports",
        "studio",
    ),
    ("data", "layers", "losses"),
    ("models", "pictures", "attention_pictures"),
    ("methods",),
    ("config", "convert"),
    ("configs", "runs"),
    ("inference",),
    ("evaluation",),
    ("training", "export"),
    ("doctor",),
    ("commands", "cli"),
)
# A `python -m` file is an entry, which delegates upwards on purpose.
ENTRIES = {"ecgan_tf.__main__", "ecgan_tf.synthesize", "ecgan_tf.evaluate", "export.__main__", "ecgan_tf"}
OWNERS = ("ecgan_tf.methods", "ecgan_tf.models", "ecgan_tf.configs")


def modules():
    """Every module of the package: dictionary from its name to its file."""
    found = {}
    for folder, package in (("ecgan_tf", "ecgan_tf"), ("configs", "ecgan_tf.configs"), ("export", "export")):
        for path in (ROOT / folder).rglob("*.py"):
            parts = [package, *path.relative_to(ROOT / folder).with_suffix("").parts]
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def room(name):
    """The room of a module: `ecgan_tf.data.images` is in "data", all of export/ in "export"."""
    parts = name.split(".")
    if parts[0] == "export":
        return "cli" if parts[-1] in ("command", "stage", "tensorrt", "client") else "export"
    return parts[1] if len(parts) > 1 else "ecgan_tf"


def floor(name):
    return next(number for number, rooms in enumerate(FLOORS) if room(name) in rooms)


def is_main(node):
    return isinstance(node, ast.If) and "__name__" in ast.dump(node.test)


def is_for_types(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports(tree, top_only=False):
    """The modules of the package that a tree imports, wherever it does; not under `if __name__ == "__main__"`."""
    found, waiting = set(), list(tree.body)
    while waiting:
        node = waiting.pop()
        if is_main(node) or is_for_types(node) or (top_only and isinstance(node, ast.FunctionDef | ast.ClassDef)):
            continue
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        waiting += ast.iter_child_nodes(node)
    return {name for name in found if name in MODULES}


def test_every_room_has_a_floor():
    assert not [name for name in MODULES if name not in ENTRIES and room(name) not in sum(FLOORS, ())]


def test_imports_point_downwards():
    upwards = [
        f"{name} -> {other}"
        for name, tree in TREES.items()
        if name not in ENTRIES
        for other in imports(tree)
        if other not in ("ecgan_tf", "export") and floor(other) > floor(name)
    ]
    # Which experiments there are is asked for a message only, and when a config is loaded by its name.
    assert set(upwards) <= {"ecgan_tf.config -> ecgan_tf.configs"}


def test_rooms_of_one_floor_do_not_know_each_other():
    pairs = {(room(name), room(other)) for name, tree in TREES.items() if name not in ENTRIES for other in imports(tree)
             if other not in ENTRIES and floor(other) == floor(name) and room(other) != room(name)}  # fmt: skip
    allowed = {
        ("models", "pictures"), ("attention_pictures", "pictures"), ("layers", "losses"), ("commands", "cli"),
        ("atomic_files", "errors"), ("arrays", "errors"), ("config_keys", "errors"), ("outputs", "atomic_files"),
        ("outputs", "errors"), ("backend", "errors"), ("atomic_files", "console"), ("outputs", "console"),
        ("console", "errors"), ("torch_files", "errors"), ("wheels", "errors"), ("json_lines", "atomic_files"),
        ("foreign_files", "errors"), ("latents", "errors"), ("studio", "errors"),
        ("pretrained", "outputs"),
    }  # fmt: skip
    assert pairs <= allowed


def test_there_is_no_circle():
    graph = {name: imports(tree, top_only=True) - {name} for name, tree in TREES.items()}
    for name in list(graph):  # a module also runs the packages that it lies in
        parents = [name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)]
        graph[name] |= {p for p in parents if p in graph and not p.endswith(("methods", "models", "data"))} - {name}
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name in done:
            return
        path.append(name)
        for other in sorted(graph[name]):
            visit(other)
        path.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)


def test_export_inference_and_evaluation_know_nothing_of_training():
    rooms = ("export", "inference", "evaluation", "runs")
    assert not [
        f"{name} -> {other}"
        for name, tree in TREES.items()
        if room(name) in rooms and name not in ENTRIES
        for other in imports(tree)
        if room(other) == "training"
    ]


def test_no_method_is_known_by_name_or_class_outside_its_rooms():
    classes = {type(method).__name__ for method in METHODS.values()}
    classes |= {method.generator.__name__ for method in METHODS.values()}
    known = []
    for name, tree in TREES.items():
        if name.startswith(OWNERS):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in METHODS:
                known.append(f"{name}:{node.lineno}: {node.value!r}")
            if isinstance(node, ast.Name) and node.id in classes:
                known.append(f"{name}:{node.lineno}: {node.id}")
            if isinstance(node, ast.ImportFrom):
                known += [f"{name}:{node.lineno}: {alias.name}" for alias in node.names if alias.name in classes]
    assert not known


def test_every_package_is_in_the_wheel():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    assert listed == {name for name, path in MODULES.items() if path.name == "__init__.py"}


def test_no_file_points_outside_the_project():
    texts = [*MODULES.values(), *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.py")]
    assert not [path.name for path in texts if "shared/spec" in path.read_text() or "`spec/" in path.read_text()]
