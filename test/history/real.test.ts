// Histories of real nodes: clusters, processes, threads; bounded by operations, never by time.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import type { HistoriesResult } from '../../ts/testbed/histories.js'
import { leftovers } from '../support/leftovers.js'
import { runProgram, startProgram } from '../support/program.js'

/** The command, with a directory for temporary files in which only a kept history may be left. */
function start(t: Test, ...args: string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-real-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const program = startProgram(undefined, compiled('ts/cli/main.js'), ['histories', ...args], { env: { TMPDIR: dir } })
  return {
    program,
    ended: program.ended.then((end) => {
      t.same(leftovers(dir, [], new Set()), [], 'no process is left')
      return { ...end, files: readdirSync(dir) }
    }),
  }
}

const FIELDS = [
  ...['ok', 'operations', 'seconds', 'histories', 'violations', 'crossNode', 'evicted'],
  ...['seed', 'nodes', 'processes', 'threads', 'consistency', 'manager', 'unit'],
]

async function json(t: Test, ...args: string[]) {
  const { status, stdout, stderr, files } = await start(t, '--json', ...args).ended
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as HistoriesResult
  t.equal(result.ok, status === 0, stderr)
  return { result, files }
}

t.test('histories: what threads on three nodes see is sequentially consistent', async (t) => {
  const { result, files } = await json(t, '--operations', '20000', '--pages', '8', '--seed', '7')
  t.match(result, { ok: true, histories: 1, violations: 0, seed: 7, nodes: 3, processes: 6, threads: 2 })
  t.match(result, { consistency: 'mrsw', manager: 'fixed' })
  t.same(Object.keys(result).join(), FIELDS.join(), 'exactly these fields, in this order')
  t.ok(result.operations >= 20_000 && result.operations < 20_012, `${result.operations} operations`)
  t.ok(result.crossNode > 100, `${result.crossNode} operations saw what another node wrote`)
  t.same(files, [], 'no file is left')
})

t.test('histories: units of 64 KiB, in every model that promises it', async (t) => {
  for (const model of [
    ['srsw', 'fixed'],
    ['mrsw', 'fixed'],
    ['mrsw', 'dynamic'],
  ] as const) {
    const words = ['--consistency', model[0], '--manager', model[1], '--unit', '64K']
    const { result } = await json(t, '--operations', '10000', '--pages', '40', '--nodes', '2', '--seed', '7', ...words)
    t.match(result, { ok: true, violations: 0, consistency: model[0], manager: model[1], unit: 65536 })
  }
})

t.test('histories: one node, for people', async (t) => {
  const args = ['--nodes', '1', '--processes', '2', '--operations', '5000']
  t.match(await start(t, ...args).ended, {
    status: 0,
    stdout: /^1 histories, 5000 operations .*\nOK: every history is sequentially consistent\.\n$/,
    files: [],
  })
})

t.test('histories: each planted fault is found, shown, and kept for another look', async (t) => {
  for (const [inject, kind] of [
    ['stale', 'cycle'],
    ['lost', 'atomicity'],
  ] as const) {
    const args = ['--nodes', '2', '--processes', '2', '--operations', '4000', '--inject', inject]
    const { result, files } = await json(t, ...args)
    t.match(result, { ok: false, histories: 1, violations: 1, violation: { kind } }, inject)
    t.same(
      files,
      [
        dirname(result.kept ?? '')
          .split('/')
          .at(-1),
      ],
      'one file is left',
    )
    t.ok(existsSync(result.kept ?? ''))
    const again = await runProgram(undefined, compiled('ts/cli/main.js'), ['check', result.kept ?? '', '--json'])
    t.equal(again.status, 1)
    t.strictSame(JSON.parse(again.stdout).violation, result.violation)
  }
})

t.test('histories: what cannot be asked for is one error', async (t) => {
  t.match(await start(t, '--consistency', 'lrc').ended, {
    status: 1,
    stderr: /^gshm: ERR_GSHM_UNSUPPORTED: --consistency 'lrc': .*srsw and mrsw do\n$/,
  })
  t.match(await start(t, '--operations', '0').ended, { status: 1, stderr: /--operations '0'/ })
})

t.test('histories: interrupted, it stops everything and says so', async (t) => {
  const { program, ended } = start(t, '--nodes', '2', '--processes', '2', '--seconds', '600', '--json')
  const running = new Promise<void>((resolve) => {
    program.child.stderr?.on('data', (text: string) => /load and exchange/.test(text) && resolve())
  })
  await running
  program.child.kill('SIGINT')
  t.match(await ended, {
    status: 1,
    stderr: /gshm: ERR_GSHM_SYSTEM: interrupted by SIGINT\n$/,
    stdout: /"ok":false/,
    files: [],
  })
})
