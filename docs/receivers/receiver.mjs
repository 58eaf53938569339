// Receives webhooks: verifies each, keeps its events once, answers. Needs `npm install standardwebhooks`.

import { randomUUID } from "node:crypto";
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";

const { WEBHOOK_SECRET: secret, INBOX: inbox = "inbox", PORT: port = "4650" } = process.env;
const MAX_BYTES = 4 * 1024 * 1024;

// After `whsec_` comes base64; any other secret stands for its own bytes.
const webhook = secret.startsWith("whsec_") ? new Webhook(secret) : new Webhook(Buffer.from(secret), { format: "raw" });

/** Keeps an event where its work finds it. A copy finds it there and changes nothing. */
async function keep(event) {
  if (!/^[A-Za-z0-9_-]{1,200}$/.test(event.id)) {
    throw new Error("not an event's id");
  }
  const draft = join(inbox, `.${randomUUID()}`);
  try {
    await writeFile(draft, JSON.stringify(event));
    await link(draft, join(inbox, `${event.id}.json`)); // whole or not at all, and never over another
  } catch (error) {
    if (error.code !== "EEXIST") {
      throw error;
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/** The bytes as they came: parsed and printed again they are other bytes. Nothing if they are too many. */
async function bytesOf(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BYTES) {
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function receive(request) {
  const body = await bytesOf(request);
  if (body === undefined) {
    return 413;
  }
  let told;
  try {
    told = webhook.verify(body, request.headers);
  } catch {
    return 401;
  }
  for (const event of told.type === "batch" ? told.events : [told]) {
    await keep(event);
  }
  return 204;
}

await mkdir(inbox, { recursive: true });
const server = createServer(async (request, response) => {
  // Whatever could not be kept will come again after a 503.
  response.writeHead(await receive(request).catch(() => 503)).end();
});
server.listen(Number(port), "127.0.0.1", () => console.error(`listening on 127.0.0.1:${server.address().port}`));
