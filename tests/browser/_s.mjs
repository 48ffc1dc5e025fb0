import { launch } from '../../scripts/chromium.mjs'
import { serve } from '../../scripts/serve.mjs'
const server = await serve({ root: 'dist' }), browser = await launch()
for (const [w,h,c] of [[1440,900,'light'],[390,844,'dark']]) {
  const page = await (await browser.newContext({ viewport:{width:w,height:h}, colorScheme:c, bypassCSP: true })).newPage()
  page.setDefaultTimeout(20000)
  const state = (ph) => page.waitForFunction((ph) => JSON.parse(window.railyard.state()).phase === ph, ph)
  for (const [seed, ep] of [[1,4],[2,6],[3,5]]) {
    await page.goto('about:blank')
    await page.goto(server.url+'?testing=1'); await page.waitForFunction(() => window.railyard); await page.evaluate(() => window.railyard.idle())
    if (w < 500) await page.click('#settings')
    await page.check('#s-network-1'); await page.fill('#f-seed', String(seed)); await page.fill('#f-epochs', String(ep)); await page.waitForTimeout(500)
    if (w < 500) await page.getByRole('button', {name:'Done'}).click()
    await page.click('#reset'); await state('ready')
    await page.click('#train'); await state('finished')
    await page.click('#runs'); await page.waitForSelector('dialog.runs'); await page.waitForTimeout(200); await page.fill('#run-name', seed===2 ? 'Second try, six epochs' : ''); await page.click('#keep-run'); await page.getByText('is kept, as it').waitFor()
    await page.waitForTimeout(200)
  }
  for (const box of await page.locator('dialog.runs input[type=checkbox]').all()) await box.check()
  await page.waitForTimeout(300)
  await page.screenshot({ path: `/tmp/runs-${w}.png` })
  await page.locator('dialog.runs').getByRole('button', { name: 'Done' }).click()
  await page.waitForTimeout(400)
  await page.screenshot({ path: `/tmp/chart-${w}.png` })
}
await browser.close(); await server.close()
