"""Every fact has its row in worker.FACTS, every enqueued kind its row in worker.JOBS, and nothing there is dead."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from autorisen import worker
from tests.architecture.conftest import Plant
from tests.architecture.source_tree import PACKAGE, Module, SourceTree, imports

ENQUEUE = ("enqueue", "enqueue_many")


def fact_classes(tree: SourceTree) -> dict[str, str]:
    """`autorisen.billing.facts.InvoicePaid` -> where it is written."""
    found: dict[str, str] = {}
    for module in tree.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(base).split(".")[-1] == "Fact" for base in node.bases
            ):
                found[f"{module.dotted}.{node.name}"] = module.at(node)
    return found


def facts_without_a_row(tree: SourceTree, rows: set[str]) -> Iterator[str]:
    for name, where in fact_classes(tree).items():
        if name not in rows:
            yield f"{where} {name} has no row in worker.FACTS; an empty one says on purpose: nobody"


def facts_never_recorded(tree: SourceTree) -> Iterator[str]:
    """Fact classes that no code makes."""
    made = {
        ast.unparse(node.func).split(".")[-1]
        for module in tree.modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
    }
    for name, where in fact_classes(tree).items():
        if name.split(".")[-1] not in made:
            yield f"{where} {name} is never recorded"


def enqueued_kinds(tree: SourceTree) -> Iterator[tuple[str, str | None]]:
    """(where, kind) of each `enqueue(unit, kind, ...)`; None when the kind can't be read from the source."""
    for module in tree.modules:
        if module.path.as_posix().startswith("kit/work/"):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ENQUEUE and len(node.args) > 1:
                yield module.at(node), _text_of(node.args[1], module, tree)


def _text_of(value: ast.expr, module: Module, tree: SourceTree) -> str | None:
    """The string that an expression stands for: itself, a constant of the module, or one imported from the tree."""
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, str) else None
    if isinstance(value, ast.Attribute):  # JOB.kind
        return _text_of(value.value, module, tree) if value.attr == "kind" else None
    if isinstance(value, ast.Call) and value.args:  # JOB = Job("kind", ...)
        return _text_of(value.args[0], module, tree)
    if not isinstance(value, ast.Name):
        return None
    if value.id in module.constants():
        return _text_of(module.constants()[value.id], module, tree)
    for _, dotted in imports(module):
        owner, _, name = dotted.rpartition(".")
        if name == value.id and owner in tree.by_name:
            return _text_of(ast.Name(name), tree.by_name[owner], tree)
    return None


def unknown_kinds(tree: SourceTree, kinds: set[str]) -> Iterator[str]:
    for where, kind in enqueued_kinds(tree):
        if kind is None:
            yield f"{where} enqueues a kind that can't be read; use a constant"
        elif kind not in kinds:
            yield f"{where} enqueues {kind!r}, which worker.JOBS does not know"


def our_kinds() -> set[str]:
    return {job.kind for job in worker.JOBS}


def test_every_fact_has_a_row(source: SourceTree) -> None:
    rows = {f"{fact.__module__}.{fact.__qualname__}" for fact in worker.FACTS}
    assert list(facts_without_a_row(source, rows)) == []
    assert rows <= set(fact_classes(source)), "rows of facts that do not exist"


def test_every_fact_is_recorded_somewhere(source: SourceTree) -> None:
    assert list(facts_never_recorded(source)) == []


def test_every_enqueued_kind_is_a_job(source: SourceTree) -> None:
    assert list(unknown_kinds(source, our_kinds())) == []


def test_every_job_is_enqueued_or_scheduled(source: SourceTree) -> None:
    used = {kind for _, kind in enqueued_kinds(source)} | {recurring.kind for recurring in worker.SCHEDULE}
    assert our_kinds() - used == set()


def test_kinds_begin_with_their_owner() -> None:
    owners = {PACKAGE, *(each.split(".")[0] for each in our_kinds())}
    assert owners <= {
        PACKAGE,
        "kit",
        "mail",
        "accounts",
        "catalog",
        "metering",
        "ledger",
        "subscriptions",
        "payments",
    } | {
        "sandbox",
        "billing",
        "onboarding",
        "agents",
        "ops",
        "projectplan",
    }


def test_the_registry_can_be_made() -> None:
    assert {job.kind for job in worker.registry().jobs} == our_kinds()


def test_a_fact_without_a_row_is_seen(plant: Plant) -> None:
    tree = plant({"billing/facts.py": "class InvoicePaid(Fact): ...\nclass Other: ..."})
    assert len(list(facts_without_a_row(tree, set()))) == 1
    assert list(facts_without_a_row(tree, {"autorisen.billing.facts.InvoicePaid"})) == []
    assert len(list(facts_never_recorded(tree))) == 1


@pytest.mark.parametrize(
    "line, faults",
    [
        ("enqueue(unit, 'billing.close', {})", 1),
        ("KIND = 'billing.close'\nenqueue(unit, KIND, {})", 1),
        ("from autorisen.payments.jobs import KIND\nenqueue(unit, KIND, {})", 1),
        ("enqueue(unit, f'billing.{x}', {})", 1),
        ("enqueue(unit, 'billing.open', {})", 0),
        ("JOB = Job('billing.open', run)\nenqueue(unit, JOB.kind, {})", 0),
    ],
)
def test_an_unknown_kind_is_seen(plant: Plant, line: str, faults: int) -> None:
    tree = plant({"billing/jobs.py": line, "payments/jobs.py": "KIND = 'payments.charge'"})
    assert len(list(unknown_kinds(tree, {"billing.open"}))) == faults
