import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { claimHolds, holds, namesOf, parseLitmus, scOutcomes, tsoOutcomes } from '../../ts/litmus/index.js'
import { projectRoot } from '../../ts/project/index.js'
import { knownText, litmusText } from '../support/litmus-tests.js'

t.test('a test with everything that the format has', async (t) => {
  const test = parseLitmus(`X86_64 all+of-it (2)
"Rfe PodRR
Fre" (* a comment (* in a comment *) *)
Cycle=Rfe {not the initial state}
Generator=by hand
{
uint64_t x; uint64_t y = 0x10; int *z; [w]=-1;
0:rax=7; uint64_t 1:%rbx; 1:rsi=x; 1:rdi=&y
}
 P0               | P1              | P2             ;
 movq $2,(x)      | movq (%rsi),%rax| (* nothing *)  ;
 mfence           | movq $3,(%rdi)  | MOVQ [x],%r8   ;
 lock xchgq %rax,y| xchg (z),%rbx   |                ;
 movq %rax,%rcx   |                 |                ;
                  |                 | mov w(%rip),%r9;
                  | sfence          | lfence         ;
locations [x; 0:rax;]
~exists (0:rax=16 /\\ (x=2 \\/ not [y]=7) /\\
  ~ (1:rax!=0 => 2:EAX=0) /\\ true)
`)
  t.equal(test.name, 'all+of-it (2)')
  t.same(namesOf(test), ['0:rax', '0:rcx', '1:rax', '1:rbx', '2:r8', '2:r9', '2:rax', 'x', 'y', 'z', 'w'])
  t.same(
    test.locations.map(({ initial }) => initial),
    [0, 16, 0, -1],
  )
  t.equal(test.threads[0]?.registers[0]?.initial, 7)
  t.same(test.threads[0]?.instructions, [
    { op: 'store', location: 0, value: { constant: 2 } },
    { op: 'fence' },
    { op: 'exchange', location: 1, register: 'rax' },
    { op: 'move', register: 'rcx', value: { register: 'rax' } },
  ])
  t.same(test.threads[1]?.instructions, [
    { op: 'load', location: 0, register: 'rax' },
    { op: 'store', location: 1, value: { constant: 3 } },
    { op: 'exchange', location: 2, register: 'rbx' },
  ])
  t.same(test.threads[2]?.instructions, [
    { op: 'load', location: 0, register: 'r8' },
    { op: 'load', location: 3, register: 'r9' },
  ])
  t.equal(test.condition.quantifier, 'not exists')
})

t.test('conditions: what binds how strongly, and each quantifier', async (t) => {
  const of = (condition: string) => parseLitmus(litmusText('c', [['movq $1,(x)']], condition, 'x; y=2; 0:rax=3;'))
  const now = [3, 1, 2] // 0:rax x y
  const without = [1, 2]
  for (const [text, expected] of [
    ['exists (x=1 \\/ x=0 /\\ y=0)', true],
    ['exists ((x=1 \\/ x=0) /\\ y=0)', false],
    ['exists (~x=0 /\\ y=2)', true],
    ['exists (not (x=1 /\\ y=2))', false],
    ['exists x=0 => y=0', true],
    ['exists x=1 => y=0 \\/ y=2', true],
    ['exists (0:rax=3)', true],
    ['exists (0:eax=0x3 /\\ [x]==1)', true],
    ['exists (x<>1)', false],
    ['exists false', false],
    ['exists (true);', true],
    ['filter (x=0) exists (y=2)', false],
  ] as const) {
    const test = of(text)
    t.equal(holds(test, namesOf(test).length === 3 ? now : without), expected, text)
  }
  for (const [text, expected] of [
    ['exists (x=1)', true],
    ['~exists (x=1)', false],
    ['not exists (x=0)', true],
    ['forall (x=1)', true],
    ['forall (x=0)', false],
    ['filter (x=0) forall (x=0)', true],
  ] as const) {
    const test = of(text)
    t.equal(claimHolds(test, scOutcomes(test).all), expected, text)
  }
})

