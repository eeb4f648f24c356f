/** What the sequentially consistent protocols can produce is what interleaving allows, neither more nor less. */
import t from 'tap'
import { keyOf, parseLitmus, scOutcomes, tsoOutcomes, describe } from '../../ts/litmus/index.js'
import { step } from '../../ts/node/step.js'
import { modelOutcomes } from '../../ts/sim/litmus.js'

const TESTS = {
  'store buffering':
    ' P0 | P1 ;\n movq $1,(x) | movq $1,(y) ;\n movq (y),%rax | movq (x),%rax ;\nexists (0:rax=0 /\\ 1:rax=0)',
  'message passing':
    ' P0 | P1 ;\n movq $1,(x) | movq (y),%rax ;\n movq $1,(y) | movq (x),%rbx ;\nexists (1:rax=1 /\\ 1:rbx=0)',
  'coherent reads':
    ' P0 | P1 ;\n movq $1,(x) | movq (x),%rax ;\n movq $2,(x) | movq (x),%rbx ;\nexists (1:rax=2 /\\ 1:rbx=1)',
  'two writes each': ' P0 | P1 ;\n movq $1,(x) | movq $1,(y) ;\n movq $2,(y) | movq $2,(x) ;\nexists (x=1 /\\ y=1)',
}

for (const protocol of ['srsw', 'mrsw', 'mrsw-dynamic'] as const) {
  for (const placement of ['page-each', 'same-page'] as const) {
    for (const [name, text] of Object.entries(TESTS)) {
      t.test(`litmus: ${protocol}, ${placement}: ${name}`, async (t) => {
        const test = parseLitmus(`X86_64 test\n{ x=0; y=0; }\n${text}\n`)
        const allowed = scOutcomes(test)
        const { outcomes, violation, complete } = modelOutcomes(test, { protocol, step, placement })
        t.equal(violation, undefined)
        t.ok(complete)
        const all = (some: Iterable<readonly number[]>) => [...some].map((outcome) => describe(test, outcome)).sort()
        t.same(all(outcomes.values()), all(allowed.all))
      })
    }
  }
}

t.test('litmus: store buffering has an outcome that a store buffer alone brings, and no protocol', async (t) => {
  const test = parseLitmus(`X86_64 test\n{ x=0; y=0; }\n${TESTS['store buffering']}\n`)
  const relaxed = tsoOutcomes(test).all.find((outcome) => !scOutcomes(test).has(outcome))!
  t.equal(describe(test, relaxed), '0:rax=0 1:rax=0 x=1 y=1')
  t.notOk(modelOutcomes(test, { protocol: 'mrsw', step, placement: 'page-each' }).outcomes.has(keyOf(relaxed)))
})
