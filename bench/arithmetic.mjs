// The arithmetic of the bench: medians, ratios of what was measured by turns, and growth against a
// prediction.

/** The middle of a list of numbers; the mean of the middle two. */
export function median(numbers) {
  if (numbers.length === 0) return NaN
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * The ratio of two contenders measured by turns: the median over the rounds of what each round gives, so
 * that what disturbed a round disturbed both.
 */
export function ratio(ours, theirs) {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} rounds against ${theirs.length}`)
  return median(ours.map((value, round) => value / theirs[round]))
}

/** The name of the fastest by its median; undefined of none. */
export function fastest(samples) {
  const names = Object.keys(samples).sort((a, b) => median(samples[b]) - median(samples[a]))
  return names[0]
}

/**
 * How much worse each step of a sweep is than the operation count predicts. Points have `time` and `macs`
 * (both per sample) and a `label`; an excess of 1 grows as predicted, of 2 twice as fast.
 */
export function excesses(points) {
  return points.slice(1).map((point, before) => {
    const from = points[before]
    return { from: from.label, to: point.label, excess: point.time / from.time / (point.macs / from.macs) }
  })
}

/** The largest of a list by a measure. */
export function worst(list, by) {
  return list.reduce((found, item) => (found === undefined || by(item) > by(found) ? item : found), undefined)
}
