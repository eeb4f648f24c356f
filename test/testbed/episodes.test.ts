// Race-free episodes on real nodes; bounded by episodes, never by time.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import { describeWrong, judgeEpisodes, type EpisodesOptions, type EpisodesResult } from '../../ts/testbed/episodes.js'
import { leftovers } from '../support/leftovers.js'
import { startProgram } from '../support/program.js'

/** The command, with a directory for temporary files that must be empty when it has ended. */
function start(t: Test, ...args: string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-real-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const program = startProgram(undefined, compiled('ts/cli/main.js'), ['episodes', ...args], { env: { TMPDIR: dir } })
  return {
    program,
    ended: program.ended.then((end) => {
      t.same(leftovers(dir, [], new Set()), [], 'no process is left')
      t.same(readdirSync(dir), [], 'no file is left')
      return end
    }),
  }
}

const FIELDS = [
  ...['ok', 'seed', 'seconds', 'episodes', 'loads', 'stores', 'wrong', 'crossNode', 'blocks', 'leaked', 'evicted'],
  ...['nodes', 'processes', 'threads', 'consistency', 'manager', 'unit'],
]

async function json(t: Test, ...args: string[]) {
  const { status, stdout, stderr } = await start(t, '--json', ...args).ended
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as EpisodesResult
  t.equal(result.ok, status === 0, stderr)
  return result
}

for (const consistency of ['lrc', 'mrsw'] as const) {
  t.test(`episodes: three nodes, ${consistency}, every load right`, async (t) => {
    const result = await json(t, '--consistency', consistency, '--episodes', '4', '--seed', '7')
    t.match(result, { ok: true, seed: 7, episodes: 4, wrong: 0, leaked: 0, consistency, manager: 'fixed' })
    t.match(result, { nodes: 3, processes: 6, threads: 2 })
    t.same(Object.keys(result).join(), FIELDS.join(), 'exactly these fields, in this order')
    t.ok(result.loads > 500_000, `${result.loads} loads`)
    t.ok(result.crossNode > 100_000, `${result.crossNode} loads saw what another node stored`)
    t.ok(result.stores > 0 && result.blocks > 0)
  })
}

for (const [consistency, manager] of [
  ['srsw', 'fixed'],
  ['mrsw', 'fixed'],
  ['mrsw', 'dynamic'],
  ['lrc', 'fixed'],
] as const) {
  t.test(`episodes: two nodes work on more pages than both have memory for, ${consistency}/${manager}`, async (t) => {
    const model = ['--consistency', consistency, '--manager', manager]
    const few = ['--processes', '2', '--pages', '96'] // and as many for the heap
    const result = await json(t, ...model, ...few, '--memory', '320K', '--episodes', '4', '--seed', '7')
    t.match(result, { ok: true, wrong: 0, leaked: 0 })
    t.ok(result.evicted > 20, `${result.evicted} pages were evicted`)
  })
}

t.test('episodes: units of every size, in every model', async (t) => {
  for (const [model, unit] of [
    [['srsw', 'fixed'], 16384],
    [['mrsw', 'central'], 65536],
    [['mrsw', 'fixed'], 32768],
    [['mrsw', 'dynamic'], 8192],
    [['lrc', 'fixed'], 8192],
    [['lrc', 'fixed'], 65536],
  ] as const) {
    const [consistency, manager] = model
    const run = ['--nodes', '2', '--processes', '4', '--pages', '40', '--episodes', '3', '--seed', '7']
    const args = [...run, '--consistency', consistency, '--manager', manager, '--unit', String(unit)]
    const result = await json(t, ...args)
    t.match(result, { ok: true, wrong: 0, leaked: 0, consistency, manager, unit }, `${consistency}/${manager}, ${unit}`)
  }
  t.match(await start(t, '--unit', '5000').ended, { status: 1, stderr: /--unit '5000': a power of two/ })
  t.match(await start(t, '--unit', '128K').ended, { status: 1, stderr: /--unit '128K': from 4096 to 65536/ })
})

