// The testbed for real: clusters, C and Node.js workers. test/cli/cluster.test.ts has the other commands.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import type { TestbedResult } from '../../ts/testbed/report.js'
import { leftovers } from '../support/leftovers.js'
import { startProgram } from '../support/program.js'

/** The command, with a directory for temporary files that must be empty when it has ended. */
function start(t: Test, ...args: string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-real-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const program = startProgram(undefined, compiled('ts/cli/main.js'), ['testbed', ...args], { env: { TMPDIR: dir } })
  return {
    program,
    ended: program.ended.then((end) => {
      t.same(leftovers(dir, [], new Set()), [], 'no process is left')
      t.same(existsSync(dir) ? readdirSync(dir) : [], [], 'no file is left')
      return end
    }),
  }
}

const FIELDS = [
  ...['ok', 'seed', 'nodes', 'processes', 'blocks', 'bytesVerified', 'wrong', 'overlaps', 'leaked', 'heapBytesAfter'],
  ...['faults', 'faultLatencyUs', 'unregistered'],
]

async function json(t: Test, ...args: string[]) {
  const { status, stdout, stderr } = await start(t, '--json', ...args).ended
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as TestbedResult
  t.equal(result.ok, status === 0, stderr)
  return result
}

t.test('testbed: C and Node.js on two nodes, every byte right', async (t) => {
  const result = await json(t, '--nodes', '2', '--processes', '4', '--seconds', '1', '--seed', '7')
  t.match(result, {
    ok: true,
    seed: 7,
    nodes: 2,
    processes: 4,
    wrong: 0,
    overlaps: 0,
    leaked: 0,
    heapBytesAfter: 0,
    unregistered: { userfaultfd: 0, mappings: 0, sockets: 0 },
  })
  t.same(Object.keys(result).join(), FIELDS.join(), 'exactly these fields, in this order')
  t.ok(result.blocks > 0 && result.bytesVerified > result.blocks)
  t.ok(result.faults.remote > 0, 'pages came from the other node')
  t.ok(result.faultLatencyUs.p50 > 0 && result.faultLatencyUs.p99 >= result.faultLatencyUs.p50)
  t.equal(result.unregistered.minorFaultsBefore, result.unregistered.minorFaultsDuring)
})

t.test('testbed: segments of another model; one that cannot be is told of by its option', async (t) => {
  const run = ['--nodes', '2', '--processes', '2', '--seconds', '1']
  t.match(await json(t, ...run, '--manager', 'central'), { ok: true, wrong: 0 })
  t.match(await json(t, ...run, '--consistency', 'lrc'), { ok: true, wrong: 0, overlaps: 0, leaked: 0 })
  t.match(await json(t, ...run, '--manager', 'dynamic', '--unit', '64K'), { ok: true, wrong: 0 })
  const refused: { ok: boolean; error?: { message: string } } = await json(
    t,
    ...run,
    '--consistency',
    'lrc',
    '--manager',
    'dynamic',
  )
  t.match(refused, { ok: false, error: { message: /--manager dynamic with --consistency lrc: only/ } })
})

t.test('testbed: the report of a run on one node, for people', async (t) => {
  const { status, stdout, stderr } = await start(t, '--nodes', '1', '--processes', '2', '--seconds', '1').ended
  t.equal(status, 0, stderr)
  t.match(stdout, /OK: every byte was right\.\n$/)
})

t.test('testbed: each planted fault is found', async (t) => {
  const run = ['--nodes', '2', '--processes', '2', '--seconds', '1']
  for (const [inject, found, consistency] of [
    ['wrong', 'wrong', 'mrsw'],
    ['wrong', 'wrong', 'lrc'],
    ['overlap', 'overlaps', 'mrsw'],
    ['leak', 'leaked', 'mrsw'],
  ] as const) {
    const result = await json(t, ...run, '--consistency', consistency, '--inject', inject)
    t.notOk(result.ok, `${inject}, ${consistency}`)
    t.ok(result[found] > 0, `${found}: ${result[found]}`)
    if (inject === 'leak') t.ok(result.heapBytesAfter > 0)
  }
})

t.test('testbed: interrupted, it stops everything and says so', async (t) => {
  const { program, ended } = start(t, '--nodes', '2', '--processes', '2', '--seconds', '600', '--json')
  const running = new Promise<void>((resolve) => {
    program.child.stderr?.on('data', (text: string) => /share memory/.test(text) && resolve())
  })
  await running
  program.child.kill('SIGINT')
  t.match(await ended, { status: 1, stderr: /gshm: ERR_GSHM_SYSTEM: interrupted by SIGINT\n$/, stdout: /"ok":false/ })
})
