import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../../ts/project/index.js'
import { type SourceFile, violations } from '../support/arrows.js'

function sources(folder: string): SourceFile[] {
  return readdirSync(join(projectRoot(), folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
    .map((path) => ({ path, text: readFileSync(join(projectRoot(), path), 'utf8') }))
}

t.test('imports: every import of ts/ and kmod-sim/ follows the arrows', async (t) => {
  const files = [...sources('ts'), ...sources('kmod-sim')]
  t.ok(files.length > 10, 'there are files to check')
  t.strictSame(violations(files), [])
})

t.test('imports: what follows the arrows passes', async (t) => {
  const good: [path: string, text: string][] = [
    ['ts/sync/locks.ts', "import type { Page } from '../base/ids.js'\nimport { x } from './queue.js'"],
    ['ts/coherence/mrsw/actions.ts', "import { assert } from '../../base/assert.js'\nimport '../effects.js'"],
    ['ts/client/index.ts', "import { native } from '../native/index.js'\nimport fs from 'node:fs'"],
    ['ts/index.ts', "export * from './client/index.js'"],
    ['kmod-sim/pager.ts', "import { step } from '../ts/node/step.js'\nimport pino from 'pino'"],
  ]
  for (const [path, text] of good) t.strictSame(violations([{ path, text }]), [], path)
})

t.test('imports: each kind of violation is found', async (t) => {
  const bad: [path: string, text: string, specifier: string][] = [
    ['ts/base/ids.ts', "import '../coherence/effects.js'", '../coherence/effects.js'],
    ['ts/coherence/lrc/a.ts', "import type { Lock } from '../../sync/locks.js'", '../../sync/locks.js'],
    ['ts/heap/index.ts', "import { readFileSync } from 'node:fs'", 'node:fs'],
    ['ts/wire/codec.ts', "import { pack } from 'msgpackr'", 'msgpackr'],
    ['ts/node/step.ts', "const a = await import('node:timers')", 'node:timers'],
    ['ts/cluster/link.ts', "import { native } from '../native/index.js'", '../native/index.js'],
    ['ts/client/index.ts', "export { step } from '../node/step.js'", '../node/step.js'],
    ['ts/cli/main.ts', "import { daemon } from '../../kmod-sim/daemon.js'", '../../kmod-sim/daemon.js'],
    ['ts/index.ts', "export * from './base/errors.js'", './base/errors.js'],
    ['kmod-sim/gshmd.ts', "import { run } from '../ts/sim/run.js'", '../ts/sim/run.js'],
    ['ts/cluster/link.ts', "const net = require('../sim/net.js')", '../sim/net.js'],
  ]
  for (const [path, text, specifier] of bad) {
    const room = path.startsWith('ts/') ? path.split('/')[1]?.replace('.ts', '') : 'kmod-sim'
    t.strictSame(violations([{ path, text }]), [`${path}: ${room} may not import '${specifier}'`])
  }
  t.match(violations([{ path: 'ts/attic/x.ts', text: '' }]), [/room 'attic' is not in the table/])
})
