"""A refused form, in words for the person who filled it in."""

from __future__ import annotations

from autorisen.kit.problems import Problem
from autorisen.ui.formats import amounts_for_people


def by_field(problem: Problem) -> dict[str, str]:
    """The broken rules as sentences, by the name of the form's field."""
    return {error.field.removeprefix("/"): _as_sentence(amounts_for_people(error.rule)) for error in problem.errors}


def sentence(problem: Problem) -> str:
    """What a problem without fields says."""
    return f"{_as_sentence(problem.title)} {_as_sentence(problem.detail)}".strip()


def _as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""
