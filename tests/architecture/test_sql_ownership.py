"""All SQL of a capability is in its store, as constants, and touches its own schema only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeGuard

import pytest

from tests.architecture.conftest import Plant
from tests.architecture.source_tree import Module, SourceTree, is_upper, looks_like_sql

# The kit's own stores. Their statements keep every other rule of this file.
KIT_STORES = frozenset({"kit/mail.py", "kit/sandbox_clock.py"})
# Parts that stand for somebody else's system, so that they own their own data as that system would.
FOREIGN_SYSTEMS = {"payments/sandbox": "sandbox"}
# They make or open databases before there is a schema, so some of their SQL has names in it.
DATABASE_TOOLS = frozenset(
    {"kit/database.py", "kit/embedded_postgres.py", "kit/migrate.py", "kit/schema_revision.py", "cli/db.py"}
)

# SQLite, in the producer's spool file: every other rule holds; tests/client/test_store.py prepares its statements.
SPOOLS = frozenset({"client/store.py", "client/store_totals.py"})

Function = ast.FunctionDef | ast.AsyncFunctionDef

_EXECUTES = frozenset({"execute", "executemany", "copy"})
_COMMENTS_AND_TEXTS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_OWN_CLOCKS = re.compile(
    r"\b(now\(\)|current_timestamp|localtimestamp|clock_timestamp\(\)|statement_timestamp\(\)|transaction_timestamp\(\)"
    r"|current_date|gen_random_uuid\(\)|uuidv[47]\(\)|random\(\))",
    re.IGNORECASE,
)


def is_store(module: Module) -> bool:
    """store.py, or its parts (store_usage.py) where one file would be too long."""
    stem = module.path.stem
    return stem == "store" or stem.startswith("store_") or module.path.as_posix() in KIT_STORES


def schema_of(module: Module) -> str:
    """The schema that a store owns: named like its capability, but for the parts that play a foreign system."""
    return FOREIGN_SYSTEMS.get(module.path.parent.as_posix(), module.home)


def schemas(tree: SourceTree) -> set[str]:
    return {schema_of(module) for module in tree.modules if is_store(module)}


def foreign_schemas(tree: SourceTree) -> Iterator[str]:
    """Statements that name a schema of another store, to write it or to read it."""
    known = schemas(tree)
    for module in filter(is_store, tree.modules):
        foreign = known - {schema_of(module)}
        if not foreign:
            continue
        pattern = re.compile(rf"\b({'|'.join(sorted(foreign))})\.\w+")
        for name, (line, text) in module.statements().items():
            for match in pattern.finditer(_COMMENTS_AND_TEXTS.sub(" ", text)):
                yield f"{module.path.as_posix()}:{line} {name} touches {match[0]}; ask its owner's door"


def own_clocks(tree: SourceTree) -> Iterator[str]:
    """Statements that take time, ids or randomness from the database instead of from their caller."""
    for module in filter(is_store, tree.modules):
        if module.path.as_posix() == "kit/work/store.py":
            continue  # leases are counted by the database's clock, which all workers share
        for name, (line, text) in module.statements().items():
            for match in _OWN_CLOCKS.finditer(_COMMENTS_AND_TEXTS.sub(" ", text)):
                yield f"{module.path.as_posix()}:{line} {name} uses {match[0]}; pass it in"


def stray_sql(tree: SourceTree) -> Iterator[str]:
    """SQL text that is not in a store, or in one but not a plain constant at its top."""
    for module in tree.modules:
        path = module.path.as_posix()
        if path in DATABASE_TOOLS:
            continue
        top = {id(value) for value in module.constants().values()} if is_store(module) else set()
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in top:
                continue
            if looks_like_sql(node.value):
                yield f"{module.at(node)} SQL belongs in store.py, as a constant"


def built_statements(tree: SourceTree) -> Iterator[str]:
    """Calls that run anything but UPPER_CASE constants of their own module, or that run them outside a store."""
    for module in tree.modules:
        if module.path.as_posix() in DATABASE_TOOLS:
            continue
        for function, call in _calls(module.tree, None):
            if not _runs_sql(call):
                continue
            if not is_store(module):
                yield f"{module.at(call)} runs SQL outside store.py"
            elif not _is_constant(call.args[0], module, function):
                yield f"{module.at(call)} runs {ast.unparse(call.args[0])[:60]}, which is not a constant of this file"


def _calls(node: ast.AST, function: Function | None) -> Iterator[tuple[Function | None, ast.Call]]:
    """Every call, with the innermost function that it is in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield function, child
        yield from _calls(child, child if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else function)


