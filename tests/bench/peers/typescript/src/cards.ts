// Who is calling: the card of the token that was presented.

import { createHash, timingSafeEqual } from "node:crypto";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { documents, required } from "./aws.ts";

export interface Card {
  hash: string;
  tenant: string;
  source: string;
  provider?: string;
  enabled: boolean;
  valid_until?: string;
}

const TABLE = required("TABLE_DIRECTORY");
// A change of a credential takes effect within this.
const BELIEVED_FOR_MS = 10_000;
const REMEMBERED = 10_000;

const remembered = new Map<string, { since: number; card: Card | undefined }>();

/** The C2S source this token opens; none if it opens none. */
export async function sourceOf(token: string | undefined): Promise<Card | undefined> {
  if (!token) return undefined;
  const presented = createHash("sha256").update(token).digest("hex");
  const card = await cardOf(presented);
  if (!card || !timingSafeEqual(Buffer.from(card.hash), Buffer.from(presented))) return undefined;
  const over = card.valid_until !== undefined && Date.parse(card.valid_until) <= Date.now();
  return over || !card.enabled || card.provider !== "c2s" ? undefined : card;
}

async function cardOf(presented: string): Promise<Card | undefined> {
  const known = remembered.get(presented);
  if (known && performance.now() - known.since < BELIEVED_FOR_MS) return known.card;
  const found = await documents.send(new GetCommand({ TableName: TABLE, Key: { pk: `CARD#${presented}`, sk: "CARD" } }));
  const card = found.Item as Card | undefined;
  if (remembered.size >= REMEMBERED) remembered.clear();
  remembered.set(presented, { since: performance.now(), card });
  return card;
}
