// Counts a TAP stream and prints "N passed, N failed" as its last line. Usage: count-tap.mjs FILE
// Exits 1 when anything failed, or nothing passed.
//
// Counted are the leaves. The line that closes a subtest (which "# Subtest" opened at the same depth)
// only sums up what was counted inside, unless nothing was: then it counts itself; or unless it failed
// and nothing inside did: then something else went wrong (a timeout, a crash, a plan not kept) and
// counts as a failure. Under GSHM_NO_SKIP=1 a skipped test is a failure, unless it is about what the other trap does otherwise
// (test/support/trap.ts): those are tried as they are elsewhere.
import { readFileSync } from 'node:fs'

const noSkip = process.env.GSHM_NO_SKIP === '1'
const EXCUSED = /# SKIP GSHM_TRAP=mprotect: /
const count = { passed: 0, failed: 0, skipped: 0 }
/** The subtests that are open, outermost first (a test file is one), with what had been counted when each began. */
const open = []

for (const line of readFileSync(process.argv[2], 'utf8').split('\n')) {
  const indent = line.length - line.trimStart().length
  const subtest = /^\s*# Subtest: (.*)/.exec(line)
  if (subtest) open.push({ indent, name: subtest[1], ...count })
  if (/^\s*Bail out!/.test(line)) tally('failed', line)
  const result = /^\s*(not )?ok\b(.*)/.exec(line)
  if (!result) continue
  const [, not, rest] = result
  const before = open.at(-1)?.indent === indent ? open.pop() : undefined
  if (before && sum(before) < sum(count)) {
    if (not && before.failed === count.failed) tally('failed', line)
  } else if (not && !/# TODO/i.test(rest)) tally('failed', line)
  else if (/# (SKIP|TODO)/i.test(rest)) tally(noSkip && !EXCUSED.test(rest) ? 'failed' : 'skipped', line)
  else tally('passed')
}

function sum({ passed, failed, skipped }) {
  return passed + failed + skipped
}

function tally(kind, line) {
  count[kind]++
  if (line) console.log(`${kind}: ${[...open.map(({ name }) => name), line.trim()].join(' > ')}`)
}

if (noSkip) console.log('(GSHM_NO_SKIP=1: skipped tests are counted as failed)')
const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
console.log(`${count.passed} passed, ${count.failed} failed${skipped}`)
process.exitCode = count.failed > 0 || count.passed === 0 ? 1 : 0
