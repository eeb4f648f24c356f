/** What the design takes for granted of the kernel, tried on the one that runs; and that trying can fail. */
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fact } from '../../ts/facts/script.js'
import { FACTS } from '../../ts/facts/table.js'
import { findings, withKernel } from '../../ts/testbed/facts.js'
import { runProgram } from '../support/program.js'
import { projectRoot } from '../../ts/project/index.js'

t.test('facts: every one holds', async (t) => {
  const found = await findings()
  t.equal(found.length, FACTS.length)
  for (const { name, claim, ok, seen } of found) t.ok(ok, `${name}: ${claim}`, { seen })
})

t.test('facts: what does not hold is found, with what was seen instead', async (t) => {
  const wrong = fact('wrong', 'a load of a hole is served by nobody', 'load 0.0 0 -> 0')
  const right = fact('right', 'a load of a hole waits', 'load 0.0 0 -> waits')
  t.match(await findings([wrong, right]), [
    { ok: false, seen: 'load 0.0 0: waits, not 0' },
    { ok: true, seen: '' },
  ])
})

t.test('facts: experiments that end by themselves are a fact that does not hold, and the next is tried', async (t) => {
  const hopeless = fact('hopeless', 'a thread that does nothing comes to an end', 'await 0.0 -> ok')
  const right = fact('right', 'a load of a hole waits', 'load 0.0 0 -> waits')
  t.match(await findings([hopeless, right]), [{ ok: false, seen: /await 0.0: facts: .*does nothing/ }, { ok: true }])
})

t.test('facts: names are unique, and every operation is known', async (t) => {
  t.equal(new Set(FACTS.map((each) => each.name)).size, FACTS.length)
  await withKernel(async (ask) => {
    await ask('reset')
    for (const unknown of ['dance 0', 'load 3.0 0', 'load 0.0 5', 'WP v3 0', 'load 0.0 -1'])
      t.equal(await ask(unknown), 'unknown', unknown)
  })
})

t.test('doctor --facts: the exit status is 0 when every fact holds, and not otherwise', async (t) => {
  const doctor = (env: Record<string, string>, ...options: string[]) =>
    runProgram(undefined, join(projectRoot(), 'dist/ts/cli/main.js'), ['doctor', '--facts', ...options], { env })
  const { status, stdout } = await doctor({}, '--json')
  t.equal(status, 0)
  t.match(JSON.parse(stdout), {
    ok: true,
    facts: FACTS.map(({ name, claim }) => ({ name, claim, ok: true, seen: '' })),
  })

  const dir = t.testdir({ facts: '#!/bin/sh\nwhile read -r operation; do echo nonsense; done\n' })
  chmodSync(join(dir, 'facts'), 0o755)
  const other = await doctor({ GSHM_BUILD_DIR: dir })
  t.equal(other.status, 1)
  t.match(other.stdout, /^NO {2}hole: /)
  t.match(other.stdout, /^ {4}seen instead: load 0.0 0: nonsense, not waits$/m)
  t.match(other.stdout, /facts do not hold here\n$/)
})
