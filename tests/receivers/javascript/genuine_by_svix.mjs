// Asks the library of Svix whether a delivery is genuine: {"secret", "headers", "body"} in, true or false out.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const { Webhook, WebhookVerificationError } = createRequire(`${process.env.LIBRARIES}/`)("svix");
const { secret, headers, body } = JSON.parse(await text(process.stdin));
try {
  new Webhook(secret).verify(body, headers);
  console.log("true");
} catch (error) {
  if (!(error instanceof WebhookVerificationError)) throw error;
  console.log("false");
}
