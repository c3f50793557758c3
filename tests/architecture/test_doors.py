"""Another capability is entered by its door (autorisen.billing), never by its rooms (autorisen.billing.store).

import-linter knows the direction of imports; this says where they may enter.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.conftest import Plant
from tests.architecture.source_tree import LIBRARIES, PACKAGE, ROOTS, SourceTree, imports

# A door that imports these would pull the web into every worker and command.
_DELIVERY = ("api", "pages")


def entered_by_the_window(tree: SourceTree) -> Iterator[str]:
    """Imports of another capability's inner modules."""
    for module in tree.modules:
        if module.home in ROOTS:
            continue
        for node, dotted in imports(module):
            parts = dotted.split(".")
            if parts[0] != PACKAGE or len(parts) < 3 or parts[1] in {module.home, *LIBRARIES}:
                continue
            if ".".join(parts[:3]) in tree.by_name and parts[2:] not in _listed(tree, parts[1]):
                yield f"{module.at(node)} imports {dotted}; import {PACKAGE}.{parts[1]}"


def _listed(tree: SourceTree, capability: str) -> list[list[str]]:
    """The names of a door: one may be called like a room (`catalog.rate`, the function in rate.py)."""
    value = tree.by_name[f"{PACKAGE}.{capability}"].constants().get("__all__")
    return [[name] for name in ast.literal_eval(value)] if value is not None else []


def doors_left_open(tree: SourceTree) -> Iterator[str]:
    """Doors without a docstring or `__all__`, and doors that import the delivery of their own capability."""
    for capability in sorted(tree.capabilities):
        door = tree.by_name[f"{PACKAGE}.{capability}"]
        if not ast.get_docstring(door.tree):
            yield f"{door.path}: a door says what its package owns"
        if "__all__" not in door.constants():
            yield f"{door.path}: a door lists its names in __all__"
        for node, dotted in imports(door):
            parts = dotted.split(".")
            if parts[:2] == [PACKAGE, capability] and len(parts) > 2 and parts[2] in _DELIVERY:
                yield f"{door.at(node)} imports {dotted}; only autorisen.app does"


def missing_from_doors(tree: SourceTree) -> Iterator[str]:
    """Names imported from a door that does not list them."""
    for module in tree.modules:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ImportFrom) or node.level or not node.module:
                continue
            parts = node.module.split(".")
            if parts[0] != PACKAGE or len(parts) != 2 or parts[1] not in tree.capabilities - {module.home}:
                continue
            listed = _listed(tree, parts[1])
            for alias in node.names:
                if [alias.name] not in listed and f"{node.module}.{alias.name}" not in tree.by_name:
                    yield f"{module.at(node)} takes {alias.name} from {node.module}, whose __all__ does not list it"


def test_capabilities_enter_each_other_by_the_door(source: SourceTree) -> None:
    assert list(entered_by_the_window(source)) == []


def test_doors_list_their_names_and_leave_delivery_out(source: SourceTree) -> None:
    assert list(doors_left_open(source)) == []


def test_only_listed_names_are_taken_from_doors(source: SourceTree) -> None:
    assert list(missing_from_doors(source)) == []


@pytest.mark.parametrize(
    "line",
    [
        "from autorisen.billing.store import INVOICES",
        "from autorisen.billing import store",
        "import autorisen.billing.store",
        "def f():\n    from autorisen.billing.store import INVOICES",
    ],
)
def test_a_window_is_seen(plant: Plant, line: str) -> None:
    tree = plant({"billing/store.py": "INVOICES = 1", "portal/pages.py": line})
    assert len(list(entered_by_the_window(tree))) == 1


def test_libraries_roots_and_own_rooms_may_be_entered(plant: Plant) -> None:
    tree = plant(
        {
            "kit/money.py": "",
            "billing/store.py": "from autorisen.kit.money import Money",
            "billing/issue.py": "from autorisen.billing.store import INVOICES",
            "app.py": "from autorisen.billing.api import router",
            "billing/api.py": "",
        }
    )
    assert list(entered_by_the_window(tree)) == []


def test_a_door_without_a_list_or_with_pages_is_seen(plant: Plant) -> None:
    tree = plant({"billing/pages.py": "router = 1"})
    (tree.root / "billing" / "__init__.py").write_text("from autorisen.billing.pages import router\n")
    assert len(list(doors_left_open(SourceTree(tree.root)))) == 3


def test_a_name_that_a_door_does_not_list_is_seen(plant: Plant) -> None:
    tree = plant({"billing/model.py": "class Invoice: ...", "portal/pages.py": "from autorisen.billing import Invoice"})
    (tree.root / "billing" / "__init__.py").write_text('"""Invoices."""\n__all__ = ["Line"]\n')
    assert len(list(missing_from_doors(SourceTree(tree.root)))) == 1
