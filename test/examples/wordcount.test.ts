import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../../ts/project/index.js'
import { startCluster } from '../support/cluster.js'

/** What tr, sort and uniq say. */
function expected(file: string): string {
  const command = 'tr -cs A-Za-z \'\\n\' <"$1" | sort | uniq -c'
  return spawnSync('sh', ['-c', command, 'sh', file], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).stdout
}

t.test('wordcount: C and Node.js ranks on three nodes count what tr, sort and uniq count', async (t) => {
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
    'one long word over all parts': ['--unit', '65536'],
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
})
