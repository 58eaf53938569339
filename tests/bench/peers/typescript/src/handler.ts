// `receive` for C2S leads as it is usually written: Powertools for AWS Lambda (TypeScript) and the AWS SDK v3.

import { IdempotencyAlreadyInProgressError, IdempotencyPersistenceLayerError } from "@aws-lambda-powertools/idempotency";
import { Logger } from "@aws-lambda-powertools/logger";
import { DynamoDBServiceException } from "@aws-sdk/client-dynamodb";
import { SQSServiceException } from "@aws-sdk/client-sqs";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { sourceOf } from "./cards.ts";
import { identify, read, Refused } from "./leads.ts";
import { config, type Identity, record } from "./record.ts";

const TOKEN_HEADER = (process.env.C2S_TOKEN_HEADER ?? "x-webhook-token").toLowerCase();
const TITLES: Record<number, string> = { 400: "Bad Request", 401: "Unauthorized", 503: "Service Unavailable" };
// None of them holds a credential.
const KEPT_HEADERS = ["content-type", "user-agent", "x-request-id"];
const NOT_STORED = [
  DynamoDBServiceException,
  SQSServiceException,
  IdempotencyPersistenceLayerError,
  IdempotencyAlreadyInProgressError,
];

const logger = new Logger();

type Answer = APIGatewayProxyStructuredResultV2;

/** Answers one request of API Gateway's. */
export async function handler(event: APIGatewayProxyEventV2, context: Context): Promise<Answer> {
  logger.addContext(context);
  config.registerLambdaContext(context);
  try {
    return await answer(event);
  } catch (error) {
    if (error instanceof Refused) return problem(event, 400, error.code, error.detail);
    if (!NOT_STORED.some((kind) => error instanceof kind)) throw error;
    logger.error("not stored", error as Error);
    return problem(event, 503, "unavailable", "Not stored; send it again.");
  }
}

async function answer(event: APIGatewayProxyEventV2): Promise<Answer> {
  const source = await sourceOf(event.pathParameters?.token ?? event.headers[TOKEN_HEADER]);
  if (!source) return problem(event, 401, "unauthorized", "The credential is missing or not valid.");
  const headers = Object.fromEntries(
    KEPT_HEADERS.flatMap((name) => (event.headers[name] === undefined ? [] : [[name, event.headers[name]]])),
  );
  const tally = { received: 0, processed: 0, duplicates: 0, rejected: 0 };
  const errors: { index: number; code: string; detail: string }[] = [];
  for (const [index, lead] of read(bodyOf(event)).entries()) {
    tally.received += 1;
    let identity: Identity;
    try {
      identity = { source: source.source, ...identify(lead) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      tally.rejected += 1;
      errors.push({ index, code: error.code, detail: error.detail });
      continue;
    }
    const recorded = await record(identity, lead, source.tenant, headers);
    tally[recorded.duplicate ? "duplicates" : "processed"] += 1;
  }
  logger.info("webhook received", { source: source.source, tenant: source.tenant, ...tally });
  const [first] = errors;
  if (first && tally.rejected === tally.received) {
    return problem(event, 400, first.code, first.detail, { ...tally, errors });
  }
  return json(200, { status: "received", ...tally, errors });
}

function bodyOf(event: APIGatewayProxyEventV2): string {
  const body = event.body ?? "";
  return event.isBase64Encoded ? Buffer.from(body, "base64").toString() : body;
}

function problem(event: APIGatewayProxyEventV2, status: number, code: string, detail: string, more = {}): Answer {
  const request_id = event.requestContext.requestId;
  const body = { type: "about:blank", title: TITLES[status], status, detail, code, request_id, ...more };
  return json(status, body, "application/problem+json");
}

function json(statusCode: number, body: object, type = "application/json"): Answer {
  return { statusCode, headers: { "content-type": type }, body: JSON.stringify(body) };
}
