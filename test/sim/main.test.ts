/** What `npm run sim`, explore, mutants and litmus-model make of a wrong command line. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import { projectRoot } from '../../ts/project/index.js'
import { runProgram } from '../support/program.js'

const sim = (...args: string[]) => runProgram(undefined, compiled('ts/sim/main.js'), args)
const lastLine = (text: string) => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')

t.test('sim: a wrong command line is one line that names what is wrong, and with --json an object', async (t) => {
  const folder = t.testdir({ 'readme.txt': '' })
  for (const [args, text] of [
    [['run', '--seeds', '0'], /--seeds <count>' argument '0'.*from 1/],
    [['run', '--colour'], /--colour/],
    [['explore', '--size', 'nosuch'], /--size 'nosuch': .*mrsw: 2n1p, .*; srsw: 2n1p, .*; lrc: 2n1p, /],
    [
      ['explore', '--size', '2n1p-heap', '--protocol', 'srsw'],
      /srsw has no such size, but lrc; there are srsw: 2n1p, /,
    ],
    [['explore', '--break', 'nosuch'], /--break 'nosuch': there is no such planted bug/],
    [['explore', '--break', 'mrsw: nothing is acquired'], /--break 'mrsw: nothing is acquired'/],
    [['explore', '--break', 'nothing is acquired', '--protocol', 'mrsw'], /mrsw has no such planted bug, but lrc/],
    [['explore', '--break', 'nothing is acquired', '--size', '2n1p'], /--break.*--size/],
    [['litmus', '/no/such'], /\/no\/such: no such file/],
    [['litmus', folder], /no file below it ends in .litmus/],
    [['litmus'], /file/],
  ] as const) {
    const { status, stdout, stderr } = await sim(...args, '--json')
    t.equal(status, 1, args.join(' '))
    t.match(stderr, /^sim: ERR_GSHM_[A-Z_]+: [^\n]+\n$/)
    t.match(stderr, text)
    t.match(lastLine(stdout), { ok: false, error: { code: /^ERR_GSHM_/, message: text } })
  }
  t.match(await sim('--help'), { status: 0, stdout: /explore/, stderr: '' })
  t.match(await sim('explore', '--help'), { status: 0, stdout: /lrc: 2n1p, /, stderr: '' })
})

t.test('explore: --markdown writes the whole table, so it is refused with what leaves rows out', async (t) => {
  const page = join(projectRoot(), 'docs/VERIFICATION.md')
  const before = readFileSync(page, 'utf8')
  for (const others of [
    ['--size', '2n1p'],
    ['--protocol', 'srsw'],
    ['--break', 'nothing is acquired'],
  ]) {
    const { status, stderr } = await sim('explore', '--markdown', ...others)
    t.match(
      { status, stderr },
      { status: 1, stderr: new RegExp(`^sim: [^\\n]*--markdown[^\\n]*${others[0]}[^\\n]*\\n$`) },
    )
  }
  t.equal(readFileSync(page, 'utf8'), before)
})

t.test('explore --break: a planted bug is named as the list shows it, or without its protocol', async (t) => {
  t.match((await sim('explore', '--break', 'list')).stdout, /^lrc: nothing is acquired$/m)
  for (const name of ['nothing is acquired', 'lrc: nothing is acquired']) {
    const { status, stdout } = await sim('explore', '--break', name, '--json')
    t.equal(status, 1)
    t.match(lastLine(stdout), { ok: false, broken: [{ protocol: 'lrc', name: 'nothing is acquired', way: [String] }] })
  }
})

t.test('litmus-model: a file that does not parse is one line, and the others are looked at', async (t) => {
  const good = 'X86_64 good\n{ x=0; }\n P0 ;\n movq $1,(x) ;\nexists (x=1)\n'
  const dir = t.testdir({ 'bad.litmus': 'X86_64 bad\n{ }\n P0 ;\n cpuid ;\nexists (x=1)\n', 'good.litmus': good })
  const { status, stdout, stderr } = await sim('litmus', dir, '--json')
  t.equal(status, 1)
  t.equal(stderr.trimEnd().split('\n').length, 2)
  t.match(stderr, /bad\.litmus:4: instruction 'cpuid'/)
  t.match(stderr, new RegExp(`${join(dir, 'good.litmus')}: ok`))
  t.match(lastLine(stdout), { ok: false, tests: 1, wrong: [/bad\.litmus:4/] })
})
