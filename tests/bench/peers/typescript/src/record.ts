// A lead's event is recorded and rung for once: Powertools' idempotency around two puts and a message.

import { createHash, randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { documents, dynamodb, required, sqs } from "./aws.ts";
import { digest } from "./leads.ts";

const TABLE = required("TABLE_EVENTS");
const QUEUE_URL = required("QUEUE_LEAD_URL");
const KEPT_FOR_S = 90 * 86_400;
const GRACE_MS = 90_000;

export type Identity = { source: string; leadId: string; updatedAt: string };
export type Recorded = { id: string; duplicate: boolean };

const persistenceStore = new DynamoDBPersistenceLayer({
  tableName: required("TABLE_IDEMPOTENCY"),
  awsSdkV3Client: dynamodb,
});
export const config = new IdempotencyConfig({
  eventKeyJmesPath: "[source, leadId, updatedAt]",
  throwOnNoIdempotencyKey: true,
  expiresAfterSeconds: 86_400,
  responseHook: (response) => ({ ...(response as Recorded), duplicate: true }),
});

/**
 * Stores the event with its body and rings for it. A call that failed half way is made again by the sender, and goes
 * through all of it again: whoever answers the bell has to bear two.
 */
export const record = makeIdempotent(
  async (identity: Identity, event: unknown, tenant: string, headers: Record<string, string>): Promise<Recorded> => {
    const { id, row, body } = items(identity, event, tenant, headers);
    const [isNew] = await Promise.all([put(row), put(body)]);
    const bell = JSON.stringify({ v: 1, row: `event/${id}`, turn: 1 });
    await sqs.send(new SendMessageCommand({ QueueUrl: QUEUE_URL, MessageBody: bell, MessageGroupId: tenant }));
    return { id, duplicate: !isNew };
  },
  { persistenceStore, config, dataIndexArgument: 0 },
);

async function put(Item: Record<string, unknown>): Promise<boolean> {
  try {
    await documents.send(new PutCommand({ TableName: TABLE, Item, ConditionExpression: "attribute_not_exists(pk)" }));
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** The rows that `receive` writes, attribute by attribute: what they cost is the same. */
function items(identity: Identity, event: unknown, tenant: string, headers: Record<string, string>) {
  const { source, leadId, updatedAt } = identity;
  const id = `evt_${derived("c2s", source, leadId, updatedAt)}`;
  const name = `event/${id}`;
  const nowMs = Date.now();
  const now = new Date(nowMs).toISOString();
  const spread = createHash("sha256").update(name).digest().readUInt8(0);
  const kept = digest(event);
  const row = {
    pk: `EVENT#${id}`,
    sk: "EVENT",
    id,
    tenant,
    source,
    provider: "c2s",
    type: "lead.received",
    subject: leadId,
    occurred_at: updatedAt,
    received_at: now,
    digest: kept,
    status: "received",
    queue: "lead",
    turn: 1,
    attempts: 0,
    deaths: 0,
    not_before: nowMs,
    due_at: nowMs + GRACE_MS,
    due_shard: `due#${spread % 16}`,
    list_pk: `event#${tenant}#${now.slice(0, 10).replaceAll("-", "")}#${spread % 4}`,
    list_sk: `${sortable(now)}#${name}`,
    put: randomBytes(8).toString("hex"),
  };
  const body = {
    pk: `SUBJECT#${source}#${leadId}`,
    sk: `${sortable(updatedAt)}#${id}`,
    event: id,
    body: deflateRawSync(JSON.stringify(event), { level: 1 }),
    headers,
    received_at: nowMs,
    digest: kept,
    expires_at: Math.floor(nowMs / 1000) + KEPT_FOR_S,
  };
  return { id, row, body };
}

function derived(...parts: string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(Buffer.byteLength(part)));
    hash.update(length).update(part);
  }
  return hash.digest("hex").slice(0, 32);
}

/** A time as text of one width, so that texts sort as times do. */
function sortable(at: string): string {
  const fraction = /\.(\d+)Z$/.exec(at)?.[1] ?? "";
  return `${at.slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, "0")}Z`;
}
