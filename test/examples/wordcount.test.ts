import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import { projectRoot } from '../../ts/project/index.js'
import { startCluster } from '../support/cluster.js'
import { runProgram } from '../support/program.js'
import { except } from '../support/trap.js'

/** What tr, sort and uniq say. */
function expected(file: string): string {
  const command = 'tr -cs A-Za-z \'\\n\' <"$1" | sort | uniq -c'
  return spawnSync('sh', ['-c', command, 'sh', file], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).stdout
}

t.test(
  'wordcount: C and Node.js ranks on three nodes count what tr, sort and uniq count',
  except('syscalls'),
  async (t) => {
    const cluster = await startCluster(t, 3)
    const files: Record<string, string> = {
      'only words': 'one two one',
      'no word': '1 2 3\n',
      'one long word over all parts': 'x'.repeat(10_000),
      'a word at every seam': 'ab '.repeat(999),
      'fewer bytes than ranks': 'a b',
    }
    const paths: [string, string][] = Object.entries(files).map(([name, text], i) => {
      const path = join(cluster.dir, `text${i}`)
      writeFileSync(path, text)
      return [name, path]
    })
    const models: Record<string, string[]> = {
      'GPL-3, lrc': ['--consistency', 'lrc'],
      'one long word over all parts': ['--unit', '64K'],
      'a word at every seam': ['--consistency', 'mrsw', '--manager', 'central', '--unit', '8192'],
      'fewer bytes than ranks': ['--consistency', 'lrc', '--manager', 'central'],
    }
    const licence = '/usr/share/common-licenses/GPL-3'
    for (const [name, path] of [['GPL-3', licence], ['GPL-3, lrc', licence], ...paths] as [string, string][]) {
      const options = models[name] ?? []
      const ranks = Array.from({ length: 6 }, (_, rank) => {
        const env = { GSHM_RANK: String(rank), GSHM_RANKS: '6' }
        return cluster.run(rank % 3, join(projectRoot(), 'examples/wordcount/rank.sh'), [...options, path], { env })
      })
      const ends = await Promise.all(ranks)
      t.same(
        ends.map(({ status, stderr }) => ({ status, stderr })),
        ends.map(() => ({ status: 0, stderr: '' })),
        name,
      )
      t.equal(ends[0]?.stdout, expected(path), name)
    }
  },
)

t.test(
  'wordcount: a unit that is none and a file that is missing are told once, by rank 0 of either kind',
  async (t) => {
    const cluster = await startCluster(t, 1)
    const none = join(cluster.dir, 'none')
    const licence = '/usr/share/common-licenses/GPL-3'
    for (const program of ['wordcount', compiled('examples/wordcount/wordcount.js')]) {
      for (const [args, text] of [
        [['--unit', '64X', licence], /^wordcount: --unit '64X': bytes are wanted[^\n]*\n$/],
        [[none], /^wordcount: [^\n]*\/none[^\n]*\n$/],
      ] as const) {
        const end = await cluster.run(0, program, args, { env: { GSHM_RANK: '0', GSHM_RANKS: '2' } })
        t.match(end, { status: Number, stdout: '', stderr: text })
        t.not(end.status, 0)
      }
    }
  },
)

t.test('run.sh: a wrong command line is one line, and --help is none', async (t) => {
  const run = (...args: string[]) => runProgram(undefined, join(projectRoot(), 'examples/wordcount/run.sh'), args)
  for (const [args, text] of [
    [['--unit'], /--unit: a value is wanted/],
    [['--colour', 'red'], /--colour: there is no such option/],
    [['/no/such'], /\/no\/such: no file/],
    [['a', 'b'], /b: one file is wanted/],
  ] as const) {
    t.match(await run(...args), { status: 2, stdout: '', stderr: new RegExp(`^run.sh: ${text.source}[^\\n]*\\n$`) })
  }
  t.match(await run('--help'), { status: 0, stdout: /^usage: run.sh/, stderr: '' })
})
