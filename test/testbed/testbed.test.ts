import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { processId } from '../../ts/launch/processes.js'
import { Control, traces } from '../../ts/testbed/control.js'
import { places } from '../../ts/testbed/options.js'

t.test('places: nodes in turn, both kinds everywhere', async (t) => {
  const six = places(3, 6)
  t.same(
    six.map((p) => p.node),
    [0, 1, 2, 0, 1, 2],
  )
  for (const node of [0, 1, 2])
    t.same(
      six
        .filter((p) => p.node === node)
        .map((p) => p.kind)
        .sort(),
      ['c', 'node'],
    )
  for (const [nodes, processes] of [
    [2, 2],
    [1, 2],
    [3, 2],
    [4, 7],
    [2, 9],
  ] as const) {
    const kinds = new Set(places(nodes, processes).map((p) => p.kind))
    t.equal(kinds.size, 2, `${processes} processes on ${nodes} nodes are of both kinds`)
  }
})

t.test('traces: what a registered process has is counted', async (t) => {
  const dir = t.testdir()
  mkdirSync(join(dir, '7', 'fd'), { recursive: true })
  const links = [
    'anon_inode:[userfaultfd]',
    '/dev/userfaultfd',
    'socket:[12]',
    '/memfd:gshm-1 (deleted)',
    'pipe:[3]',
    '/dev/null',
  ]
  links.forEach((link, fd) => symlinkSync(link, join(dir, '7', 'fd', String(fd))))
  writeFileSync(
    join(dir, '7', 'maps'),
    '7f00-7f01 rw-s 0 00:01 5 /memfd:gshm:seg (deleted)\n7f02-7f03 r-xp 0 08:01 6 /x/libgshm.so\n7f04-7f05 r-xp 0 08:01 7 /usr/lib/libc.so.6\n',
  )
  t.same(traces(7, dir), { userfaultfd: 2, mappings: 2, sockets: 1 })
})

t.test('the control process: nothing of ours in its /proc, the same page faults each time, and it ends', async (t) => {
  const control = await Control.start(t.testdir())
  t.same(control.traces(), { userfaultfd: 0, mappings: 0, sockets: 0 })
  const first = await control.minorFaults()
  t.ok(first >= 3 * 1024, 'it touches three mappings of 1,024 pages')
  t.equal(await control.minorFaults(), first)
  const pid = control.child.pid ?? 0
  await control.stop()
  t.equal(processId(pid), undefined)
  await t.rejects(control.minorFaults(), { code: 'ERR_GSHM_SYSTEM' }, 'a control process that has ended is no answer')
})

t.test('traces of a Node.js child: its pipes are sockets', async (t) => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: 'pipe' })
  t.ok(traces(child.pid ?? 0).sockets >= 3)
  child.kill()
})
