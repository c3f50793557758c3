"""Files in every format: what a row becomes, to the last digit, and files that are none."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from arro3.core import Array, DataType, Field, Table, struct_array
from arro3.io import write_parquet

from autorisen.metering import BackfillOptions, Event, FileFormat, Rejection, open_file
from autorisen.metering.backfills.read_rows import read_rows
from autorisen.metering.errors import InvalidBackfill

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FIXED: dict[str, Any] = {"type": "llm.completion", "subject": "acme"}


def events(path: Path, **options: Any) -> list[Event]:
    found = list(read_rows(open_file(path), BackfillOptions(**FIXED | options)))
    assert all(isinstance(each, Event) for each in found), found
    return [each for each in found if isinstance(each, Event)]


def array(kind: DataType, values: list[Any]) -> Array:
    return Array(values, type=kind)


def stamps(values: list[datetime | None], zone: str | None = None) -> Array:
    microseconds = [each and int(each.replace(tzinfo=UTC).timestamp()) * 10**6 + each.microsecond for each in values]
    return array(DataType.int64(), microseconds).cast(DataType.timestamp("us", tz=zone))


def struct(**fields: Array) -> Array:
    return struct_array(list(fields.values()), fields=[Field(name, each.type) for name, each in fields.items()])


def parquet(path: Path, **columns: Array) -> Path:
    write_parquet(Table.from_arrays(list(columns.values()), names=list(columns)), path)
    return path


def test_parquet_to_the_last_digit(tmp_path: Path) -> None:
    """Goal: decimals and 64-bit integers are never floats; zones are kept; nulls are absent."""
    at = datetime(2026, 2, 1, 1, 2, 3, 4)  # noqa: DTZ001 -- without a zone on purpose
    path = parquet(
        tmp_path / "usage.parquet",
        at=stamps([at, None]),
        customer=array(DataType.int64(), [42, 43]),
        big=array(DataType.uint64(), [2**64 - 1, 2**63 - 1]),
        wide=array(DataType.string(), ["1" * 48 + "." + "2" * 12, "0.000000000001"]).cast(DataType.decimal256(60, 12)),
        usage=struct(
            tokens=array(DataType.int64(), [2**62 + 1, None]),
            price=array(DataType.string(), ["12345678901234567890.0123456789", None]).cast(DataType.decimal128(38, 10)),
        ),
        float=array(DataType.float64(), [0.1, float("nan")]),
        model=array(DataType.string(), ['é"x', "y"]),
    )
    columns = {
        "time": "at",
        "subject": "customer",
        "data.big": "big",
        "data.wide": "wide",
        "data.tokens": "usage.tokens",
    }
    columns |= {"data.usage": "usage", "data.float": "float", "data.model": "model"}
    first, second = events(path, columns=columns, time_zone="Africa/Johannesburg")
    assert first.time == datetime(2026, 1, 31, 23, 2, 3, 4, tzinfo=UTC)
    assert (first.subject, second.subject, second.time) == ("42", "43", None)
    assert first.data == {
        "big": 2**64 - 1,
        "wide": Decimal("1" * 48 + "." + "2" * 12),
        "tokens": 2**62 + 1,
        "usage": {"tokens": 2**62 + 1, "price": Decimal("12345678901234567890.0123456789")},
        "float": Decimal("0.1"),
        "model": 'é"x',
    }
    assert second.data == {"big": 2**63 - 1, "wide": Decimal("0.000000000001"), "usage": {}, "model": "y"}
    assert '"big":18446744073709551615' in first.data_json


def test_parquet_times_with_a_zone_and_columns_by_their_names(tmp_path: Path) -> None:
    at = datetime(2026, 2, 1, 1, 2, 3, 456, tzinfo=UTC)
    columns = {
        "id": array(DataType.string(), ["a"]),
        "time": stamps([at], "Africa/Johannesburg"),
        "data": struct(input_tokens=array(DataType.int64(), [7])),
        "data.model": array(DataType.string(), ["m"]),
        "unrelated column": array(DataType.string(), ["x"]),
    }
    path = parquet(tmp_path / "usage.parquet", **columns)
    (event,) = events(path)
    assert (event.id, event.time, event.data) == ("a", at, {"input_tokens": 7, "model": "m"})
    assert open_file(path).rows == 1


def test_parquet_is_loaded_only_for_parquet(tmp_path: Path) -> None:
    (tmp_path / "usage.csv").write_text("time\n2026-02-01T00:00:00Z\n")
    code = (
        "import sys; from pathlib import Path; from autorisen.metering import open_file; import autorisen.app;"
        "open_file(Path(sys.argv[1])); assert not [m for m in sys.modules if m.startswith('arro3')]"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "usage.csv")], check=True)


def test_damaged_parquet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good = parquet(
        tmp_path / "good.parquet", n=array(DataType.string(), [f"value {number}" for number in range(5_000)])
    ).read_bytes()
    middle = bytearray(good)
    middle[100:3000] = b"\xff" * 2900
    for content, message in (
        (b"", "is no Parquet file"),
        (b"time,n\n1,2\n", "is no Parquet file"),
        (good[:3000], "is no Parquet file, or is cut off"),
        (bytes(middle), "can't be read as Parquet"),
        (good[:4] + b"\xff" * 100 + (50).to_bytes(4, "little") + b"PAR1", "can't be read as Parquet"),
    ):
        (tmp_path / "bad.parquet").write_bytes(content)
        with pytest.raises(InvalidBackfill, match=message):
            open_file(tmp_path / "bad.parquet")
    with pytest.raises(InvalidBackfill, match=r"there is no file none.parquet"):
        open_file(tmp_path / "none.parquet")
    capfd.readouterr()


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_csv_by_map_and_by_name(tmp_path: Path, ending: str) -> None:
    content = (
        "time,who,data.n,data.note,other\r\n"
        '2026-02-01 10:00:00,acme,12345678901234567890123,"a, b",x\r\n'
        "2026-02-01T10:00:00+02:00,,0.10,007,\r\n"
        "\r\n"
        "2026-02-01T10:00:00Z,,-1,1e3,\r\n"
    ).encode("utf-8-sig")
    packed = {"": content, ".gz": gzip.compress(content), ".zst": zstd.compress(content)}
    path = tmp_path / f"usage.csv{ending}"
    path.write_bytes(packed[ending])
    first, second, third = events(path, time_zone="Africa/Johannesburg")
    assert first.time == second.time == datetime(2026, 2, 1, 8, tzinfo=UTC)
    assert first.data == {"n": 12345678901234567890123, "note": "a, b"}
    assert second.data == {"n": Decimal("0.10"), "note": "007"}
    assert third.data == {"n": -1, "note": Decimal("1e3")}
    mapped, *_ = events(path, columns={"subject": "who", "data.n": "data.n"})
    assert (mapped.subject, mapped.data, mapped.time) == ("acme", {"n": 12345678901234567890123}, None)
    assert open_file(path).rows == 4
    assert len({each.id for each in (first, second, third)}) == 3


def test_jsonl_with_a_map(tmp_path: Path) -> None:
    path = tmp_path / "usage.ndjson"
    rows: list[object] = [
        {"at": "2026-02-01T00:00:00", "usage": {"prompt": 5, "by": {"model": "a"}}, "account": 7},
        {"at": None, "usage": 3, "account": "x"},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    columns = {"time": "at", "subject": "account", "data.prompt": "usage.prompt", "data.model": "usage.by.model"}
    first, second = events(path, columns=columns)
    assert (first.time, first.subject, first.data) == (
        datetime(2026, 2, 1, tzinfo=UTC),
        "7",
        {"prompt": 5, "model": "a"},
    )
    assert (second.time, second.subject, second.data) == (None, "x", {})
    options = BackfillOptions(**FIXED, columns={"data": "usage", "data.account": "account"})
    whole, none = read_rows(open_file(path), options)
    assert isinstance(whole, Event)
    assert whole.data == {"prompt": 5, "by": {"model": "a"}, "account": 7}
    assert isinstance(none, Rejection)
    assert none.reason == "/data must be a JSON object"


def test_rows_from_a_number_on_are_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("time\n" + "".join(f"2026-02-01T00:00:{second:02}Z\n" for second in range(20)))
    file = open_file(path)
    for options in (
        BackfillOptions(**FIXED),
        BackfillOptions(**FIXED, shift_to=datetime(2026, 3, 1, tzinfo=UTC), stretch=Decimal(60)),
    ):
        assert list(read_rows(file, options, 7)) == list(read_rows(file, options))[7:]


def test_what_a_file_is_is_told_or_asked(tmp_path: Path) -> None:
    path = tmp_path / "usage.txt"
    path.write_text('{"id": "1"}\n')
    with pytest.raises(InvalidBackfill, match="--format csv, jsonl or parquet"):
        open_file(path)
    assert open_file(path, FileFormat.JSONL).rows == 1
    (tmp_path / "usage.csv.zst").write_bytes(zstd.compress(b"a\n" * 1000)[:-5])
    with pytest.raises(InvalidBackfill, match="can't be read"):
        open_file(tmp_path / "usage.csv.zst")


def test_maps_that_can_not_be(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidBackfill, match=r"in CSV, map data.<name> each"):
        list(read_rows(open_file(path), BackfillOptions(columns={"data": "a"})))
    made = parquet(tmp_path / "usage.parquet", a=array(DataType.int64(), [1]))
    with pytest.raises(InvalidBackfill, match="c is no column of the file; it has a"):
        list(read_rows(open_file(made), BackfillOptions(columns={"time": "c"})))
    for wrong in (
        {"columns": {"tokens": "a"}},
        {"columns": {"data.": "a"}},
        {"stretch": Decimal(0)},
        {"time_zone": "X"},
    ):
        with pytest.raises(InvalidBackfill):
            BackfillOptions(**wrong)
    path = tmp_path / "usage.jsonl"
    path.write_text('[1]\n{"type": 3}\n')
    assert all(isinstance(each, Rejection) for each in read_rows(open_file(path), BackfillOptions()))
