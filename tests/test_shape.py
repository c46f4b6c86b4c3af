"""The size caps of the house: what fits half a screen is read, what does not is skipped."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "cgbot"
LONGEST_FUNCTION = 50
LONGEST_MODULE = 400
MOST_ARGUMENTS = 5
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
OURS = [path for path in MODULES if "versions" not in path.parts and path.stat().st_size]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def functions() -> Iterator[tuple[str, Function]]:
    """Every function of ours, and where it stands."""
    for path in OURS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, Function):
                yield f"{name(path)}: {node.name}", node


def body_lines(node: Function) -> int:
    """Count the lines from the first statement after the docstring to the end."""
    first = node.body[1] if ast.get_docstring(node) is not None and len(node.body) > 1 else node.body[0]
    assert node.end_lineno is not None
    return node.end_lineno - first.lineno + 1


def arguments(node: Function) -> int:
    given = node.args
    return len([*given.posonlyargs, *given.args, *given.kwonlyargs])


def is_command(node: Function) -> bool:
    """A command's signature is its options (typer): it has as many as its users need."""
    called = [ast.unparse(one.func) for one in node.decorator_list if isinstance(one, ast.Call)]
    if any(one.endswith((".command", ".callback")) for one in called):
        return True
    given = [ast.unparse(one.annotation) for one in node.args.args if one.annotation is not None]
    return any("typer.Option" in one or "typer.Argument" in one for one in given)


def test_functions_fit_a_screen() -> None:
    sizes = {place: body_lines(node) for place, node in functions()}
    assert len(sizes) > 1000
    assert {place: lines for place, lines in sizes.items() if lines > LONGEST_FUNCTION} == {}


def test_signatures_are_short() -> None:
    """More than five arguments want a dataclass; commands and migrations are exempt."""
    sizes = {place: arguments(node) for place, node in functions() if not is_command(node)}
    assert {place: count for place, count in sizes.items() if count > MOST_ARGUMENTS} == {}


def test_modules_fit_a_sitting() -> None:
    sizes = {name(path): len(path.read_text("utf-8").splitlines()) for path in OURS}
    assert {place: lines for place, lines in sizes.items() if lines > LONGEST_MODULE} == {}


def test_everything_public_has_a_docstring() -> None:
    assert [name(path) for path in OURS if not ast.get_docstring(tree_of(path))] == []  # it is the module's contract
    public = [
        (f"{name(path)}: {node.name}", node)
        for path in OURS
        for node in visible(tree_of(path))
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [place for place, node in public if not ast.get_docstring(node)] == []


def visible(tree: ast.Module) -> list[ast.AST]:
    """Give the module's own functions and classes, and the methods of its public classes."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    return [*tree.body, *(member for one in classes for member in one.body if not inherited(member))]


def inherited(node: ast.AST) -> bool:
    """An override says what the base class said already, and special names say it themselves."""
    if not isinstance(node, Function):
        return False
    return node.name.startswith("__") or any(ast.unparse(one).endswith("override") for one in node.decorator_list)


def test_the_house_is_two_levels_deep() -> None:
    """Rooms hold modules; only migrations go deeper."""
    deep = [name(path) for path in MODULES if len(path.relative_to(PACKAGE).parts) > 2]
    assert [path for path in deep if not path.startswith("store/migrations/")] == []


def test_nothing_is_left_for_later() -> None:
    marks = ("TODO", "FIXME", "XXX", "NotImplementedError")
    assert [name(path) for path in OURS if any(mark in path.read_text("utf-8") for mark in marks)] == []
