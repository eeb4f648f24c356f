/** Starts a cluster and prints its directory and the pids of its daemons; never ends (test/house/watchdog.test.ts). */
import { startCluster } from './cluster.js'

const test = { name: 'doomed', teardown: () => {}, fail: () => false }
const { dir, daemons } = await startCluster(test, 2)
console.log([dir, ...daemons.flatMap(({ pid, keeperPid }) => [pid, keeperPid])].join(' '))
setInterval(() => {}, 1000)
