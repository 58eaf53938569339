"""A lead's event is recorded and rung for once: Powertools' idempotency around two puts and a message."""

import hashlib
import json
import os
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import boto3
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from botocore.exceptions import ClientError
from leads import digest

EVENTS = boto3.client("dynamodb")
QUEUE = boto3.client("sqs")
TABLE, QUEUE_URL = os.environ["TABLE_EVENTS"], os.environ["QUEUE_LEAD_URL"]
# Both puts of a lead are under way at once. A client of boto3 may be used by several threads.
PUTS = ThreadPoolExecutor(max_workers=2)
KEPT_FOR_S = 90 * 86_400
GRACE_MS = 90_000


def _seen(response: dict[str, Any], _record: object) -> dict[str, Any]:
    return {**response, "duplicate": True}


PERSISTENCE = DynamoDBPersistenceLayer(table_name=os.environ["TABLE_IDEMPOTENCY"])
CONFIG = IdempotencyConfig(
    event_key_jmespath="[source, lead_id, updated_at]",
    raise_on_no_idempotency_key=True,
    expires_after_seconds=86_400,
    response_hook=_seen,
)


@idempotent_function(data_keyword_argument="identity", persistence_store=PERSISTENCE, config=CONFIG)
def record(*, identity: dict[str, str], event: dict[str, Any], tenant: str, headers: dict[str, str]) -> dict[str, Any]:
    """Stores the event with its body and rings for it. A call that failed half way is made again by the sender, and
    goes through all of it again: whoever answers the bell has to bear two."""
    row, body = _items(identity, event, tenant, headers)
    new, _ = PUTS.map(_put, (row, body))
    bell = {"v": 1, "row": f"event/{row['id']['S']}", "turn": 1}
    QUEUE.send_message(QueueUrl=QUEUE_URL, MessageBody=json.dumps(bell, separators=(",", ":")), MessageGroupId=tenant)
    return {"id": row["id"]["S"], "duplicate": not new}


def _put(item: dict[str, Any]) -> bool:
    try:
        EVENTS.put_item(TableName=TABLE, Item=item, ConditionExpression="attribute_not_exists(pk)")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _items(identity: dict[str, str], event: dict[str, Any], tenant: str, headers: dict[str, str]) -> tuple[Any, Any]:
    """The rows that `receive` writes, attribute by attribute: what they cost is the same."""
    source, lead_id, updated_at = identity["source"], identity["lead_id"], identity["updated_at"]
    event_id = f"evt_{_derived('c2s', source, lead_id, updated_at)}"
    name, now_ms = f"event/{event_id}", time.time_ns() // 1_000_000
    now = datetime.fromtimestamp(now_ms / 1000, timezone.utc)
    spread, kept = hashlib.sha256(name.encode()).digest()[0], digest(event)
    packer = zlib.compressobj(level=1, wbits=-15)
    packed = packer.compress(json.dumps(event, separators=(",", ":")).encode()) + packer.flush()
    row = {
        "pk": {"S": f"EVENT#{event_id}"},
        "sk": {"S": "EVENT"},
        "id": {"S": event_id},
        "tenant": {"S": tenant},
        "source": {"S": source},
        "provider": {"S": "c2s"},
        "type": {"S": "lead.received"},
        "subject": {"S": lead_id},
        "occurred_at": {"S": updated_at},
        "received_at": {"S": now.isoformat(timespec="milliseconds").replace("+00:00", "Z")},
        "digest": {"S": kept},
        "status": {"S": "received"},
        "queue": {"S": "lead"},
        "turn": {"N": "1"},
        "attempts": {"N": "0"},
        "deaths": {"N": "0"},
        "not_before": {"N": str(now_ms)},
        "due_at": {"N": str(now_ms + GRACE_MS)},
        "due_shard": {"S": f"due#{spread % 16}"},
        "list_pk": {"S": f"event#{tenant}#{now:%Y%m%d}#{spread % 4}"},
        "list_sk": {"S": f"{_sortable(now)}#{name}"},
        "put": {"S": os.urandom(8).hex()},
    }
    body = {
        "pk": {"S": f"SUBJECT#{source}#{lead_id}"},
        "sk": {"S": f"{_sortable(_instant(updated_at))}#{event_id}"},
        "event": {"S": event_id},
        "body": {"B": packed},
        "headers": {"M": {name: {"S": value} for name, value in headers.items()}},
        "received_at": {"N": str(now_ms)},
        "digest": {"S": kept},
        "expires_at": {"N": str(now_ms // 1000 + KEPT_FOR_S)},
    }
    return row, body


def _derived(*parts: str) -> str:
    texts = [part.encode() for part in parts]
    return hashlib.sha256(b"".join(len(text).to_bytes(8, "big") + text for text in texts)).hexdigest()[:32]


def _instant(updated_at: str) -> datetime:
    whole, _, fraction = updated_at.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")


def _sortable(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
