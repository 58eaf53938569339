"""Sources of the running stack for recorded requests: made anew for each, in place of the one before."""

from pathlib import Path
from typing import Any

from stack.api import call, demanded
from stack.recorded import Doorbell

# What the recordings are signed with, and the number they are for (events/README.md).
SECRET = "fake-shared-secret-0001"
NUMBER = {"phone_number": "5511900000090", "phone_number_id": "100000000000001"}
MOYSKLAD_ACCOUNT = "9171a53c-1b2c-4f7d-9c1a-000000000001"
NAME = "make invoke"


def doorbell(stack: dict[str, Any], event: Path, proves_itself: bool) -> Doorbell:
    """A source of the default tenant's, WhatsApp's or MoySklad's, that the recording is let in by. The first word of a
    gateway's recording is its dialect, and its source has a secret where the request brings a proof."""
    sources, admin = f"{stack['api_url']}/api/v1/admin/sources", stack["admin_token"]
    listed = demanded("listing sources", call("GET", f"{sources}?limit=100", token=admin))
    for old in (row for row in listed["data"] if row["name"] == NAME):
        demanded("removing the last run's source", call("DELETE", f"{sources}/{old['id']}", token=admin))
    order = {"provider": "whatsapp_cloud", "tenant_id": "ten_default", "name": NAME}
    config: dict[str, Any] = {"numbers": [NUMBER], "app_secret": SECRET}
    if event.parent.name == "baileys":
        order["provider"] = "baileys"
        config = {"numbers": [NUMBER], "dialect": event.name.partition(".")[0], **({"secret": SECRET} if proves_itself else {})}
    if event.parent.name == "moysklad":
        order["provider"], config = "moysklad", {"account_id": MOYSKLAD_ACCOUNT}
    made = demanded("making a source", call("POST", sources, {**order, "config": config}, admin))
    return Doorbell(made["id"], made.get("token", ""), SECRET)
