/** Whatever a program passes: what the public API throws is a GshmError, with a code and a text of one line. */
import { inspect } from 'node:util'
import t from 'tap'
import * as globalshm from '../../ts/index.js'
import { attach, GshmError } from '../../ts/index.js'
import { startNode } from '../support/cluster.js'

const P = 4096
/** Nothing among these is anything that a public call takes. */
const JUNK = [
  null,
  -1,
  1.5,
  NaN,
  '\ud800',
  Symbol('s'),
  -1n,
  2n ** 64n,
  Object.assign(Object.create(null) as object, { y: 1 }),
  { at: Symbol('s') },
  () => 0,
]

/** What TypeScript calls protected, and what Condition.wait() alone calls. */
const HIDDEN = ['ask', 'askSync', 'waitFor', 'Held.wait']

/** Public methods of an object. */
function methods(of: object): string[] {
  const found = new Set<string>()
  for (
    let at: object = Object.getPrototypeOf(of) as object;
    at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object
  )
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (typeof value === 'function' && name !== 'constructor' && !HIDDEN.includes(name)) found.add(name)
  return [...found].filter((name) => !HIDDEN.includes(`${of.constructor.name}.${name}`))
}

/** What is wrong with what a call threw, if anything. */
async function wrong(what: string, call: () => unknown): Promise<string[]> {
  try {
    await call()
  } catch (error) {
    if (!(error instanceof GshmError)) return [`${what}: ${inspect(error)}`]
    if (!/^ERR_GSHM_\w+$/.test(error.code) || !/^.+$/.test(error.message))
      return [`${what}: ${error.code}: ${error.message}`]
  }
  return []
}

t.test('every public method: whatever is passed, what is thrown is a GshmError', { timeout: 60_000 }, async (t) => {
  const node = await startNode(t)
  const g = attach({ socket: node.socket(0) })
  const s = g.create('s', 16 * P)
  const m = g.mutex('m')
  const held = await g.mutex('held').lock()
  const objects = [
    // Without a wait, whatever is passed: nobody else is here.
    ...[s, s.map(), m, g.rwlock('rw'), g.semaphore('u', 1 << 20), g.condition('c'), g.counter('n'), held],
    await g.rwlock('held').write(),
    g,
  ]
  const classes = new Set(objects.map((object) => object.constructor.name))
  t.same(
    Object.entries(globalshm)
      .filter(([name, value]) => typeof value === 'function' && !/^[a-z]|GshmError/.test(name))
      .map(([name]) => name)
      .filter((name) => !classes.has(name)),
    [],
    'every class is tried',
  )
  // Which of a call's arguments is wrong: the first, or one after those that are right.
  const right: Record<string, unknown[]> = {
    'Gshm.wait': [s.at(0)],
    'Gshm.waitSync': [s.at(0)],
    'Gshm.notify': [s.at(0)],
    'Gshm.notifySync': [s.at(0)],
    'Gshm.buffer': [s.at(0)],
    'Gshm.semaphore': ['u'],
    'Segment.realloc': [s.alloc(16)],
  }
  // What ends things comes last.
  const ends = /^(close|unmap|unlock|unlockSync|detach|destroy)$/
  const found: string[] = []
  let calls = 0
  for (const last of [false, true]) {
    for (const object of objects) {
      for (const name of methods(object).filter((name) => ends.test(name) === last)) {
        const called = `${object.constructor.name}.${name}`
        const method = (object as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!.bind(object)
        for (const before of [[], right[called] ?? ['name'], [...(right[called] ?? ['name']), 1]]) {
          for (const junk of JUNK) {
            calls++
            found.push(...(await wrong(`${called}(${inspect([...before, junk])})`, () => method(...before, junk))))
          }
        }
      }
    }
  }
  t.same(found, [])
  t.ok(calls > 1_000, `${calls} calls`)
  t.throws(() => g.detach(), { code: 'ERR_GSHM_DETACHED' })
})

t.test('attach: whatever is passed, what is thrown is a GshmError', async (t) => {
  for (const junk of JUNK) {
    t.same(await wrong(`attach(${inspect(junk)})`, () => attach(junk as never)), [])
    t.same(await wrong(`attach({ socket: ${inspect(junk)} })`, () => attach({ socket: junk as never })), [])
  }
})
