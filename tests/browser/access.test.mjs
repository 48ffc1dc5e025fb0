// What a keyboard, a screen reader, a small screen and a dark room need.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { open, reset, state, trainToTheEnd, until, withBrowser } from "./harness.mjs";

withBrowser();

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const hasExample = existsSync(fileURLToPath(new URL("../../dist/assets/example-run.json.gz", import.meta.url)));
const visit = (options, journey) => open({ expected: hasExample ? [] : [/404/], ...options }, journey);

async function check(page, where) {
  await page.evaluate((source) => window.axe ?? (0, eval)(source), axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const told = violations.map((v) => `${where}: ${v.id} at ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
  assert.deepEqual(told, []);
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing in the ${colorScheme} theme`, () =>
    visit({ colorScheme }, async (page) => {
      await check(page, "first picture");
      await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
      await check(page, "everything opened");
      await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = false)));
      await page.fill("#f-epochs", "1");
      await reset(page);
      await check(page, "untrained");
      await page.click("#train");
      await until(page, (now) => now.step > 20);
      await check(page, "training");
      await page.fill("#f-batch", "none");
      await check(page, "a wrong setting");
    }));
}

test("axe finds nothing on a phone, where the settings are in a sheet", () =>
  visit({ viewport: { width: 390, height: 844 } }, async (page) => {
    await check(page, "first picture");
    await page.click("#settings");
    await check(page, "sheet");
    await page.fill("#f-epochs", "1");
    await page.keyboard.press("Escape");
    assert.equal(await page.isVisible("#f-epochs"), false);
    await reset(page);
    await trainToTheEnd(page);
    await check(page, "finished");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 390, `the page is ${wide} px wide`);
    const train = await page.locator("#train").boundingBox();
    assert.ok(train.y + train.height <= 844, "the transport is on the screen");
  }));

test("every canvas that is not decoration has a role, a name, and a text that exists", () =>
  visit({}, async (page) => {
    const faults = await page.evaluate(() =>
      [...document.querySelectorAll("canvas:not([aria-hidden=true])")]
        .filter((canvas) => {
          const text = document.getElementById(canvas.getAttribute("aria-describedby"));
          return !canvas.getAttribute("role") || !canvas.getAttribute("aria-label") || !text;
        })
        .map((canvas) => canvas.outerHTML),
    );
    assert.deepEqual(faults, []);
  }));

test("one screen tells the story at 1440 x 900", () =>
  visit({}, async (page) => {
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    assert.ok(height <= 900, `the page is ${height} px high`);
  }));

test("where numbers come from can be read by keyboard and put away", () =>
  visit({}, async (page) => {
    await page.focus(".figure:nth-child(2) .tag");
    const tip = page.locator(".figure:nth-child(2) .tip-text");
    assert.equal(await tip.isVisible(), true);
    assert.match(await tip.textContent(), /Counted: [\d,]+ ÷ [\d,]+ bits/);
    await page.keyboard.press("Escape");
    assert.equal(await tip.isVisible(), false);
  }));

test("the chart is read off by arrow keys", () =>
  visit({}, async (page) => {
    await page.fill("#f-epochs", "2");
    await reset(page);
    await trainToTheEnd(page);
    await page.focus("canvas.plot");
    await page.keyboard.press("ArrowRight");
    assert.match(await page.textContent(".readout"), /^epoch 1 · train/);
    await page.keyboard.press("End");
    assert.match(await page.textContent(".readout"), /^epoch 2 · train/);
  }));

test("transport and counters stand still while training", () =>
  visit({}, async (page) => {
    await page.fill("#f-epochs", "1");
    const places = () =>
      page.evaluate(() =>
        [...document.querySelectorAll(".transport button, .figure, .card")].map((element) => {
          const { x, y, width, height } = element.getBoundingClientRect();
          return [x, y, width, height].map(Math.round).join(" ");
        }),
      );
    await reset(page);
    const before = await places();
    await page.click("#train");
    await until(page, (now) => now.step > 30);
    assert.deepEqual(await places(), before);
    await until(page, (now) => now.phase === "finished", 60);
    assert.deepEqual(await places(), before);
  }));

test("the theme is remembered", () =>
  visit({ colorScheme: "light" }, async (page) => {
    await page.click("#theme");
    await page.click("#theme");
    assert.equal(await page.getAttribute("html", "data-theme"), "dark");
    await page.reload();
    await page.waitForFunction(() => window.railyard !== undefined);
    assert.equal(await page.getAttribute("html", "data-theme"), "dark");
    assert.ok((await state(page)).phase);
  }));
