"""`make invoke FN=receive EVENT=events/c2s/….json`: one function, one recorded event, the answer and the log lines.

Where a Docker engine answers, in a container by `sam local invoke`; elsewhere on the running local stack."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stack import containers, doorbells, recorded, sam_local
from stack.api import Refused, call, demanded
from stack.build import artefacts_locked, functions
from stack.deploy import FUNCTIONS, client, demand_local_account
from stack.places import RUN
from stack.progress import Failed, say

LOOK = "look into .local/run/logs, or: make down, make run"


def invoke(function: str, event: Path) -> int:
    """Shows what a function answers; 1 if it failed."""
    if function not in FUNCTIONS:
        raise Failed(f"there is no function `{function}`", do=f"FN is one of {', '.join(FUNCTIONS)}")
    if not event.is_file():
        raise Failed(f"there is no file {event}", do="EVENT is a file under events/")
    if not RUN.stack_file.exists():
        raise Failed("the function needs its tables and queues, and no local stack runs", do="make run")
    stack = json.loads(RUN.stack_file.read_text())
    demand_local_account(stack["endpoint_url"])
    given = recorded.Given(stack["c2s_token"], lambda: _tenant_key(stack), lambda *asked: _doorbell(stack, *asked))
    payload = recorded.envelope(recorded.load(event, given))
    if containers.engine_answers():
        return _in_docker(function, payload, stack)
    say("no Docker engine answers: invoked on the local stack instead of by `sam local invoke`")
    return _on_stack(function, payload, stack)


def _tenant_key(stack: dict[str, Any]) -> str:
    """A key of the default tenant's, good for an hour: a recording holds none."""
    until = datetime.now(UTC) + timedelta(hours=1)
    url = f"{stack['api_url']}/api/v1/admin/tenants/ten_default/keys"
    order = {"name": "make invoke", "expires_at": until.isoformat()}
    try:
        return str(demanded("making a tenant's key", call("POST", url, order, stack["admin_token"]))["key"])
    except Refused as refused:
        raise Failed(str(refused), do=LOOK) from refused


def _doorbell(stack: dict[str, Any], event: Path, proves_itself: bool) -> recorded.Doorbell:
    """A WhatsApp source that the recording is let in by."""
    try:
        return doorbells.doorbell(stack, event, proves_itself)
    except Refused as refused:
        raise Failed(str(refused), do=LOOK) from refused


def _on_stack(function: str, payload: Any, stack: dict[str, Any]) -> int:
    answer = client("lambda", stack["endpoint_url"]).invoke(
        FunctionName=f"{stack['functions'][function]}:live", Payload=json.dumps(payload).encode(), LogType="Tail"
    )
    print(base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").rstrip())
    print(json.dumps(json.loads(answer["Payload"].read() or b"null"), indent=2, ensure_ascii=False))
    return 1 if "FunctionError" in answer else 0


def _in_docker(function: str, payload: Any, stack: dict[str, Any]) -> int:
    with artefacts_locked():
        functions()
        with sam_local.prepared(RUN, stack) as sam:
            done = sam.invoke(function, payload)
    print(done.stderr.rstrip())
    print(done.stdout.strip())
    return 1 if done.returncode or sam_local.failed(done.stdout) else 0
