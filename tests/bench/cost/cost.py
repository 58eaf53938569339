"""Dollars for a million events of each kind, from what was measured of one and published prices: `make bench ONLY=cost`.

What it reads may be another file of measurements: its path is the one argument."""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
COLUMNS = ("HTTP API", "Lambda", "DynamoDB", "SQS", "logs, traces")
MILLION = 1_000_000


def main() -> None:
    """Prints the table."""
    prices = {name: row["usd"] / row["per"] for name, row in _read(HERE / "prices.json")["prices"].items()}
    measured = _read(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "measured.json")
    assumed = {name: row["value"] for name, row in measured["assumed"].items()}
    print("| dollars a million | write units, with counters | " + " | ".join(COLUMNS) + " | **all** |")
    print("|---|---|" + "---|" * (len(COLUMNS) + 1))
    for kind in measured["kinds"]:
        parts = _parts(kind, prices, assumed)
        units = f"{kind['write_units']:g}, {kind['write_units'] + kind['counter_units']:.0f}"
        cells = " | ".join(f"{parts[name]:.2f}" for name in COLUMNS)
        print(f"| {kind['name']} | {units} | {cells} | **{sum(parts.values()):.2f}** |")


def _parts(kind: dict[str, Any], prices: dict[str, float], assumed: dict[str, float]) -> dict[str, float]:
    """Dollars for a million of them, by service."""
    written = kind["write_units"] + kind["counter_units"]
    # A call that works on a batch is each event's in part only.
    calls = [(call, call.get("share", 1)) for call in kind["calls"]]
    n_calls = sum(share for _, share in calls)
    seconds = sum(share * _ms(call, assumed) for call, share in calls) / 1000
    own = sum(share * call["lines"] for call, share in calls) * assumed["own_log_bytes"]
    logged = kind["http"] * assumed["access_log_bytes"] + n_calls * assumed["lambda_log_bytes"] + own
    each = {
        "HTTP API": kind["http"] * prices["http_api_request"],
        "Lambda": n_calls * prices["lambda_request"] + seconds * assumed["memory_gb"] * prices["lambda_gb_second_arm64"],
        "DynamoDB": written * prices["dynamodb_write_unit"] + kind["read_units"] * prices["dynamodb_read_unit"],
        "SQS": kind["sqs"] * (prices["sqs_request"] + prices["sqs_fair_request"]),
        "logs, traces": logged / 1e9 * prices["log_gb"] + assumed["traced"] * prices["trace"],
    }
    return {name: usd * MILLION for name, usd in each.items()}


def _ms(call: dict[str, Any], assumed: dict[str, float]) -> float:
    """How long a call of a function is billed: what it computes, and what it waits for one after the other."""
    waited = call["waits"] * assumed["aws_call_ms"] + call["upstreams"] * assumed["upstream_ms"] + call["receivers"] * assumed["receiver_ms"]
    return call["cpu_ms"] / assumed["vcpu"] + waited


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


if __name__ == "__main__":
    main()
