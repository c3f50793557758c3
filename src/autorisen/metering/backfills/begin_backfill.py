"""Find the backfill that a file and its options belong to, or begin one."""

from __future__ import annotations

from itertools import count

from autorisen import accounts
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit
from autorisen.metering.backfills import store
from autorisen.metering.backfills.model import TAG_LIMIT, Backfill, BackfillOptions, BackfillState, RowCounts
from autorisen.metering.backfills.read_file import UsageFile
from autorisen.metering.errors import BackfillTaken, InvalidBackfill


async def begin_backfill(
    unit: Unit, file: UsageFile, options: BackfillOptions, *, tag: str | None, actor: str
) -> Backfill:
    """The backfill of this content with these options as it stands, or a new one.

    One that was reverted is over: the same file begins anew. Raises `BackfillTaken` when the tag is another's, when
    the file is in under another tag, when it is being reverted, or when an interrupted backfill of a file of this name
    would be left half done.
    """
    if tag is not None and (not tag.strip() or len(tag) > TAG_LIMIT or not tag.isprintable()):
        rule = f"must be a printable text of 1 to {TAG_LIMIT} characters"
        raise InvalidBackfill(f"--tag {rule}", errors=[FieldError("tag", rule)])
    known = await store.backfill_of(unit.tx, options.digest(file.digest))
    if known is not None:
        return _same(known, tag)
    new_tag = await _free_tag(unit, file) if tag is None else await _own_tag(unit, file, tag)
    backfill = Backfill(
        id=unit.ids.new(),
        tag=new_tag,
        actor=actor,
        file_name=file.name,
        file_digest=file.digest,
        digest=options.digest(file.digest),
        options=options.described(),
        state=BackfillState.RUNNING,
        rows=file.rows,
        next_row=0,
        counts=RowCounts(),
        started_at=unit.now,
    )
    await store.insert_backfill(unit.tx, backfill)
    await accounts.record_audit(unit, actor=actor, action="backfill.started", target=new_tag)
    return backfill


def _same(known: Backfill, tag: str | None) -> Backfill:
    if tag not in (None, known.tag):
        raise BackfillTaken(
            f"this file with these options is the backfill {known.tag!r} already: leave out --tag, or revert it first"
        )
    if known.state is BackfillState.REVERTING:
        raise BackfillTaken(f'{known.tag!r} is being taken back: end that with `autorisen events revert "{known.tag}"`')
    return known


async def _own_tag(unit: Unit, file: UsageFile, tag: str) -> str:
    other = await store.backfill_tagged(unit.tx, tag)
    if other is not None:
        raise _in_the_way(other, file)
    return tag


async def _free_tag(unit: Unit, file: UsageFile) -> str:
    """Name and date. Not while a backfill of that name is half done: its rows would count a second time."""
    interrupted = await store.interrupted_backfill(unit.tx, file.name)
    if interrupted is not None:
        raise _in_the_way(interrupted, file)
    name = f"{file.name[: TAG_LIMIT - 20]} {unit.now:%Y-%m-%d}"
    for number in count(2):
        if await store.backfill_tagged(unit.tx, name) is None:
            break
        name = f"{file.name[: TAG_LIMIT - 20]} {unit.now:%Y-%m-%d} ({number})"
    return name


def _in_the_way(other: Backfill, file: UsageFile) -> BackfillTaken:
    differs = "with other options" if other.file_digest == file.digest else "with another content"
    if other.state is BackfillState.RUNNING:
        return BackfillTaken(
            f"{other.tag!r} stopped at row {other.next_row + 1:,} of {other.file_name}, {differs}. Give the file and "
            f'the options of then to go on, or take it back with `autorisen events revert "{other.tag}"`, '
            "or give this one a --tag of its own"
        )
    return BackfillTaken(
        f"{other.tag!r} is a backfill of {other.file_name} {differs} ({other.state}): "
        "choose another --tag, or revert that one"
    )
