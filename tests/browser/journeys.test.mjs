// What visitors do, from the first picture to a worker that dies.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { download, idle, open, reset, state, trainToTheEnd, until, withBrowser } from "./harness.mjs";

withBrowser();

const folder = mkdtempSync(join(tmpdir(), "railyard-"));
const hasExample = existsSync(fileURLToPath(new URL("../../dist/assets/example-run.json.gz", import.meta.url)));
const missing = hasExample ? [] : [/404/];
const visit = (options, journey) => open({ expected: missing, ...options }, journey);

test("the first picture is there without a click", { skip: !hasExample && "no recorded run was built in" }, () =>
  visit({}, async (page) => {
    const now = await state(page);
    assert.equal(now.phase, "example");
    assert.ok(now.test_accuracy > 0.8, `${now.test_accuracy}`);
    assert.match(await page.textContent(".strip"), /Example run.*recorded, \d+ epochs/);
    assert.match(await page.textContent(".figure:nth-child(2) .value"), /^[\d,.]+×/);
    assert.equal(await page.isEnabled("#train"), true);
  }));

test("training lowers the loss and the memory, and the page stays at 60 frames a second", () =>
  visit({}, async (page) => {
    await reset(page);
    const before = await page.textContent(".figure:nth-child(2) .value");
    // 95 % of frames come within 20 ms; on a machine busy with other things, about as they came before.
    const frames = async (milliseconds) => {
      await page.evaluate(() => window.railyard.frames(true));
      await page.waitForTimeout(milliseconds);
      const times = await page.evaluate(() => window.railyard.frames(false));
      return times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)];
    };
    const calm = await frames(700);
    await page.click("#train");
    await until(page, (now) => now.step > 5);
    const busy = Math.min(await frames(900), await frames(900), await frames(900));
    assert.ok(busy < Math.max(20, 1.5 * calm), `95 % of frames within ${busy} ms, before training ${calm} ms`);
    const trained = await until(page, (now) => now.step >= 200);
    const finished = await until(page, (now) => now.phase === "finished", 90);
    assert.ok(finished.step > trained.step);
    assert.ok(finished.test_accuracy > 0.75, `${finished.test_accuracy}`);
    const after = await page.textContent(".figure:nth-child(2) .value");
    const factor = (text) => Number.parseFloat(text.replaceAll(",", ""));
    assert.ok(factor(after) > factor(before), `${before} became ${after}`);
  }));

test("pause answers within 100 ms, and going on gives the same bits as not pausing", () =>
  visit({}, async (page) => {
    await page.fill("#f-epochs", "2");
    await reset(page);
    await page.click("#train");
    await until(page, (now) => now.step >= 40);
    const waited = await page.evaluate(async () => {
      const start = performance.now();
      document.querySelector("#train").click();
      while (JSON.parse(window.railyard.state()).phase !== "paused") await new Promise((done) => setTimeout(done, 1));
      return performance.now() - start;
    });
    assert.ok(waited < 100, `${waited} ms`);
    const paused = await state(page);
    await page.click("#step");
    const stepped = await until(page, (now) => now.step === paused.step + 1);
    assert.notEqual(stepped.checksum, paused.checksum);
    const interrupted = await trainToTheEnd(page);
    await reset(page);
    const whole = await trainToTheEnd(page);
    assert.equal(interrupted.checksum, whole.checksum);
  }));

for (const [ranks, index, options] of [
  ["fixed ranks", 0, ["--prior", "none"]],
  ["shrinking ranks", 1, ["--prior", "log-uniform", "--prior-target", "292", "--prior-warmup", "0.5", "--prior-ramp", "1.5"]],
]) {
  const skip = !process.env.RAILYARD_BIN && "RAILYARD_BIN is not set";
  test(`the page's bits are the command line's, with ${ranks}`, { skip }, () =>
    visit({}, async (page) => {
      const command = ["train", "--data", "fashion-mnist-subset", "--epochs", "3", "--json", ...options];
      const lines = execFileSync(process.env.RAILYARD_BIN, command, { encoding: "utf8" });
      const last = JSON.parse(lines.trim().split("\n").at(-1));
      await page.fill("#f-epochs", "3");
      await page.selectOption("#f-prior-kind", { index });
      if (index === 1) {
        await page.fill("#f-prior-target", "292");
        await page.fill("#f-prior-warmup_epochs", "0.5");
        await page.fill("#f-prior-ramp_epochs", "1.5");
      }
      await reset(page);
      const finished = await trainToTheEnd(page);
      assert.deepEqual(finished.ranks, last.ranks);
      assert.equal(finished.checksum, last.checksum);
    }));
}

