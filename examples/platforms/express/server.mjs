// A platform's endpoint to start from: Express, in one file to copy.
//
// It answers the broker's webhooks at once and reports results later. What has been
// taken is kept IN MEMORY ONLY: a restart forgets it, so put `items`, `cancelled` and
// `waves` into your database, and write there before the 2xx goes out. What else you
// replace stands together at the end, below `detach`: how your own system finds
// accounts, detaches and attaches them. Until then they are test accounts:
//
//     npm install
//     unbind-broker conformance --numbers --json > numbers.json
//     UNBIND_URL=http://127.0.0.1:8799 UNBIND_KEY=ub_platform_… \
//         UNBIND_SECRET=whsec_… UNBIND_NUMBERS=numbers.json node server.mjs
//
// `UNBIND_SECRET` may hold two secrets with a space between, while one is rotated.
// With `UNBIND_REPORT_KEY=whsk_…` reports are signed; its public key must be registered.
// `PORT` (8080) and `HOST` (127.0.0.1) may be set, too.

import { createHash, createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import express from "express";
import { Webhook } from "standardwebhooks";

const { UNBIND_URL, UNBIND_KEY, UNBIND_SECRET, UNBIND_NUMBERS } = process.env;
const { UNBIND_REPORT_KEY } = process.env;
const { HOST = "127.0.0.1", PORT = "8080" } = process.env;
if (!UNBIND_URL || !UNBIND_KEY || !UNBIND_SECRET) {
  console.error("UNBIND_URL, UNBIND_KEY and UNBIND_SECRET have to be set");
  process.exit(2);
}
const SECRETS = UNBIND_SECRET.split(" ").map((secret) => new Webhook(secret));
const MOST_LINES = 1000;
const LONGEST_PAUSE = 60_000;
const RESTORABLE = 30 * 24 * 3600 * 1000;

const items = new Map(); // by id: { kind, item, settled, result, told }
const cancelled = new Set(); // ids
const waves = new Map(); // by manifest: { clearance, done }

const app = express();

const bytes = express.raw({ type: () => true, limit: "4mb" });

app.post("/hooks", bytes, (request, response) => {
  const event = verified(request.headers, request.body);
  if (event === null) return response.status(401).end();
  response.json(take(event));
  ring();
});

/** Read what was signed with one of the secrets: the bytes, just as they came. */
function verified(headers, body) {
  for (const secret of SECRETS) {
    try {
      return secret.verify(body, headers);
    } catch {
      // with another secret, perhaps
    }
  }
  return null;
}

/** Write down what is asked; what came before, by its id, is only told again. */
function take({ type, data }) {
  switch (type) {
    case "endpoint.verification":
      return { challenge: data.challenge };
    case "query.requested":
    case "unbind.requested":
    case "restore.requested":
      for (const item of data.items) {
        const known = items.get(item.id);
        if (known) known.told = false;
        else items.set(item.id, { kind: type, item, settled: false, told: false });
      }
      break;
    case "unbind.cancelled": // it may come before its request
      for (const { id } of data.items) cancelled.add(id);
      break;
    case "unbind.reminder":
      for (const { id } of data.items) if (items.has(id)) items.get(id).told = false;
      break;
    case "clearance.published":
      if (!waves.has(data.manifest)) waves.set(data.manifest, { clearance: data.id });
      break;
    default: // endpoint.test, and whatever is added some day
  }
  return {};
}

let ring;
let rung;
function listen() {
  rung = new Promise((resolve) => (ring = resolve));
}

/** Do what has been written down, and report it until the broker has taken it. */
async function work() {
  setInterval(() => ring(), LONGEST_PAUSE);
  for (let pause = 1000; ; ) {
    await rung;
    listen();
    try {
      await settleItems();
      await tellResults();
      await clearWaves();
      pause = 1000;
    } catch (error) {
      // Nothing is lost: all is tried again.
      console.error(`trying again in ${pause / 1000} s: ${error}`);
      await sleep(pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
      ring();
    }
  }
}

/** Act on every item that waits, in their order; what fails goes on waiting. */
async function settleItems() {
  for (const [id, one] of items) {
    if (one.settled) continue;
    try {
      const result = cancelled.has(id) ? null : await settle(one.kind, one.item);
      const staysOpen = result?.outcome === "action_required";
      // The number is kept for no longer than it is needed.
      const item = staysOpen ? one.item : null;
      Object.assign(one, { settled: true, told: false, result, item });
    } catch (error) {
      console.error(`${id} is not settled: ${error}`);
    }
  }
}

/** Go on with an item that was `action_required`: for your app to call. */
export function holderHasActed(id) {
  const one = items.get(id);
  if (one?.item) one.settled = false;
  ring();
}

/** Decide about one item, and act on it. */
async function settle(kind, item) {
  if (kind === "restore.requested") {
    const back = await detachedBy(item.restores, item.number);
    for (const account of back) await attach(account);
    return { outcome: back.length ? "restored" : "not_bound" };
  }
  const { inside, undated } = await inInterval(item);
  if (kind === "query.requested") return find(inside, undated);
  if (inside.length && item.action !== "detach") {
    return { outcome: "refused", reason: "not_supported" };
  }
  if (inside.some((account) => account.asks)) {
    return { outcome: "action_required", action: "confirm_in_app" };
  }
  return detachAll(item.id, item);
}

/** Say what is bound; nothing is changed. */
function find(inside, undated) {
  if (inside.some((account) => account.staysFor === "active_after_cutoff")) {
    return { outcome: "refused", reason: "active_after_cutoff" };
  }
  if (inside.length) {
    return { outcome: "bound", bindings: inside.length, ...newest(inside) };
  }
  if (undated.length) return { outcome: "refused", reason: "bound_at_unknown" };
  return { outcome: "not_bound" };
}

/** Give the accounts in [bound_from, bound_before), and those without a date. */
async function inInterval(asked) {
  const begin = asked.bound_from === null ? -Infinity : instant(asked.bound_from);
  const end = instant(asked.bound_before);
  const accounts = await boundTo(asked.number);
  const dated = accounts.filter((account) => account.boundAt !== null);
  const inside = dated.filter(({ boundAt }) => {
    const at = instant(boundAt);
    return begin <= at && at < end;
  });
  return { inside, undated: accounts.filter((account) => account.boundAt === null) };
}

/**
 * Detach what may be detached, and say what was kept and why.
 *
 * What an earlier try of the same order has detached is counted in.
 */
async function detachAll(by, asked) {
  const { inside, undated } = await inInterval(asked);
  const kept = [];
  for (const account of inside) {
    const reason = await detach(account, by);
    if (reason) kept.push(reason);
  }
  kept.push(...undated.map(() => "bound_at_unknown"));
  const gone = await detachedBy(by, asked.number);
  if (!gone.length && !kept.length) return { outcome: "not_bound" };
  const why = kept.length ? { reason: kept[0] } : {};
  if (why.reason === "other") why.detail = "Please contact our customer service.";
  if (!gone.length) return { outcome: "refused", ...why };
  const until = new Date(Date.now() + RESTORABLE).toISOString();
  const done = { removed: gone.length, ...newest(gone), restorable_until: until };
  if (kept.length) {
    return { outcome: "partly_unbound", kept: kept.length, ...why, ...done };
  }
  return { outcome: "unbound", ...done };
}

/** Say when the newest of some dated bindings was made. */
function newest(accounts) {
  const dates = accounts.map((account) => account.boundAt);
  dates.sort((one, other) => instant(one) - instant(other));
  return { last_bound_at: dates.at(-1) };
}

/** Read an instant as microseconds: a Date knows milliseconds only. */
function instant(text) {
  const [, micros = ""] = /\.\d{3}(\d{1,3})/.exec(text) ?? [];
  return Date.parse(text) * 1000 + Number(micros.padEnd(3, "0"));
}

/** Report every result that was not taken yet, with the content it always has. */
async function tellResults() {
  for (;;) {
    const untold = [...items].filter(([, one]) => one.result && !one.told);
    const some = untold.slice(0, MOST_LINES);
    if (!some.length) return;
    const results = some.map(([id, one]) => ({ id, ...one.result }));
    await report("/v1/results", { results });
    for (const [, one] of some) one.told = true;
  }
}

let occasion = randomUUID(); // of the next report

/** Tell the broker; throws unless it has taken it. */
async function report(path, body) {
  const { results } = await call("POST", path, JSON.stringify(body));
  occasion = randomUUID();
  for (const { id, status, code } of results) {
    // A rejected line is not taken by trying again: it shows a mistake of yours.
    if (status !== "recorded" && status !== "duplicate") {
      console.error(`${id} is ${status}: ${code}`);
    }
  }
}

/**
 * Sign a report, if you have a key for that.
 *
 * Until it is taken, the same content has the same id; what comes later has another.
 */
function signature(body) {
  if (!UNBIND_REPORT_KEY || body === undefined) return {};
  const raw = Buffer.from(UNBIND_REPORT_KEY.replace("whsk_", ""), "base64");
  const d = raw.subarray(0, 32).toString("base64url"); // the seed
  const x = raw.subarray(32).toString("base64url"); // the public key
  const jwk = { kty: "OKP", crv: "Ed25519", d, x };
  const id = `rep_${occasion}_${createHash("sha256").update(body).digest("hex")}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signed = Buffer.from(`${id}.${timestamp}.${body}`);
  const made = sign(null, signed, createPrivateKey({ key: jwk, format: "jwk" }));
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1a,${made.toString("base64")}`,
  };
}

async function call(method, path, body) {
  const key = { authorization: `Bearer ${UNBIND_KEY}` };
  const headers = { ...key, "content-type": "application/json", ...signature(body) };
  const signal = AbortSignal.timeout(30_000);
  const url = new URL(path, UNBIND_URL);
  const answer = await fetch(url, { method, headers, body, signal });
  if (!answer.ok) {
    throw new Error(`the broker answered ${answer.status}`, { cause: answer.status });
  }
  return answer.json();
}

/**
 * Clear every wave of numbers that was published and is not done.
 *
 * One that is held back, or over, waits without keeping the others from it.
 */
async function clearWaves() {
  for (const [manifest, wave] of waves) {
    if (wave.done) continue;
    try {
      await clearWave(wave.clearance, manifest);
      wave.done = true;
    } catch (error) {
      if (error.cause !== 404 && error.cause !== 409) throw error;
      console.error(`${wave.clearance} waits: ${error}`);
    }
  }
}

/** Read a manifest page by page, and report the numbers that had bindings. */
async function clearWave(clearance, manifest) {
  const url = new URL(manifest, UNBIND_URL);
  for (let isLast = false; !isLast; ) {
    const page = await call("GET", url);
    const findings = [];
    for (const listed of page.data) {
      const finding = await clear(clearance, listed);
      if (finding.outcome !== "not_bound") findings.push(finding);
    }
    isLast = page.next_cursor === null;
    if (findings.length || isLast) {
      const body = { findings, complete: isLast };
      await report(`/v1/clearances/${clearance}/findings`, body);
    }
    url.searchParams.set("cursor", page.next_cursor);
  }
}

/** Clear one number of a manifest; a withdrawn one is its former holder's again. */
async function clear(clearance, listed) {
  if (listed.withdrawn) return { outcome: "not_bound" };
  const { outcome, reason, detail, last_bound_at } = await detachAll(clearance, listed);
  return { number: listed.number, outcome, reason, detail, last_bound_at };
}

/**
 * Take the number off an account, or give the reason why it has to stay.
 *
 * Off everything: login, recovery, messages, marketing, contacts. The account itself
 * and all that is in it stay its owner's; tell them by another channel.
 *
 * From here on all is yours to replace. An account is { boundAt, staysFor, asks }:
 * `staysFor` is why it may not be detached; `asks`: only after its present holder has
 * confirmed.
 */
async function detach(account, by) {
  if (account.staysFor) return account.staysFor;
  account.detachedBy = by;
  return null;
}

/** Put the number back, with the date it had. */
async function attach(account) {
  account.detachedBy = null;
}

/** Find the accounts that a number is bound to. */
async function boundTo(number) {
  return (accounts.get(number) ?? []).filter((account) => !account.detachedBy);
}

/** Find the accounts that an order or a clearance took a number off. */
async function detachedBy(by, number) {
  return (accounts.get(number) ?? []).filter((account) => account.detachedBy === by);
}

const accounts = new Map(); // by number

/** Make the test accounts. */
function seed({ blocks }) {
  for (const block of blocks.filter((one) => one.for_platforms)) {
    const goes = block.kept ? block.bindings.length - block.kept : 0;
    for (let number = Number(block.first); number <= Number(block.last); number++) {
      const bound = block.bindings.map((boundAt, place) => ({
        boundAt,
        staysFor: place >= goes ? block.reason : null,
        asks: block.behaviour === "asking",
      }));
      accounts.set(`+${number}`, bound);
    }
  }
}

if (UNBIND_NUMBERS) seed(JSON.parse(readFileSync(UNBIND_NUMBERS, "utf8")));
listen();
ring();
work();
app.listen(Number(PORT), HOST, (error) => {
  if (error) throw error;
  console.log(`listening on ${HOST}:${PORT}`);
});