def _runs_sql(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _EXECUTES or not call.args:
        return False
    # `cursor.copy(...)` runs SQL; `copy.copy(...)` and `form.copy()` do not.
    return call.func.attr != "copy" or "cursor" in ast.unparse(call.func.value).lower()


def _is_constant(value: ast.expr, module: Module, function: Function | None) -> bool:
    """A constant, a choice between constants (also by a local name), or the parameter of a private function that is
    called with them."""
    if isinstance(value, ast.IfExp):
        return _is_constant(value.body, module, function) and _is_constant(value.orelse, module, function)
    if not isinstance(value, ast.Name):
        return False
    if is_upper(value.id):
        return value.id in module.constants()
    if function is None:
        return False
    if local := [node.value for node in ast.walk(function) if _assigns(node, value.id)]:
        return all(_is_constant(each, module, None) for each in local)
    if not function.name.startswith("_"):
        return False
    names = [argument.arg for argument in function.args.args]
    if value.id not in names:
        return False
    place = names.index(value.id)
    given = [
        (caller, call.args[place] if len(call.args) > place else None)
        for caller, call in _calls(module.tree, None)
        if isinstance(call.func, ast.Name) and call.func.id == function.name
    ]
    return all(argument is not None and _is_constant(argument, module, caller) for caller, argument in given)


def _assigns(node: ast.AST, name: str) -> TypeGuard[ast.Assign]:
    return isinstance(node, ast.Assign) and any(isinstance(each, ast.Name) and each.id == name for each in node.targets)


def unused_statements(tree: SourceTree) -> Iterator[str]:
    for module in filter(is_store, tree.modules):
        used = {
            node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        elsewhere = {
            alias.name
            for other in tree.modules
            for node in ast.walk(other.tree)
            if isinstance(node, ast.ImportFrom) and node.module == module.dotted
            for alias in node.names
        }
        for name, (line, _) in module.statements().items():
            if name not in used | elsewhere:
                yield f"{module.path.as_posix()}:{line} {name} is never run"


def test_a_store_touches_its_own_schema_only(source: SourceTree) -> None:
    assert list(foreign_schemas(source)) == []


def test_time_and_ids_come_from_the_caller(source: SourceTree) -> None:
    assert list(own_clocks(source)) == []


def test_sql_is_in_stores_only(source: SourceTree) -> None:
    assert list(stray_sql(source)) == []


def test_only_constants_are_run(source: SourceTree) -> None:
    assert list(built_statements(source)) == []


def test_every_statement_is_used(source: SourceTree) -> None:
    assert list(unused_statements(source)) == []


def test_stores_are_found(source: SourceTree) -> None:
    assert {"accounts", "kit"} <= schemas(source)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT i.id FROM billing.invoices i",
        "INSERT INTO billing.invoices (id) VALUES (1)",
        "SELECT 1 FROM accounts.users u JOIN billing.invoices i ON i.user_id = u.id",
        "WITH x AS (SELECT 1 FROM billing.invoices) SELECT * FROM x",
        "DELETE FROM billing.invoices",
    ],
)
def test_a_foreign_schema_is_seen(plant: Plant, statement: str) -> None:
    tree = plant({"accounts/store.py": f"X = {statement!r}", "billing/store.py": "Y = 'SELECT 1'"})
    assert len(list(foreign_schemas(tree))) == 1


def test_a_comment_or_a_text_is_not_a_foreign_schema(plant: Plant) -> None:
    statement = "SELECT 'billing.invoices' -- unlike billing.invoices\nFROM accounts.users"
    tree = plant({"accounts/store.py": f"X = {statement!r}", "billing/store.py": "Y = 'SELECT 1'"})
    assert list(foreign_schemas(tree)) == []


@pytest.mark.parametrize("call", ["now()", "CURRENT_TIMESTAMP", "gen_random_uuid()", "random()"])
def test_the_clock_of_the_database_is_seen(plant: Plant, call: str) -> None:
    tree = plant({"billing/store.py": f"X = 'UPDATE billing.invoices SET paid_at = {call}'"})
    assert len(list(own_clocks(tree))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "X = 'SELECT id FROM billing.invoices'",
        "def f(): return 'DELETE FROM billing.invoices'",
        "def f(t): return f'UPDATE {t} SET x = 1'",
        "X = 'INSERT INTO billing.invoices (id) VALUES (1)'",
    ],
)
def test_sql_outside_a_store_is_seen(plant: Plant, line: str) -> None:
    assert len(list(stray_sql(plant({"billing/issue_invoice.py": line})))) == 1


@pytest.mark.parametrize("text", ["Select a plan", "Update your card", "Delete this key?", "With love"])
def test_plain_words_are_not_sql(plant: Plant, text: str) -> None:
    assert list(stray_sql(plant({"billing/pages.py": f"X = {text!r}"}))) == []


def test_a_built_statement_in_a_store_is_seen(plant: Plant) -> None:
    body = """
        ORDERED = "SELECT id FROM billing.invoices ORDER BY "

        async def invoices(tx, column):
            await tx.execute(ORDERED + column)
            await tx.execute(f"SELECT {column} FROM billing.invoices")
            await tx.execute(ORDERED)
    """
    tree = plant({"billing/store.py": body})
    assert len(list(built_statements(tree))) == 2
    assert len(list(stray_sql(tree))) == 1


def test_a_private_reader_may_be_given_constants_only(plant: Plant) -> None:
    body = """
        ONE = "SELECT id FROM billing.invoices"
        TWO = "SELECT id FROM billing.invoices FOR UPDATE"

        async def _all(tx, query):
            return await tx.execute(query)

        async def invoices(tx, lock):
            return await _all(tx, TWO if lock else ONE)
    """
    assert list(built_statements(plant({"billing/store.py": body}))) == []
    faulty = (
        body + "\n        async def sorted_invoices(tx, column):\n            return await _all(tx, ONE + column)\n"
    )
    assert len(list(built_statements(plant({"billing/store.py": faulty})))) == 1


def test_an_execute_outside_a_store_is_seen(plant: Plant) -> None:
    tree = plant({"billing/issue_invoice.py": "async def f(unit, X):\n    await unit.tx.execute(X)"})
    assert len(list(built_statements(tree))) == 1


def test_an_unused_statement_is_seen(plant: Plant) -> None:
    tree = plant(
        {"billing/store.py": "USED = 'SELECT 1'\nUNUSED = 'SELECT 2'\nasync def f(tx): await tx.execute(USED)"}
    )
    assert len(list(unused_statements(tree))) == 1