test("a link carries the settings into another profile", async () => {
  let hash;
  await visit({}, async (page) => {
    await page.fill("#f-seed", "77");
    await page.check("#s-network-1");
    await page.waitForFunction(() => location.hash.length > 1);
    hash = await page.evaluate(() => location.hash);
  });
  await visit({ hash }, async (page) => {
    assert.equal(await page.inputValue("#f-seed"), "77");
    assert.equal(await page.isChecked("#s-network-1"), true);
  });
  await visit({ hash: "#1.AAAA" }, async (page) => {
    assert.match(await page.textContent(".strip"), /link's settings were not used/);
  });
});

test("a wrong setting is told beside its field and blocks training", () =>
  visit({}, async (page) => {
    await page.fill("#f-batch", "many");
    assert.match(await page.textContent("#f-batch-fault"), /whole number/);
    await page.click("#reset");
    assert.match(await page.textContent(".strip"), /whole number/);
    await page.fill("#f-batch", "5000");
    assert.match(await page.textContent("#f-batch-fault"), /1 to 1,024/);
    await page.fill("#f-batch", "32");
    assert.equal(await page.locator("#f-batch-fault").count(), 0);
  }));

test("a file that is no data set is refused in a sentence, and nothing is lost", () =>
  visit({}, async (page) => {
    await reset(page);
    const before = await state(page);
    const path = join(folder, "images.gz");
    writeFileSync(path, "no images");
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.click(".data .quiet")]);
    await chooser.setFiles([path, path]);
    await page.waitForSelector(".data-state .fault");
    assert.ok((await page.textContent(".data-state")).length > 30);
    assert.equal((await state(page)).checksum, before.checksum);
    await page.click("#step");
    await until(page, (now) => now.step === 1);
  }));

test("a data set that is not beside the page is named, and the run stays", () =>
  visit({ expected: [/404/] }, async (page) => {
    await page.route("**/data/*.rypk", (route) => route.fulfill({ status: 404, body: "" }));
    await reset(page);
    await page.selectOption("#f-data", { index: 2 });
    await page.click("#reset");
    await page.waitForSelector(".data-state .fault");
    assert.match(await page.textContent(".data-state"), /MNIST, full is not beside this page/);
    assert.equal((await state(page)).phase, "ready");
  }));

test("a checkpoint comes back as it was saved, the curves have every step", () =>
  visit({}, async (page) => {
    await page.fill("#f-epochs", "1");
    await reset(page);
    const finished = await trainToTheEnd(page);
    const saved = await download(page, () => page.click("#save-checkpoint"));
    assert.match(saved.name, /\.safetensors$/);
    const path = join(folder, saved.name);
    writeFileSync(path, saved.bytes);
    const curves = await download(page, () => page.click("#save-curves"));
    const lines = curves.bytes.toString("utf8").trim().split("\n");
    assert.equal(lines.length, finished.step + 1);
    assert.ok(lines.at(-1).includes(finished.checksum));
    await reset(page);
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.click("#open-checkpoint")]);
    await chooser.setFiles(path);
    const loaded = await until(page, (now) => now.phase === "finished");
    assert.equal(loaded.checksum, finished.checksum);
    const wrong = join(folder, "wrong.safetensors");
    writeFileSync(wrong, "nothing of the kind");
    const [again] = await Promise.all([page.waitForEvent("filechooser"), page.click("#open-checkpoint")]);
    await again.setFiles(wrong);
    await page.waitForSelector(".says.fault");
    assert.equal((await state(page)).checksum, finished.checksum);
  }));

test("a worker that traps is restarted from its checkpoint, to the same bits", () =>
  visit({}, async (page) => {
    await page.fill("#f-epochs", "3");
    await reset(page);
    await page.click("#train");
    await until(page, (now) => now.epoch >= 2 && now.step > 120);
    await page.evaluate(() => window.railyard.crashWorker());
    await page.waitForFunction(() => /was restarted from its checkpoint/.test(document.querySelector(".strip").textContent));
    const recovered = await until(page, (now) => now.phase === "finished", 60);
    await reset(page);
    const undisturbed = await trainToTheEnd(page);
    assert.equal(recovered.checksum, undisturbed.checksum);
  }));

test("the pad answers a test image and a drawing by keyboard", () =>
  visit({}, async (page) => {
    await reset(page);
    await page.click("#step");
    await until(page, (now) => now.step === 1);
    await page.click(".sample >> nth=0");
    await page.waitForSelector(".answer .top");
    await page.click("text=Clear");
    await page.waitForFunction(() => !document.querySelector(".answer .top"));
    await page.focus("canvas.sheet-canvas");
    for (const key of ["ArrowDown", "Space", "ArrowRight", "Space"]) await page.keyboard.press(key);
    await page.waitForSelector(".answer .top");
  }));

test("a hidden page goes on training", () =>
  visit({}, async (page) => {
    await page.fill("#f-epochs", "1");
    await reset(page);
    const other = await page.context().newPage();
    await other.bringToFront();
    await page.evaluate(() => document.querySelector("#train").click());
    await until(page, (now) => now.phase === "finished", 60);
    await idle(page);
  }));
