// One node in a process of its own: tells its parent what it is told, and does what the parent says.
import { PAGE_SIZE } from '../../ts/base/ids.js'
import { Cluster } from '../../ts/cluster/index.js'
import { defaults, leave, handlers, page, type Options } from './cluster-node.js'

const add = (line: string): void => {
  if (process.connected) process.send!(line)
}
const options = JSON.parse(process.argv[2]!) as Options
const cluster = new Cluster(defaults(options, add), handlers(add))

process.on('message', (command: string) => {
  const [verb, a, b] = command.split(' ')
  if (verb === 'send') for (let i = 0; i < Number(b); i++) cluster.send(Number(a), leave(i))
  if (verb === 'page') cluster.send(Number(a), page(1), new Uint8Array(PAGE_SIZE).fill(42))
  if (verb === 'fence') cluster.fence(Number(a), 'the test says so')
  if (verb === 'block') for (const end = performance.now() + Number(a); performance.now() < end; );
  if (verb === 'stop') void cluster.stop().then(() => process.disconnect())
})
process.on('disconnect', () => process.exit())

cluster.start().then(
  ({ self, listen }) => add(`started ${self} ${listen}`),
  (error: Error) => add(`failed ${error.message}`),
)