t.test('32-bit instructions are understood when a test has no others', async (t) => {
  const test = parseLitmus(litmusText('l', [['movl $1,(x)', 'movl (x),%eax']], 'forall (0:eax=1)', 'int x;'))
  t.ok(claimHolds(test, scOutcomes(test).all))
})

t.test('what is not understood is one error that names file and line', async (t) => {
  const good = knownText('SB')
  const cases: [text: string, line: number, what: RegExp][] = [
    ['', 1, /X86_64 and a name/],
    [good.replace('X86_64', 'AArch64'), 1, /architecture 'AArch64'/],
    [good.replace('{', '('), 2, /initial state is missing/],
    [good.replace('}', ''), 2, /'}' is missing/],
    [good.replace('uint64_t x;', 'x=one;'), 2, /initial value 'one'/],
    [good.replace('uint64_t x;', 'x=99999999999999999999;'), 2, /initial value '9+'/],
    [good.replace('uint64_t x;', '0:xmm0=1;'), 2, /register 'xmm0'/],
    [good.replace('uint64_t x;', 'uint64_t x[2];'), 2, /initial state 'uint64_t x\[2\]'/],
    [good.replace('P1', 'P2'), 3, /P1 is wanted/],
    [good.replace(' | movq $1,(y)', ''), 4, /1 columns, but there are 2 threads/],
    [good.replace('movq $1,(y)', 'addq $1,(y)'), 4, /instruction 'addq \$1,\(y\)'/],
    [good.replace('movq $1,(y)', 'movb $1,(y)'), 4, /instruction 'movb/],
    [good.replace('movq $1,(y)', 'movl $1,(y)'), 4, /several widths/],
    [good.replace('movq $1,(y)', 'movq $1,4(y)'), 4, /a whole location/],
    [good.replace('movq $1,(y)', 'movq $y,(y)'), 4, /a whole number/],
    [good.replace('movq $1,(y)', 'movq $1,(%rsi)'), 4, /holds no address/],
    [good.replace('movq $1,(y)', 'movq (x),(y)'), 4, /must not be memory/],
    [good.replace('movq $1,(y)', 'movq $1'), 4, /two are wanted/],
    [good.replace('movq (y),%rax', 'movq (y),%eax'), 5, /width of the instruction/],
    [good.replace('movq (y),%rax', 'movq (y),%al'), 5, /register '%al'/],
    [good.replace('exists (', 'exist ('), 6, /';', or the condition/],
    [good.replace('0:rax=0', '0:rax'), 6, /= is wanted, not '\/\\'/],
    [good.replace('0:rax=0', '2:rax=0'), 6, /there are 2 threads/],
    [good.replace('0:rax=0', 'z=0'), 6, /no location 'z'/],
    [good.replace('0:rax=0', '0:x9=0'), 6, /a register of x86-64/],
    [good.replace('0:rax=0', '0:rax=x'), 6, /a number is wanted, not 'x'/],
    [good.replace('1:rax=0)', '1:rax=0'), 7, /'\)' is wanted, not 'the end'/],
    [`${good}(x=1)`, 7, /the end is wanted/],
    [good.replace('exists', 'locations x exists'), 6, /locations \[...\]/],
  ]
  for (const [text, line, what] of cases) {
    t.throws(() => parseLitmus(text, 'dir/a.litmus'), {
      code: 'ERR_GSHM_INVALID',
      message: new RegExp(`^dir/a\\.litmus:${line}: .*${what.source}`),
    })
  }
})

t.test('the example is understood, and what it asks about is not sequentially consistent', async (t) => {
  const file = join(projectRoot(), 'examples/litmus/SB.litmus')
  const test = parseLitmus(readFileSync(file, 'utf8'), file)
  t.equal(test.name, 'SB')
  t.notOk(claimHolds(test, scOutcomes(test).all))
  t.ok(claimHolds(test, tsoOutcomes(test).all))
})
