// Nothing leaves the page's origin, and nothing foreign gets in: a journey over all tabs under the page's policy.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { stage } from './support.mjs'

const { visit } = stage()
const strict = { media: { bypassCSP: false } }

/** Waits until `test` holds of the page; the policy forbids what support.mjs does for it. */
async function until(page, test, argument) {
  for (let tries = 0; tries < 600; tries++) {
    if (await page.evaluate(test, argument)) return
    await page.waitForTimeout(50)
  }
  assert.fail(`it never came: ${test}`)
}

const state = (page) => page.evaluate(() => JSON.parse(window.railyard.state()))

test('a whole journey asks nobody else, under a strict policy', async (t) => {
  const asked = []
  const prepare = (page) => page.context().on('request', (request) => asked.push(request.url()))
  const visitor = await visit(t, { ...strict, search: '?testing=1&offline=1', prepare, wait: false })
  const { page } = visitor
  await page.evaluate(() => {
    window.refused = []
    addEventListener('securitypolicyviolation', (event) => window.refused.push(`${event.violatedDirective} ${event.blockedURI}`))
  })
  await until(page, () => window.railyard.isIdle())
  await page.check('#s-network-1')
  await page.fill('#f-epochs', '1')
  await page.click('#train')
  await until(page, () => JSON.parse(window.railyard.state()).phase === 'finished')
  const coming = page.waitForEvent('download')
  await page.click('#save-checkpoint')
  await coming
  for (const tab of ['accelerator', 'board', 'compare', 'learn']) {
    await page.click(`#tab-${tab}`)
    await page.waitForSelector(`.panel.${tab}`)
    if (tab === 'board') {
      await page.getByRole('button', { name: 'Use the virtual board', exact: true }).first().click()
      await until(page, () => JSON.parse(window.railyard.board()).connection === 'open')
    }
    if (tab === 'compare') {
      await page.waitForSelector('#methods-table')
      await page.fill('#f-compare-epochs', '1')
      await page.getByRole('row', { name: /^Dense/ }).getByRole('button', { name: 'Train' }).click()
      await until(page, () => /here, 1 epoch/.test(document.querySelector('#methods-table').innerText))
    }
    if (tab === 'learn') await page.waitForSelector('#lesson-title')
  }
  await page.click('#tab-train')
  await page.click('#runs')
  await page.click('#keep-run')
  await page.getByText('is kept, as it stands').waitFor()
  await page.keyboard.press('Escape')
  await page.click('#make-set')
  await page.waitForSelector('dialog.gather canvas')
  await page.keyboard.press('Escape')
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true))
  const foreign = asked.filter((url) => !url.startsWith(visitor.url) && !url.startsWith(`blob:${visitor.url}`) && !url.startsWith('data:'))
  assert.deepEqual(foreign, [])
  assert.ok(asked.length > 15, `${asked.length} requests`)
  assert.deepEqual(await page.evaluate(() => window.refused), [], 'the page keeps to its policy')
})

test('the policy is in force: no foreign address, no script of others', async (t) => {
  const visitor = await visit(t, { ...strict, wait: false })
  const { page } = visitor
  await until(page, () => window.railyard.isIdle())
  const [found, violated] = await page.evaluate(async () => {
    const violated = new Set()
    addEventListener('securitypolicyviolation', (event) => violated.add(`${event.effectiveDirective} ${event.blockedURI}`))
    const fetched = await fetch('https://example.com/').then(() => 'fetched', () => 'refused')
    const script = document.createElement('script')
    script.textContent = 'window.injected = true'
    document.body.append(script)
    const image = new Image()
    const loaded = await new Promise((resolve) => {
      image.onload = () => resolve('loaded')
      image.onerror = () => resolve('refused')
      image.src = 'https://example.com/pixel.png'
    })
    let evaluated = 'refused'
    try {
      evaluated = new Function('return "evaluated"')()
    } catch {
      // As it should be.
    }
    await new Promise((resolve) => setTimeout(resolve))
    return [[fetched, window.injected ?? 'refused', loaded, evaluated], [...violated].sort()]
  })
  assert.deepEqual(found, ['refused', 'refused', 'refused', 'refused'])
  // By the policy, not for want of a network.
  assert.deepEqual(violated, ['connect-src https://example.com/', 'img-src https://example.com/pixel.png', 'script-src eval', 'script-src-elem inline'])
  visitor.expect(/Content Security Policy|example\.com|csp/i)
  assert.equal((await state(page)).phase, 'example', 'and the page goes on')
})
