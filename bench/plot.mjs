// The growth sweep of a bench as one picture:
//
//   node bench/plot.mjs target/bench/bench.json docs/growth.svg

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { median } from './arithmetic.mjs'

const [width, height] = [290, 250]
const margin = { left: 58, right: 12, top: 34, bottom: 46 }
const titles = { rank: 'rank of every bond of fc1', batch: 'samples a step', modes: 'size of three modes', cores: 'cores of a 4,096 x 4,096 matrix' }
const series = ['float', 'fixed']

const style = `
  svg { font: 12px system-ui, sans-serif; background: #fff; }
  text { fill: #1b1f24; } .title { font-weight: 600; } .grid { stroke: #d8dee4; } .plain { fill: #fff; }
  .float { stroke: #0a58ca; fill: #0a58ca; } .fixed { stroke: #b54708; fill: #b54708; }
  polyline { fill: none !important; stroke-width: 1.8; } .predicted { stroke-dasharray: 5 4; stroke-width: 1.2; }
  @media (prefers-color-scheme: dark) {
    svg { background: #15191e; } text { fill: #e6edf3; } .grid { stroke: #333b44; } .plain { fill: #15191e; }
    .float { stroke: #6cb2ff; fill: #6cb2ff; } .fixed { stroke: #ffab70; fill: #ffab70; }
  }`

/** Whole powers of ten that hold all values. */
function decades(values) {
  return [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))]
}

/** A time in the unit that suits it. */
function seconds(exponent) {
  const names = [[0, 's'], [-3, 'ms'], [-6, 'µs'], [-9, 'ns']]
  const [unit, name] = names.find(([unit]) => exponent >= unit) ?? names[3]
  return `${10 ** (exponent - unit)} ${name}`
}

/** What the operation count predicts, at the rate that the sweep's points have in the middle. */
export function predicted(points) {
  const rate = median(points.map(({ time, macs }) => time / macs))
  return points.map(({ size, macs }) => ({ size, time: macs * rate }))
}

function panel({ where, axis, found }, [left, top], [low, high]) {
  const sizes = found[0].points.map(({ size }) => size)
  const span = [Math.log(sizes[0]), Math.log(sizes.at(-1))]
  const x = (size) => margin.left + ((Math.log(size) - span[0]) / (span[1] - span[0])) * (width - margin.left - margin.right)
  const y = (time) => height - margin.bottom - ((Math.log10(time) - low) / (high - low)) * (height - margin.top - margin.bottom)
  const line = (points) => points.map(({ size, time }) => `${x(size).toFixed(1)},${y(time).toFixed(1)}`).join(' ')
  const parts = [`<text class="title" x="${margin.left}" y="18">${where}: ${axis}</text>`]
  for (let exponent = low; exponent <= high; exponent++) {
    const at = y(10 ** exponent).toFixed(1)
    parts.push(`<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/>`)
    parts.push(`<text x="${margin.left - 6}" y="${at}" dy="4" text-anchor="end">${seconds(exponent)}</text>`)
  }
  let last = -Infinity
  for (const size of sizes) {
    if (x(size) - last < 24) continue
    last = x(size)
    parts.push(`<text x="${last.toFixed(1)}" y="${height - margin.bottom + 18}" text-anchor="middle">${size}</text>`)
  }
  parts.push(`<text x="${(margin.left + width - margin.right) / 2}" y="${height - 10}" text-anchor="middle">${titles[axis]}</text>`)
  for (const { precision, points } of found) {
    parts.push(`<polyline class="${precision} predicted" points="${line(predicted(points))}"/>`)
    parts.push(`<polyline class="${precision}" points="${line(points)}"/>`)
    for (const point of points) {
      const at = `cx="${x(point.size).toFixed(1)}" cy="${y(point.time).toFixed(1)}" r="3"`
      parts.push(`<circle class="${precision}" ${at}><title>${point.label}: ${(point.time * 1e6).toPrecision(3)} µs a sample</title></circle>`)
    }
  }
  return `<g transform="translate(${left} ${top})">${parts.join('\n')}</g>`
}

/** The picture of a sweep. */
export function plot(growth) {
  const places = [...new Set(growth.map(({ where }) => where))]
  const axes = [...new Set(growth.map(({ axis }) => axis))]
  const panels = places.flatMap((where, row) =>
    axes.map((axis, column) => {
      const found = growth.filter((sweep) => sweep.where === where && sweep.axis === axis)
      const times = growth.filter((sweep) => sweep.axis === axis).flatMap((sweep) => sweep.points.map(({ time }) => time))
      return panel({ where, axis, found }, [column * width, 34 + row * height], decades(times))
    }),
  )
  const [whole, high] = [axes.length * width, 34 + places.length * height]
  const legend = series.flatMap((precision, place) => [
    `<line class="${precision}" stroke-width="2" x1="${16 + place * 90}" x2="${40 + place * 90}" y1="18" y2="18"/>`,
    `<text x="${46 + place * 90}" y="22">${precision}</text>`,
  ])
  legend.push('<text x="200" y="22">time of a training step per sample; dashed: as the multiply-accumulates grow</text>')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole} ${high}" role="img" aria-label="Time per sample against rank, batch, modes and cores">
<style>${style}</style>
<rect class="plain" width="${whole}" height="${high}"/>
${[...legend, ...panels].join('\n')}
</svg>
`
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [from = 'target/bench/bench.json', to = 'docs/growth.svg'] = process.argv.slice(2)
  writeFileSync(to, plot(JSON.parse(readFileSync(from, 'utf8')).growth))
}