t.test('episodes: one node, few pages, for people', async (t) => {
  const args = ['--nodes', '1', '--processes', '2', '--pages', '3', '--episodes', '3', '--consistency', 'srsw']
  t.match(await start(t, ...args).ended, {
    status: 0,
    stdout: /^3 episodes, \d+ loads .*: 0 wrong; 0 saw .*\nOK: every load saw what was stored last\.\n$/,
  })
})

t.test('episodes: a store that memory does not see is found, whatever becomes of it', async (t) => {
  for (const consistency of ['lrc', 'mrsw']) {
    const run = ['--nodes', '2', '--processes', '2', '--episodes', '3', '--consistency', consistency]
    const { ok, wrong, wrongLoads = [], failures } = await json(t, ...run, '--inject', 'stale')
    t.notOk(ok)
    t.ok(wrong > 0, `${wrong} wrong`)
    t.match(failures, [/^\d+ loads saw another value than was stored last$/])
    t.match(wrongLoads[0], { writer: 0, written: 1 })
    t.not(wrongLoads[0]?.expected, wrongLoads[0]?.seen)
  }
})

t.test('episodes: what cannot be asked for is one error', async (t) => {
  t.match(await start(t, '--episodes', '0').ended, { status: 1, stderr: /--episodes '0'/ })
  const run = ['--nodes', '1', '--processes', '1', '--consistency', 'lrc', '--manager', 'dynamic', '--episodes', '1']
  t.match(await start(t, ...run).ended, { status: 1, stderr: /--manager dynamic with --consistency lrc/ })
})

t.test('episodes: interrupted, it stops everything and says so', async (t) => {
  const { program, ended } = start(t, '--nodes', '2', '--processes', '2', '--seconds', '600', '--json')
  const running = new Promise<void>((resolve) => {
    program.child.stderr?.on('data', (text: string) => /load and store/.test(text) && resolve())
  })
  await running
  program.child.kill('SIGINT')
  t.match(await ended, { status: 1, stderr: /gshm: ERR_GSHM_SYSTEM: interrupted by SIGINT\n$/, stdout: /"ok":false/ })
})

const size = { nodes: 2, processes: 2, threads: 1, pages: 4, seed: 7 }
const options: EpisodesOptions = { ...size, consistency: 'lrc', manager: 'fixed', unit: 4096, memory: 2 ** 28 }
const report = { episodes: 3, loads: 10, stores: 5, crossNode: 4, blocks: 2, leaked: 0, wrong: 0, wrongs: [] }

t.test('episodes: whatever is wrong, lost or left makes it not ok', async (t) => {
  t.match(judgeEpisodes(options, 1, [report, report], [], 7), {
    ok: true,
    episodes: 3,
    loads: 20,
    crossNode: 8,
    evicted: 7,
  })
  const wrongs = [
    {
      ...{ thread: 1, node: 1, page: 2, byte: 3, episode: 4, guard: 'lock' as const, number: 5 },
      ...{ expected: 6, seen: 7, writer: 0, written: 3 },
    },
  ]
  for (const [reports, troubles, failure] of [
    [[report, { ...report, wrong: 1, wrongs }], [], /1 loads saw/],
    [[{ ...report, leaked: 16 }, report], [], /holds 16 bytes/],
    [[0, 1].map(() => ({ ...report, crossNode: 0 })), [], /another node/],
    [[report], ['worker 1 has died'], /^worker 1 has died$/],
  ] as const) {
    const { ok, failures } = judgeEpisodes(options, 1, reports, troubles, 0)
    t.notOk(ok)
    t.match(failures, [failure])
  }
  t.equal(
    describeWrong(wrongs[0]!),
    'thread 1 on node 1, episode 4: page 2 byte 3 (lock 5) is 7, not 6, which thread 0 stored in episode 3',
  )
})
