/** `gshm up`: a cluster of several nodes on this machine, in the background. */
import { startCluster, stopDaemons } from '../launch/local-cluster.js'
import { claim, clear, makeSecret, recordOf, save, type ClusterState } from '../launch/cluster-state.js'
import { clusterDir, DEFAULT_CLUSTER } from '../launch/paths.js'
import { GshmError } from '../base/errors.js'
import { command } from './command.js'
import { LOG_LEVELS } from './node.js'
import { bytes, counted, oneOf, whole } from './parse.js'

interface Options {
  nodes: number
  cluster: string
  memory?: number
  group?: string
  handOver: boolean
  lockBurst?: number
  barrierTree?: number
  barrierDirect?: number
  fetchAhead?: number
  lockDirect?: number
  logLevel: string
}

const MEMORY = 2 ** 30

export const upCommand = () =>
  command<Options>('up', 'start a cluster on this machine, in the background', async (say, options) => {
    const dir = clusterDir(options.cluster)
    const state: ClusterState = { cluster: options.cluster, memory: options.memory ?? MEMORY, nodes: [] }
    claim(dir, state)
    // Until all nodes serve, whatever ends us takes the half-started cluster down with it.
    const abandon = async () => {
      await stopDaemons(state.nodes)
      clear(dir)
    }
    let interrupted = false
    const interrupt = () => void (interrupted = true)
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
    try {
      const {
        cluster,
        nodes,
        memory = MEMORY,
        group,
        handOver,
        lockBurst,
        barrierTree,
        barrierDirect,
        fetchAhead,
        lockDirect,
        logLevel,
      } = options
      await startCluster({
        dir,
        cluster,
        nodes,
        memory,
        secretFile: makeSecret(dir),
        ...(group === undefined ? {} : { group }),
        handOver,
        ...(lockBurst === undefined ? {} : { lockBurst }),
        ...(barrierTree === undefined ? {} : { barrierTree }),
        ...(barrierDirect === undefined ? {} : { barrierDirect }),
        ...(fetchAhead === undefined ? {} : { fetchAhead }),
        ...(lockDirect === undefined ? {} : { lockDirect }),
        logLevel,
        background: true,
        started: (daemon) => {
          state.nodes.push(recordOf(daemon))
          save(dir, state)
          say.progress(`${daemon.name} serves at ${daemon.socket} (pid ${daemon.pid})`)
          if (interrupted) throw new GshmError('SYSTEM', 'interrupted; the nodes that had started are stopped again')
        },
      })
    } catch (error) {
      await abandon()
      throw error
    }
    say.print(`cluster '${options.cluster}' is up: ${counted(options.nodes, 'node')} in ${dir}`)
    say.print('next: npx gshm status, npx gshm run -n 2 -- PROGRAM, npx gshm down')
    return {
      ok: true,
      cluster: options.cluster,
      dir,
      nodes: state.nodes.map(({ name, node, socket, listen, log, id, keeper }) => ({
        node,
        name,
        socket,
        listen,
        log,
        pid: id.pid,
        keeperPid: keeper.pid,
      })),
    }
  })
    .option('-n, --nodes <count>', 'how many nodes', whole('--nodes', 1, 64), 3)
    .option('-c, --cluster <name>', 'its name', DEFAULT_CLUSTER)
    .option('--memory <bytes>', 'bound of the frames on each node, as 512M or 8G (default: 1G)', bytes('--memory'))
    .option('--group <name>', 'the group whose members may connect (default: the one that this command runs with)')
    .option('--no-hand-over', 'hand no descriptor of /dev/userfaultfd to processes that may not open it')
    .option(
      '--lock-burst <count>',
      'how often a lock that another node wants is handed on within its own first (default: 64)',
      whole('--lock-burst', 1, 65_536),
    )
    .option(
      '--barrier-tree <nodes>',
      'from how many nodes on a barrier is a tree (default: 9); 0: never',
      whole('--barrier-tree', 0, 1024),
    )
    .option(
      '--barrier-direct <episodes>',
      'after how many episodes of the same processes a barrier is direct (default: 16); 0: never',
      whole('--barrier-direct', 0, 65_536),
    )
    .option(
      '--fetch-ahead <kib>',
      'how much is fetched ahead of a thread that goes through a segment page by page (default: 1024); 0: nothing',
      whole('--fetch-ahead', 0, 65_536),
    )
    .option(
      '--lock-direct <hand-overs>',
      'after how many hand-overs between two processes a mutex has a line (default: 16); 0: never',
      whole('--lock-direct', 0, 65_536),
    )
    .option('--log-level <level>', LOG_LEVELS.join(', '), oneOf('--log-level', LOG_LEVELS), 'info')
