// What the page's tests stand on: the built page served from dist/, one Chromium, a fresh profile for
// each page, and nothing written to the console that nobody expected.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { serve } from "../../scripts/serve.mjs";

const root = fileURLToPath(new URL("../../dist", import.meta.url));
const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser;
let server;

/** Starts and ends browser and server around the tests of a file. */
export function withBrowser() {
  before(async () => {
    assert.ok(existsSync(root), "dist/ is not there: run make build first");
    server = await serve({ root });
    const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
    browser = await chromium.launch({ executablePath, args: flags });
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
}

/**
 * Opens the page in a fresh profile, hands it to `visit` and checks that the console stayed empty.
 * `expected` are console errors that the journey brings about.
 */
export async function open(options, visit) {
  const { hash = "", expected = [], ...context } = { viewport: { width: 1440, height: 900 }, ...options };
  const profile = await browser.newContext({ acceptDownloads: true, ...context });
  const page = await profile.newPage();
  const said = [];
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") said.push(message.text());
  });
  try {
    await page.goto(`${server.url}?testing=1${hash}`);
    await page.waitForFunction(() => window.railyard !== undefined);
    await idle(page);
    await visit(page);
    const surprises = said.filter((text) => !expected.some((pattern) => pattern.test(text)));
    assert.deepEqual(surprises, []);
  } finally {
    await profile.close();
  }
}

/** Waits until nothing is under way. */
export const idle = (page) => page.evaluate(() => window.railyard.idle());

/** The page's state. */
export const state = async (page) => JSON.parse(await page.evaluate(() => window.railyard.state()));

/** Waits for a state. */
export async function until(page, holds, seconds = 30) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const now = await state(page);
    if (holds(now)) return now;
    assert.ok(Date.now() < deadline, `waited ${seconds} s; the state is ${JSON.stringify(now)}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** An untrained network with the settings as they are. */
export async function reset(page) {
  await page.click("#reset");
  return until(page, (now) => now.phase === "ready");
}

/** Trains to the end. */
export async function trainToTheEnd(page, seconds = 60) {
  await page.click("#train");
  return until(page, (now) => now.phase === "finished", seconds);
}

/** The downloaded file's bytes. */
export async function download(page, press) {
  const [file] = await Promise.all([page.waitForEvent("download"), press()]);
  const stream = await file.createReadStream();
  const parts = [];
  for await (const part of stream) parts.push(part);
  return { name: file.suggestedFilename(), bytes: Buffer.concat(parts) };
}
