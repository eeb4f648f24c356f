/** The model of userfaultfd against the facts, and against the kernel in random scripts. */
import fc from 'fast-check'
import t from 'tap'
import { contradiction, PAGES } from '../../ts/facts/script.js'
import { FACTS } from '../../ts/facts/table.js'
import { UffdModel } from '../../ts/sim/uffd-model.js'
import { withKernel } from '../../ts/testbed/facts.js'

t.test('model: every fact of the kernel is one of the model', async (t) => {
  const model = new UffdModel()
  for (const each of FACTS)
    t.equal(await contradiction(each, (operation) => model.ask(operation)), undefined, each.name)
})

const FRAME = ['fill', 'fill', 'punch', 'pread', 'present', 'plain-load']
const RAW = ['CONTINUE', 'CONTINUE|WP', 'WP', 'UNWP', 'POISON', 'WAKE']
const CHANGE = [...RAW, 'resume-read', 'resume-write', 'resume-write', 'protect', 'unprotect', 'poison']
const TOUCH = ['load', 'store', 'store', 'kernel-load', 'kernel-store']
const OWN = ['dontneed', 'remove', 'unmap', 'fork', 'kill']

interface Draw {
  readonly what: string
  readonly view: number
  readonly thread: number
  readonly page: number
}
const few = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 1 }) }, { weight: 1, arbitrary: fc.nat({ max: PAGES - 1 }) })
const draw = (...what: string[]) =>
  fc.record({ what: fc.constantFrom(...what), view: fc.nat({ max: 2 }), thread: fc.nat({ max: 1 }), page: few })
const draws = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: draw(...FRAME) },
    { weight: 6, arbitrary: draw(...CHANGE) },
    { weight: 7, arbitrary: draw(...TOUCH) },
    { weight: 4, arbitrary: draw('drain') },
    { weight: 1, arbitrary: draw('signal') },
    { weight: 1, arbitrary: draw(...OWN) },
  ),
  { minLength: 20, maxLength: 80, size: 'max' },
)

/** The drawn operation as a line, if it can be done here with one outcome only. */
function operationOf({ what, view, thread, page }: Draw, value: number, model: UffdModel): string | undefined {
  if (FRAME.includes(what)) return what === 'fill' ? `fill ${page} ${value}` : `${what} ${page}`
  const state = model.state(view)
  if (state === 'unborn') return undefined
  if (CHANGE.includes(what)) return `${what} v${view} ${page}`
  if (what === 'drain') return `drain v${view}`
  if (state === 'dead') return undefined
  const forked = model.state(2) !== 'unborn' || [0, 1].some((other) => model.deed(other, 2)?.deed === 'fork')
  if (what === 'kill') return forked ? undefined : `kill v${view}` // a child ends with its parent, sometime
  const who = view === 2 ? 0 : OWN.includes(what) ? 2 : thread
  const deed = model.deed(view, who)
  if (what === 'signal') return deed?.deed.startsWith('kernel') ? undefined : `signal ${view}.${who}` // it would spin
  if (deed !== undefined || (what === 'fork' && (forked || view === 2))) return undefined
  if (OWN.includes(what)) return what === 'fork' ? `fork ${view}.${who}` : `${what} ${view}.${who} ${page}`
  // Two that are woken at once would race.
  if (model.deed(view, 1 - who)?.page === page) return undefined
  return `${what} ${view}.${who} ${page}${what.endsWith('store') ? ` ${value}` : ''}`
}

t.test('model: what the kernel answers to random scripts', async (t) => {
  let operations = 0
  const answers = new Set<string>()
  await withKernel((ask) =>
    fc.assert(
      fc.asyncProperty(draws, async (script) => {
        const model = new UffdModel()
        const lines: string[] = []
        const expected: string[] = []
        for (const [i, each] of script.entries()) {
          const operation = operationOf(each, i + 1, model)
          if (operation === undefined) continue
          lines.push(operation)
          expected.push(`${operation} -> ${model.ask(operation)}`)
        }
        const seen: string[] = []
        await ask('reset')
        for (const operation of lines) seen.push(`${operation} -> ${await ask(operation)}`)
        const at = seen.findIndex((line, i) => line !== expected[i])
        if (at >= 0) throw new Error(`${seen.slice(0, at + 1).join('\n')}\nmodel: ${expected[at]}`)
        operations += seen.length
        for (const line of expected) answers.add(line.replace(/^.*-> /, '').replace(/\d+/g, 'N'))
      }),
      { seed: 20_260, numRuns: 500 },
    ),
  )
  t.ok(operations > 8000, `${operations} operations`)
  for (const word of [
    'EAGAIN',
    'EEXIST',
    'EFAULT',
    'ENOENT',
    'ESRCH',
    'already',
    'again',
    'gone',
    'hole',
    'SIGBUS',
    'SIGSEGV',
  ])
    t.ok(answers.has(word), word)
})
