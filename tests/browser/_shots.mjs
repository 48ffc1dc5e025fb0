import { launch } from '../../scripts/chromium.mjs'
import { serve } from '../../scripts/serve.mjs'
import { violations } from './axe.mjs'
const server = await serve({ root: 'dist' }); const browser = await launch()
const names = process.argv.slice(2)
for (const [w,h,theme] of [[1440,900,'light'],[390,844,'dark']]) {
  const page = await (await browser.newContext({viewport:{width:w,height:h}, colorScheme:theme})).newPage()
  page.on('console', m=>['error','warning'].includes(m.type())&&!/integrity/.test(m.text())&&console.log(m.type(), m.text().slice(0,600))); page.on('pageerror', e=>console.log('err', String(e.stack).slice(0,900)))
  for (const n of names) {
    await page.goto('about:blank'); await page.goto(server.url+'?testing=1#tab=learn&step='+n); await page.waitForSelector('.lesson'); await page.waitForTimeout(200)
    for (const v of await violations(page, null)) console.log(w, theme, n, v)
    await page.screenshot({path:`/tmp/shots/${n}-${w}-${theme}.png`})
  }
}
await browser.close(); await server.close()
