"""The size caps of the house: what fits half a screen is read, what does not is skipped."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cgbot"
LONGEST_FUNCTION = 50
LONGEST_MODULE = 400
MOST_ARGUMENTS = 5
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
OURS = [path for path in MODULES if "versions" not in path.parts and path.stat().st_size]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function):
            yield node


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


@pytest.mark.parametrize("path", OURS, ids=name)
def test_functions_fit_a_screen(path: Path) -> None:
    long = [f"{node.name}: {body_lines(node)} lines" for node in functions(path) if body_lines(node) > LONGEST_FUNCTION]
    assert long == []


@pytest.mark.parametrize("path", OURS, ids=name)
def test_signatures_are_short(path: Path) -> None:
    """More than five arguments want a dataclass; commands and migrations are exempt."""
    long = [
        f"{node.name}: {arguments(node)} arguments"
        for node in functions(path)
        if arguments(node) > MOST_ARGUMENTS and not is_command(node)
    ]
    assert long == []


@pytest.mark.parametrize("path", OURS, ids=name)
def test_modules_fit_a_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", OURS, ids=name)
def test_everything_public_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    public = [
        node
        for node in ast.walk(tree)
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and node in visible(tree)
    ]
    assert ast.get_docstring(tree), "the module's docstring is its contract"
    assert [node.name for node in public if not ast.get_docstring(node)] == []


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


@pytest.mark.parametrize("path", OURS, ids=name)
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not [word for word in ("TODO", "FIXME", "XXX", "NotImplementedError") if word in text]
