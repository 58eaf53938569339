"""`make test-sam-local`: every function in a container, by `sam local invoke`, with each class of recorded event."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import up
from stack import containers, doorbells, ports, recorded, sam_local, servers
from stack.api import call, demanded
from stack.places import ROOT, SAM_LOCAL, shown
from stack.progress import Failed, say, step

EVENTS = ROOT / "events"
WORKERS = ("enrich", "sync", "dispatch", "deliver")
COUNTS = ("received", "processed", "duplicates", "rejected")


@dataclass(frozen=True)
class Case:
    """An event for a function, and what has to come back."""

    function: str
    name: str
    payload: Any
    expected: dict[str, Any]


def test() -> int:
    """Invokes them one by one on a local stack of its own; 1 if an answer was another than it should be."""
    if not containers.engine_answers():
        raise Failed("no Docker engine answers", do="start one; `docker info` shows whether it answers")
    servers.stop_all(SAM_LOCAL)
    try:
        stack = up.start(SAM_LOCAL, ports.free_port(), ports.free_port())
        wrong, n_cases = [], 0
        with sam_local.prepared(SAM_LOCAL, stack) as sam, step("Invoking the functions in containers"):
            for case in _cases(stack):
                n_cases += 1
                answer = _invoked(sam, case)
                holds = all(answer.get(name) == value for name, value in case.expected.items())
                say(f"  {case.function}: {case.name}" + ("" if holds else f": {answer}, not {case.expected}"))
                wrong += [] if holds else [f"{case.function} {case.name}"]
    finally:
        servers.stop_all(SAM_LOCAL)
    print(f"make test-sam-local: {n_cases - len(wrong)} of {n_cases} answers are right" + "".join(f"\n  wrong: {name}" for name in wrong))
    return 1 if wrong else 0


def _invoked(sam: sam_local.SamLocal, case: Case) -> dict[str, Any]:
    """What came back: an HTTP answer with the counts of its body, or what a worker reports."""
    done = sam.invoke(case.function, case.payload)
    if done.returncode or sam_local.failed(done.stdout):
        return {"failed": f"{done.stdout.strip()} {done.stderr.strip()[-2000:]}"}
    told = json.loads(done.stdout)
    if not isinstance(told, dict):
        return {"answer": told}
    body = json.loads(told.get("body") or "{}") if case.function == "receive" else {}
    return {**told, **(body if isinstance(body, dict) else {})}


def _cases(stack: dict[str, Any]) -> Iterator[Case]:
    yield from _received(stack)
    for worker in WORKERS:
        for path in sorted((EVENTS / "envelopes").glob("sqs.*.json")):
            envelope = json.loads(path.read_text())
            unread = [{"itemIdentifier": told["messageId"]} for told in envelope["Records"] if not _is_bell(told["body"])]
            yield Case(worker, path.name, envelope, {"batchItemFailures": unread})
    yield Case("sweep", "schedule.sweep.json", json.loads((EVENTS / "envelopes" / "schedule.sweep.json").read_text()), {"answer": None})
    key = _tenant_key(stack)
    yield Case("portal", "event types, by a tenant", _get("/api/v1/tenant/webhooks/event-types", key), {"statusCode": 200})
    yield Case("portal", "event types, by nobody", _get("/api/v1/tenant/webhooks/event-types", "gch_none"), {"statusCode": 401})
    yield Case("operate", "tenants, by the operator", _get("/api/v1/admin/tenants", stack["admin_token"]), {"statusCode": 200})
    yield Case("operate", "tenants, by a tenant", _get("/api/v1/admin/tenants", key), {"statusCode": 403})


def _received(stack: dict[str, Any]) -> Iterator[Case]:
    given = recorded.Given(
        stack["c2s_token"], lambda: _tenant_key(stack), lambda path, proves: doorbells.doorbell(stack, path, proves)
    )
    for path in _one_of_each_class():
        event = recorded.load(path, given)
        expect = event["expect"]
        counts = {name: expect[name] for name in COUNTS if name in expect and expect["status"] == 200 and path.parent.name == "c2s"}
        yield Case("receive", f"{path.parent.name}/{path.name}", recorded.envelope(event), {"statusCode": expect["status"], **counts})


def _one_of_each_class() -> Iterator[Path]:
    """The plainest recording of each: of a lead's changes, a tenant's things, a message or a status, a gateway's dialect, an
    entity of MoySklad's, and of each way in which a whole request goes wrong."""
    for source in ("c2s", "tenant", "whatsapp", "baileys", "moysklad"):
        classes: dict[str, Path] = {}
        for path in sorted((EVENTS / source).glob("*.json"), key=lambda path: (len(path.name), path.name)):
            words = path.name.removesuffix(".json").split(".")
            classes.setdefault(words[1] if source == "c2s" else words[0], path)
        yield from classes.values()


def _is_bell(body: str) -> bool:
    try:
        return json.loads(body).get("v") == 1
    except ValueError:
        return False


def _get(path: str, token: str) -> Any:
    return recorded.envelope({"request": {"method": "GET", "path": path, "headers": {"authorization": f"Bearer {token}"}}})


def _tenant_key(stack: dict[str, Any]) -> str:
    url = f"{stack['api_url']}/api/v1/admin/tenants/ten_default/keys"
    return str(demanded("making a tenant's key", call("POST", url, {"name": shown(SAM_LOCAL.home)}, stack["admin_token"]))["key"])
