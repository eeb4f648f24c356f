// Litmus tests for real: nodes, page faults, threads in C.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import type { LitmusResult } from '../../ts/testbed/litmus/run.js'
import { KNOWN, knownText, type KnownName } from '../support/litmus-tests.js'
import { leftovers } from '../support/leftovers.js'
import { runProgram, startProgram } from '../support/program.js'

/** A folder of tests, and one for temporary files that must be empty in the end. */
function folders(t: Test, names: readonly KnownName[]) {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-litmus-test-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const tests = join(dir, 'tests')
  const temporary = join(dir, 'tmp')
  mkdirSync(join(tests, 'below'), { recursive: true })
  mkdirSync(temporary)
  for (const name of names) writeFileSync(join(tests, 'below', `${name}.litmus`), knownText(name))
  return { tests, temporary }
}

async function litmus(t: Test, { tests, temporary }: ReturnType<typeof folders>, ...args: string[]) {
  const options = { env: { TMPDIR: temporary } }
  const words = ['litmus', tests, '--json', '--seed', '7', ...args]
  const { status, stdout, stderr } = await runProgram(undefined, compiled('ts/cli/main.js'), words, options)
  t.same(leftovers(temporary, [], new Set()), [], 'no process is left')
  t.same(existsSync(temporary) ? readdirSync(temporary) : [], [], 'no file is left')
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as LitmusResult
  t.equal(result.ok, status === 0, stderr)
  return { result, stderr }
}

const FIELDS = [
  ...['ok', 'tests', 'runs', 'forbidden', 'seen', 'reachable', 'skipped', 'outsideSc', 'conditionsSeen'],
  ...['nodes', 'seed', 'seconds', 'skippedFiles', 'violations'],
]
const names = Object.keys(KNOWN) as KnownName[]

t.test('litmus: threads on a node each see nothing outside of sequential consistency', async (t) => {
  const { result } = await litmus(t, folders(t, names), '--runs', '100', '--placement', 'mixed')
  t.match(result, { ok: true, tests: names.length, forbidden: 0, skipped: 0, outsideSc: 0, nodes: 4, seed: 7 })
  t.equal(result.runs, names.length * 100)
  t.ok(result.seen > names.length && result.seen <= result.reachable, `${result.seen} of ${result.reachable}`)
  t.same(Object.keys(result), FIELDS)
})

t.test('litmus: threads on one node see nothing outside of x86-TSO', async (t) => {
  const args = ['--runs', '100', '--placement', 'page-each', '--threads', 'same-node']
  const { result } = await litmus(t, folders(t, names), ...args)
  t.match(result, { ok: true, tests: names.length, forbidden: 0, nodes: 2 })
})

t.test('litmus: under a lock each thread runs as a whole', async (t) => {
  const { result } = await litmus(t, folders(t, ['SB', 'MP', 'WRC']), '--runs', '50', '--guard', 'lock')
  t.match(result, { ok: true, tests: 3, forbidden: 0, outsideSc: 0, reachable: 2 + 2 + 6 })
})

t.test('litmus: units of several pages, locations all over them', async (t) => {
  for (const args of [
    ['--unit', '8192'],
    ['--unit', '65536', '--manager', 'dynamic'],
    ['--unit', '16384', '--consistency', 'lrc', '--guard', 'lock'],
  ]) {
    const { result } = await litmus(t, folders(t, ['SB', 'MP', 'WRC']), '--runs', '60', ...args)
    t.match(result, { ok: true, tests: 3, forbidden: 0, outsideSc: 0 }, args.join(' '))
  }
})

t.test('litmus: a file that is not understood is skipped, told, and not ok', async (t) => {
  const where = folders(t, ['SB'])
  writeFileSync(join(where.tests, 'odd.litmus'), knownText('SB').replace('movq $1,(y)', 'incq (y)'))
  const { result, stderr } = await litmus(t, where, '--runs', '10')
  t.match(result, { ok: false, tests: 1, runs: 10, skipped: 1, forbidden: 0 })
  t.match(result.skippedFiles, [/odd\.litmus:4: instruction 'incq \(y\)'/])
  t.match(stderr, /^skipped: .*odd\.litmus:4/m)
})

t.test('litmus: what it cannot do is one error', async (t) => {
  const { tests, temporary } = folders(t, ['SB'])
  mkdirSync(join(tests, 'empty'))
  const odd = join(temporary, 'odd.litmus')
  writeFileSync(odd, knownText('SB').replace('movq $1,(y)', 'incq (y)'))
  for (const [args, text] of [
    [[join(tests, 'empty')], /no file below it ends in \.litmus/],
    [[join(tests, 'none')], /no such file or folder/],
    [[tests, '--consistency', 'lrc'], /--guard lock/],
    [[tests, '--placement', 'above'], /same-page, page-each, mixed/],
    [[tests, '--threads', 'none'], /node-each, same-node/],
    [[tests, '--runs', '0'], /--runs '0'/],
    [[odd], /^gshm: ERR_GSHM_INVALID: [^\n]*odd\.litmus:4: instruction 'incq \(y\)'[^\n]*\n$/],
    [[], /paths/],
  ] as const) {
    const options = { env: { TMPDIR: temporary } }
    const words = ['litmus', ...args, '--json']
    const { status, stderr } = await runProgram(undefined, compiled('ts/cli/main.js'), words, options)
    t.equal(status, 1)
    t.match(stderr, text)
  }
  t.same(readdirSync(temporary), ['odd.litmus'])
})

t.test('litmus: interrupted, it stops everything and says so', async (t) => {
  const { tests, temporary } = folders(t, ['SB'])
  const words = ['litmus', tests, '--runs', '1000000', '--json']
  const program = startProgram(undefined, compiled('ts/cli/main.js'), words, { env: { TMPDIR: temporary } })
  const started = new Promise<void>((resolve) => {
    program.child.stderr?.on('data', (text: string) => /nodes serve/.test(text) && resolve())
  })
  await started
  program.child.kill('SIGINT')
  t.match(await program.ended, { status: 1, stderr: /interrupted by SIGINT/, stdout: /"ok":false/ })
  t.same(leftovers(temporary, [], new Set()), [], 'no process is left')
  t.same(readdirSync(temporary), [], 'no file is left')
})
