"""`python3 local/gancho.py keep-rows NAME`: keeps what a stack has written, as few rows as show all there is, for the
versions to come: `shared/tests/written/NAME/rows.json`. Added to what is kept there already."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stack.deploy import client
from stack.places import ROOT, shown
from stack.progress import Failed, say

KEPT = ROOT / "shared" / "tests" / "written"
TABLES = ("events", "directory", "signals", "sync", "parties")
# Attributes whose every value is a way a row may stand.
TELLING = {"status", "provider", "role", "kind", "type", "queue", "disabled_reason"}
# Rows of a person's data are kept of the invented only, and nothing longer than this: a long text shows nothing more.
LONGEST = 6_000
# A part of a key that is the same in all keys of a kind.
WORD = re.compile(r"^([A-Z_]+|5M|1H)$")


def keep_rows(name: str, stack_file: Path) -> int:
    """Scans the tables of a stack; what shows something that no row kept so far shows is kept."""
    try:
        stack = json.loads(stack_file.read_text())
    except OSError as trouble:
        raise Failed(f"there is no stack file {shown(stack_file)}", do="make run, or make test with --keep") from trouble
    dynamo = client("dynamodb", stack["endpoint_url"])
    target = KEPT / name / "rows.json"
    kept: dict[str, list[Any]] = json.loads(target.read_text()) if target.exists() else {table: [] for table in TABLES}
    for table in TABLES:
        seen = {trait for row in kept[table] for trait in _traits(row)}
        pages = dynamo.get_paginator("scan").paginate(TableName=stack["tables"][table], ConsistentRead=True)
        rows = [_plain(item) for page in pages for item in page["Items"]]
        # The row that shows the most first: so there are few.
        for row in sorted(rows, key=lambda row: (-len(_traits(row)), json.dumps(row, sort_keys=True))):
            if len(json.dumps(row)) <= LONGEST and not _traits(row) <= seen:
                seen |= _traits(row)
                kept[table].append(row)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_lines(kept))
    say(f"{sum(map(len, kept.values()))} rows in {shown(target)}")
    return 0


def _lines(kept: dict[str, list[Any]]) -> str:
    """A row a line, so that a change of it is one."""
    tables = []
    for table, rows in kept.items():
        lines = ",\n".join(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows)
        tables.append(f"{json.dumps(table)}: [\n{lines}\n]")
    return "{\n" + ",\n".join(tables) + "\n}\n"


def _plain(value: Any) -> Any:
    """DynamoDB's JSON as it goes over the wire: bytes in base64, numbers as texts."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _traits(row: dict[str, Any]) -> set[str]:
    """What a row shows: its kind, with each attribute that it has and of what type, and how it stands."""
    kind = "/".join(_beginning(row[key]["S"]) for key in ("pk", "sk"))
    if kind.startswith("COUNTS"):
        # Attributes are words that were counted: how they begin says what they are.
        return {f"{kind} {name[:2] if name[1:2] == '_' else name[:1]}" for name in row}
    return {kind, *(f"{kind} {trait}" for trait in _of(row, ""))}


def _beginning(key: str) -> str:
    """The words of a key that no id stands in."""
    return "#".join(part for part in key.split("#") if WORD.match(part))


def _of(fields: dict[str, Any], path: str) -> Iterator[str]:
    for name, value in fields.items():
        (of, inner), place = next(iter(value.items())), f"{path}.{name}"
        # Names that are data, such as headers and counted words, show nothing.
        yield f"{place} {of}" if path.count(".") < 3 else path
        if name in TELLING and of == "S":
            yield f"{place} = {inner}"
        if of == "M":
            yield from _of(inner, place)
        if of == "L":
            for one in inner:
                if "M" in one:
                    yield from _of(one["M"], f"{place}[]")
