"""Write docs/lifecycle.md: the state table of subscriptions, drawn. `--check` only compares (exit 1 if different)."""

from __future__ import annotations

import sys
from pathlib import Path

from autorisen.subscriptions.model import FIRST, LIVE, MOVES, TRANSITIONS, Status, Trigger

PAGE = Path(__file__).parents[1] / "docs" / "lifecycle.md"
_INTRODUCTION = """# The life of a subscription

Written by `python scripts/write_lifecycle.py` from the state table in
[`subscriptions/model.py`](../src/autorisen/subscriptions/model.py); tests hold this page to it, and hold it to the
database, whose trigger refuses every move that is not here. What a customer or an operator does, and what it costs:
[change a subscription](howto/change-a-subscription.md).
"""
_MEANS = {
    Status.TRIALING: "Tries a plan. Nothing is charged; use counts against the plan's allowance, and ends with it.",
    Status.INCOMPLETE: "Wanted, but its first payment has not come. The default plan holds meanwhile.",
    Status.ACTIVE: "In force, and all that was due is paid or being collected.",
    Status.PAST_DUE: "In force, but a payment failed.",
    Status.PAUSED: "Kept without a fee; nothing may be used.",
    Status.CANCELLED: "Stopped at once; its last period is still to be closed.",
    Status.ENDED: "Over. Nothing changes it any more.",
}
_HAPPENS = {
    Trigger.PAID: "all that was due is paid",
    Trigger.PAYMENT_FAILED: "a payment failed, or its bank asks it back",
    Trigger.START_TRIAL: "a trial begins",
    Trigger.END_TRIAL: "the trial is over, and a saved card pays on",
    Trigger.CHANGE_PLAN: "another plan or cycle holds at once",
    Trigger.SCHEDULE_CHANGE: "another plan or cycle is to hold after the period",
    Trigger.REQUEST_CANCEL: "it is to end with its period",
    Trigger.REQUEST_PAUSE: "it is to pause after its period",
    Trigger.KEEP: "what was to happen with the period is taken back",
    Trigger.RENEW: "a period follows a period",
    Trigger.PAUSE: "it pauses, at once or after its period",
    Trigger.RESUME: "it goes on after a pause",
    Trigger.CANCEL_NOW: "it is stopped at once",
    Trigger.EXPIRE: "the first payment did not come within 23 hours",
    Trigger.END: "its last period is closed",
}


def diagram() -> str:
    """The moves as a mermaid state diagram; what leaves a status as it is, is in the table."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {status}" for status in Status if status in FIRST]
    for before in Status:
        for after in Status:
            if (before, after) in MOVES:
                names = [trigger for trigger, found in TRANSITIONS[before].items() if found is after]
                lines.append(f"    {before} --> {after}: {', '.join(names)}")
    return "\n".join([*lines, f"    {Status.ENDED} --> [*]", "```"])


def table() -> str:
    """Every cell: the status that follows, a dash where the trigger is refused."""
    lines = [
        f"| what happens | {' | '.join(f'`{status}`' for status in Status)} |",
        "| --- |" + " --- |" * len(Status),
    ]
    for trigger in Trigger:
        cells = [TRANSITIONS[status][trigger] or "-" for status in Status]
        shown = ["·" if cell is status else str(cell) for cell, status in zip(cells, Status, strict=True)]
        lines.append(f"| `{trigger}`: {_HAPPENS[trigger]} | {' | '.join(shown)} |")
    return "\n".join(lines)


def page() -> str:
    """The whole page as Markdown."""
    means = "\n".join(f"| `{status}` | {_MEANS[status]} | {'yes' if status in LIVE else 'no'} |" for status in Status)
    return f"""{_INTRODUCTION}
## Statuses

A customer has exactly one subscription that is live, and at most one `incomplete` one beside it.

| status | meaning | live |
| --- | --- | --- |
{means}

## Moves

{diagram()}

## Every cell

A dot leaves the status as it is; a dash refuses (409, `subscription_transition_refused`).

{table()}
"""


def main(arguments: list[str]) -> int:
    text = page()
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
