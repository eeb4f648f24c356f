/** docs/PORTING.md: its programs, as they stand there, compile and run as it says. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import { projectRoot } from '../../ts/project/index.js'
import { compileParmacs } from '../support/parmacs.js'
import { hasCommand, skipUnless } from '../support/skip.js'
import { startCluster } from '../support/cluster.js'
import { runRanks, segmentNames } from '../support/ranks.js'

const text = readFileSync(join(projectRoot(), 'docs/PORTING.md'), 'utf8')
const run = promisify(execFile)

/** The code block that follows `<!-- name -->`. */
function example(name: string): string {
  return new RegExp(`<!-- ${name} -->\\n\`\`\`\\w+\\n([^]*?)\`\`\``).exec(text)?.[1] ?? ''
}

/** The words of the line that runs it, of which each rank runs what stands behind `--`; and its comment: what it prints. */
function line(program: string): { command: string; prints: string } {
  const [, command = '', prints = ''] =
    new RegExp(`^ {4}npx gshm run -n 3 -- (.*${program}.*?) +# (.*)$`, 'm').exec(text) ?? []
  return { command, prints }
}

for (const [program, api] of [
  ['sum', 'dsm'],
  ['jacobi', 'tmk'],
] as const) {
  t.test(
    `docs/PORTING.md: ${program}.c compiles with gshm flags --${api}, and runs on one, two and three nodes`,
    async (t) => {
      const dir = t.testdir()
      writeFileSync(join(dir, `${program}.c`), example(`${program}.c`))
      t.match(text, `cc ${program}.c -o ${program} $(npx gshm flags --${api})`)
      const { stdout } = await run(process.execPath, [compiled('ts/cli/main.js'), 'flags', `--${api}`])
      await run('cc', [`${program}.c`, '-o', program, '-Wall', '-Werror', ...stdout.trim().split(' ')], { cwd: dir })
      const { command, prints } = line(program)
      for (const nodes of [1, 2, 3]) {
        const cluster = await startCluster(t, nodes)
        const end = await runRanks(cluster, 3, '/bin/sh', ['-c', command.replace(/^sh -c '(.*)'$/, '$1')], { cwd: dir })
        t.match(end, { status: 0, stderr: '' })
        t.match(end.stdout, new RegExp(`^\\[\\d\\] ${prints.replace(/[[\]]/g, '\\$&')}\n$`), `on ${nodes} nodes`)
        t.same(segmentNames(cluster), [])
      }
    },
  )
}

t.test('docs/PORTING.md: primes.C goes through m4 and runs with 1, 2 and 3 processes (mrsw, lrc)', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const dir = t.testdir()
  writeFileSync(join(dir, 'primes.C'), example('primes.C'))
  t.match(
    text,
    'm4 $(npx gshm flags --m4) primes.C > primes.c\n    cc primes.c -o primes $(npx gshm flags --parmacs)\n',
  )
  const program = await compileParmacs(dir, join(dir, 'primes.C'))
  const { prints } = line('primes')
  const cluster = await startCluster(t, 3)
  for (const count of [1, 2, 3]) {
    for (const consistency of ['mrsw', 'lrc']) {
      const env = { GSHM_CONSISTENCY: consistency }
      const end = await runRanks(cluster, count, program, [`-p${count}`], { env })
      t.match(
        end,
        { status: 0, stdout: `${count > 1 ? '[0] ' : ''}${prints}\n`, stderr: '' },
        `${count}, ${consistency}`,
      )
    }
  }
  t.same(segmentNames(cluster), [])
})
