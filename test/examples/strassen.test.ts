import t from 'tap'
import { built } from '../../ts/launch/paths.js'
import { startCluster } from '../support/cluster.js'
import { runRanks, segmentNames } from '../support/ranks.js'

const script = (size: number) => `exec "$0" $((GSHM_RANK + 1)) $GSHM_RANKS ${size} check`

interface Result {
  readonly right: boolean
  readonly checked: boolean
  readonly blocks: number[]
  readonly size: number
}

for (const nodes of [1, 2, 3]) {
  t.test(
    `strassen: on ${nodes} nodes it multiplies as by the definition, whatever the size and the unit`,
    async (t) => {
      const cluster = await startCluster(t, nodes)
      for (const [ranks, size, unit] of [
        [nodes, 32, '4K'],
        [nodes, 512, '64K'],
        [nodes + 1, 256, '16K'],
      ] as const) {
        const env = { GSHM_DSM_UNIT: unit }
        const end = await runRanks(cluster, ranks, '/bin/sh', ['-c', script(size), built('strassen')], { env })
        t.match(end, { status: 0, stderr: '' })
        const { right, checked, blocks, size: told } = JSON.parse(end.stdout.replace('[0] ', '')) as Result
        t.same([right, checked, told, blocks.length], [true, true, size, ranks])
        t.equal(
          blocks.reduce((sum, made) => sum + made, 0),
          16,
          'every block is made once',
        )
        t.same(segmentNames(cluster), [])
      }
    },
  )
}

t.test('strassen: arguments that are none are told in one line', async (t) => {
  const cluster = await startCluster(t, 1)
  for (const [args, text] of [
    [[], /^usage: /],
    [['1', '1', '48'], /SIZE 48 is no power of two/],
    [['1', '1', '8192'], /'8192': a number from 32 to 4096/],
    [['2', '1', '64'], /'2': a number from 1 to 1 is wanted/],
    [['1', '65', '64'], /'65': a number from 1 to 64/],
    [['1', '1', '64', 'chek'], /^usage: /],
  ] as const) {
    const end = await cluster.run(0, 'strassen', args)
    t.match(end, { status: 2, stdout: '', stderr: text })
    t.equal(end.stderr.trim().split('\n').length, 1)
  }
})
