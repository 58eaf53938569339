"""`receive` for C2S leads as it is usually written: Powertools for AWS Lambda (Python) and boto3."""

import json
import os
from typing import Any

import cards
import leads
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, event_source
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError, IdempotencyPersistenceLayerError
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from record import CONFIG, record

TOKEN_HEADER = os.environ.get("C2S_TOKEN_HEADER", "x-webhook-token").lower()
TITLES = {400: "Bad Request", 401: "Unauthorized", 503: "Service Unavailable"}
# None of them holds a credential.
KEPT_HEADERS = ("content-type", "user-agent", "x-request-id")
NOT_STORED = (BotoCoreError, ClientError, IdempotencyPersistenceLayerError, IdempotencyAlreadyInProgressError)

logger = Logger()


@logger.inject_lambda_context
@event_source(data_class=APIGatewayProxyEventV2)
def handler(event: APIGatewayProxyEventV2, context: LambdaContext) -> dict[str, Any]:
    """Answers one request of API Gateway's."""
    CONFIG.register_lambda_context(context)
    try:
        return _answer(event)
    except leads.Refused as refused:
        return _problem(event, 400, refused.code, refused.detail)
    except NOT_STORED:
        logger.exception("not stored")
        return _problem(event, 503, "unavailable", "Not stored; send it again.")


def _answer(event: APIGatewayProxyEventV2) -> dict[str, Any]:
    source = cards.source_of((event.path_parameters or {}).get("token") or event.headers.get(TOKEN_HEADER))
    if source is None:
        return _problem(event, 401, "unauthorized", "The credential is missing or not valid.")
    headers = {name: event.headers[name] for name in KEPT_HEADERS if name in event.headers}
    tally = {"received": 0, "processed": 0, "duplicates": 0, "rejected": 0}
    errors = []
    for index, lead in enumerate(leads.read(_body(event))):
        tally["received"] += 1
        try:
            identity = {"source": source["source"], **leads.identify(lead)}
        except leads.Refused as refused:
            tally["rejected"] += 1
            errors.append({"index": index, "code": refused.code, "detail": refused.detail})
            continue
        recorded = record(identity=identity, event=lead, tenant=source["tenant"], headers=headers)
        tally["duplicates" if recorded["duplicate"] else "processed"] += 1
    logger.info("webhook received", extra={"source": source["source"], "tenant": source["tenant"], **tally})
    if tally["rejected"] == tally["received"]:
        return _problem(event, 400, errors[0]["code"], errors[0]["detail"], **tally, errors=errors)
    return _json(200, {"status": "received", **tally, "errors": errors})


def _body(event: APIGatewayProxyEventV2) -> str:
    try:
        return event.decoded_body or ""
    except UnicodeDecodeError:
        raise leads.Refused("invalid_json", "The body is not JSON.") from None


def _problem(event: APIGatewayProxyEventV2, status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    problem = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail, "code": code}
    return _json(status, {**problem, "request_id": event.request_context.request_id, **more}, "application/problem+json")


def _json(status: int, body: dict[str, Any], content_type: str = "application/json") -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": content_type}, "body": json.dumps(body)}
