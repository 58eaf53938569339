// From the body of a request to leads, whatever shape each has (docs/providers/c2s.md).

import { createHash } from "node:crypto";

/** An event of a request, as it came in. */
export type Fields = Record<string, unknown>;

/** A request or a lead that is not taken. Nothing of the body is in it. */
export class Refused extends Error {
  readonly code: string;
  readonly detail: string;

  constructor(code: string, detail: string) {
    super(code);
    this.code = code;
    this.detail = detail;
  }
}

const TIME = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|z|UTC|[+-]\d\d:?\d\d)?$/;
const LEAD_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** The leads of a request: one, or an array of them. */
export function read(body: string): unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new Refused("invalid_json", "The body is not JSON.");
  }
  if (!Array.isArray(parsed)) return [parsed];
  if (parsed.length === 0) throw new Refused("empty_batch", "The array holds no event.");
  return parsed;
}

/** Which lead, as of when: what the event is known by. */
export function identify(event: unknown): { leadId: string; updatedAt: string } {
  if (!isFields(event)) throw new Refused("not_an_object", "expected an object");
  const atRoot = "id" in event && isFields(event.attributes);
  const lead = atRoot ? event : isFields(event.lead) ? event.lead : isFields(event.data) ? event.data : event;
  const attributes = isFields(lead.attributes) ? lead.attributes : lead;
  const given = lead.id ?? lead.lead_id ?? attributes.lead_id ?? event.lead_id;
  const leadId = typeof given === "string" || typeof given === "number" ? String(given).trim() : "";
  if (!LEAD_ID.test(leadId)) throw new Refused("missing_lead_id", "no id that can be one");
  return { leadId, updatedAt: utc(attributes.updated_at ?? lead.updated_at ?? event.updated_at) };
}

/** Tells a copy of a body from another body of the same event. */
export function digest(event: unknown): string {
  const canonical = JSON.stringify(event, (_, value) =>
    isFields(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value,
  );
  return createHash("sha256").update(canonical).digest("hex").slice(0, 32);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One spelling for all spellings of an instant. */
function utc(text: unknown): string {
  const found = typeof text === "string" ? TIME.exec(text.trim()) : null;
  if (!found) throw new Refused("invalid_updated_at", "expected RFC 3339 or YYYY-MM-DD HH:MM:SS[.f] ±zzzz");
  const [, day, clock, fraction = "", zone = "Z"] = found;
  const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(-2)}` : "Z";
  // Date reads the 30th of February as a day of March.
  const asGiven = new Date(`${day}T${clock}Z`);
  const instant = new Date(`${day}T${clock}${offset}`);
  if (Number.isNaN(instant.getTime()) || asGiven.toISOString().slice(0, 19) !== `${day}T${clock}`) {
    throw new Refused("invalid_updated_at", "not a date and time that there is");
  }
  const digits = fraction.replace(/0+$/, "");
  return `${instant.toISOString().slice(0, 19)}${digits ? `.${digits}` : ""}Z`;
}
