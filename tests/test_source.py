"""The rules of the house that are read off the syntax tree of the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = sorted((ROOT / "lbsls").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FLOWS = [path for path in LIBRARY if "flows" in path.parts]
EFFECTS = ROOT / "lbsls" / "effects.py"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def named(path: Path) -> str:
    """Give a file the name that a failure should show."""
    return path.relative_to(ROOT).as_posix()


def with_parents(text: str) -> ast.Module:
    """Parse a source text and let every node know its parent."""
    module = ast.parse(text)
    for node in ast.walk(module):
        for child in ast.iter_child_nodes(node):
            child.parent = node  # type: ignore[attr-defined]
    return module


def tree(path: Path) -> ast.Module:
    """Parse a file."""
    return with_parents(path.read_text(encoding="utf-8"))


def functions(node: ast.AST) -> Iterator[Function]:
    """Give all functions and methods, the inner ones too."""
    return (each for each in ast.walk(node) if isinstance(each, Function))


def is_flow(function: Function) -> bool:
    """Tell whether a function's annotation says that it gives a flow."""
    return function.returns is not None and ast.unparse(function.returns).startswith("Flow[")


FLOW_NAMES = {each.name for path in LIBRARY for each in functions(tree(path)) if is_flow(each)}
DRIVEN = [
    "yield from sleep(1)",
    "return sleep(1)",
    "run(sleep(1))",
    "run(flow=sleep(1) if x else effects.sleep(2))",
    "later = lambda: sleep(1)",
    "flow = sleep(1)\n    yield from flow",
]
UNDRIVEN = [
    "sleep(1)",
    "effects.sleep(1)",
    "flow = sleep(1)",
    "yield sleep(1)",
    "if sleep(1): pass",
]


def known_flows(module: ast.Module) -> tuple[set[str], set[str]]:
    """Give the names by which a file calls flows, and those of modules in which it finds them."""
    flows = {each.name for each in functions(module) if is_flow(each)}
    modules = {"self", "cls"}
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lbsls"):
            for name in node.names:
                (flows if name.name in FLOW_NAMES else modules).add(name.asname or name.name)
    return flows, modules


def flow_calls(module: ast.Module) -> Iterator[ast.Call]:
    """Give the calls that make a flow."""
    flows, modules = known_flows(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) if name in flows:
                    yield node
                case ast.Attribute(value=ast.Name(id=base), attr=name):
                    if base in modules and name in FLOW_NAMES:
                        yield node


def is_driven(node: ast.AST) -> bool:
    """Tell whether a flow goes on: to ``yield from``, to the caller, or to another function."""
    while isinstance(node.parent, ast.IfExp | ast.keyword):  # type: ignore[attr-defined]
        node = node.parent  # type: ignore[attr-defined]
    match node.parent:  # type: ignore[attr-defined]
        case ast.YieldFrom() | ast.Return() | ast.Lambda():
            return True
        case ast.Call() as outer:
            return node is not outer.func
        case ast.Assign(targets=[ast.Name(id=name)]) as assignment:
            return any(map(is_driven, loads(assignment, name)))
    return False


def loads(assignment: ast.AST, name: str) -> list[ast.Name]:
    """Give the places in the function around an assignment where its variable is read."""
    function = assignment
    while not isinstance(function, Function | ast.Module):
        function = function.parent  # type: ignore[attr-defined]
    names = (each for each in ast.walk(function) if isinstance(each, ast.Name))
    return [each for each in names if each.id == name and isinstance(each.ctx, ast.Load)]


def inside(node: ast.AST, kinds: tuple[type[ast.AST], ...]) -> bool:
    """Tell whether a function gives up control within one of its statements of these kinds."""
    blocks = (each for each in ast.walk(node) if isinstance(each, kinds))
    bodies = (each.finalbody if isinstance(each, ast.Try) else each.body for each in blocks)
    statements = (statement for body in bodies for statement in body)
    return any(
        isinstance(each, ast.Yield | ast.YieldFrom)
        for statement in statements
        for each in ast.walk(statement)
    )


@pytest.mark.parametrize("line", DRIVEN + UNDRIVEN)
def test_the_search_for_undriven_flows_finds_them(line: str) -> None:
    """The next test can be trusted: it sees each way to forget about a flow."""
    text = f"from lbsls import effects\nfrom lbsls.effects import sleep\ndef f():\n    {line}\n"
    calls = list(flow_calls(with_parents(text)))
    assert calls != []
    assert all(map(is_driven, calls)) == (line in DRIVEN)


@pytest.mark.parametrize("path", LIBRARY, ids=named)
def test_no_flow_is_made_and_not_driven(path: Path) -> None:
    """An operation that is asked for happens: a flow that nobody drives would do nothing."""
    undriven = [call for call in flow_calls(tree(path)) if not is_driven(call)]
    assert [f"line {call.lineno}: {ast.unparse(call)}" for call in undriven] == []


@pytest.mark.parametrize("path", FLOWS, ids=named)
def test_flows_only_yield_from(path: Path) -> None:
    """All effects come from ``send``, ``sleep`` and ``notify``, so both drivers know them."""
    assert [each.lineno for each in ast.walk(tree(path)) if isinstance(each, ast.Yield)] == []


@pytest.mark.parametrize("path", [*FLOWS, EFFECTS], ids=named)
def test_flows_hold_nothing_across_a_yield(path: Path) -> None:
    """A flow that is dropped half-way leaves no lock or file behind, and can always be closed."""
    flows = [each for each in functions(tree(path)) if is_flow(each)]
    assert [each.name for each in flows if inside(each, (ast.With,))] == []
    assert [each.name for each in flows if inside(each, (ast.Try,))] == []


def length(function: Function) -> int:
    """Count a function's lines without its docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    match function.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as docstring if docstring.end_lineno:
            lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


@pytest.mark.parametrize("path", LIBRARY + TESTS, ids=named)
def test_files_and_functions_are_short(path: Path) -> None:
    """A reader sees a function at once and a file in a few minutes."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400
    assert [each.name for each in functions(tree(path)) if length(each) > 40] == []


@pytest.mark.parametrize("path", LIBRARY, ids=named)
def test_what_is_not_covered_says_why(path: Path) -> None:
    """A line is left out of the coverage with a reason beside it only."""
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"# pragma: no (?:cover|branch) *$", text, flags=re.MULTILINE) == []
