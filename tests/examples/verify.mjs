// Say of each message on standard input whether the official library accepts it.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const { Webhook } = createRequire(join(process.cwd(), "here"))("standardwebhooks");

const messages = JSON.parse(readFileSync(0, "utf8"));
const verdicts = messages.map(({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64"), headers, { jsonParse: false });
    return "accepted";
  } catch (error) {
    return error.message;
  }
});
console.log(JSON.stringify(verdicts));
