/** `gshm node`: one daemon in the foreground, for a machine of its own. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { constants, hostname } from 'node:os'
import { dirname } from 'node:path'
import { daemonArguments, daemonError } from '../launch/daemon.js'
import { clusterDir, compiled, DEFAULT_CLUSTER, socketPath } from '../launch/paths.js'
import { GshmError } from '../base/errors.js'
import { command } from './command.js'
import { bytes, oneOf, whole } from './parse.js'

export const LOG_LEVELS = ['info', 'warn', 'error'] as const

interface Options {
  cluster: string
  name?: string
  listen: string
  join?: string
  advertise?: string
  socket?: string
  memory?: number
  group?: string
  handOver: boolean
  lockBurst?: number
  barrierTree?: number
  barrierDirect?: number
  fetchAhead?: number
  lockDirect?: number
  secretFile?: string
  logLevel: (typeof LOG_LEVELS)[number]
}

export const nodeCommand = () =>
  command<Options>(
    'node',
    'run one node (gshmd) in the foreground; SIGTERM or Ctrl-C ends it',
    async (say, options) => {
      const name =
        options.name ??
        hostname()
          .replace(/[^A-Za-z0-9_.-]/g, '_')
          .slice(0, 63)
      const socket = options.socket ?? socketPath(clusterDir(options.cluster), name)
      const dir = dirname(socket)
      if (options.socket === undefined) makeDirectory(dir)
      else if (!existsSync(dir)) throw new GshmError('INVALID', `--socket ${socket}: there is no directory ${dir}`)
      const child = spawn(
        process.execPath,
        [compiled('kmod-sim/gshmd.js'), ...daemonArguments({ ...options, name, socket })],
        {
          stdio: ['inherit', 'inherit', 'inherit', 'ipc'], // by the last it says why it could not start
          detached: true, // Ctrl-C reaches it once, through us, and not a second time from the terminal
        },
      )
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGTERM'))
      let failure: GshmError | undefined
      child.once('message', (line) => (failure = typeof line === 'string' ? daemonError(line) : undefined))
      const status = await new Promise<number>((resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
      })
      if (options.socket === undefined) removeEmpty(dir)
      if (failure !== undefined) throw failure
      say.status(status)
      return { ok: status === 0, status, cluster: options.cluster, name, socket }
    },
  )
    .option('-c, --cluster <name>', 'the cluster; a node of another one is turned away', DEFAULT_CLUSTER)
    .option('--name <name>', "this node's name (default: the host's)")
    .option('--listen <host:port>', 'where other nodes reach this one; port 0: any', '127.0.0.1:0')
    .option('--join <host:port>', 'a node of the cluster; without it this is the first node')
    .option('--advertise <host:port>', 'what to tell other nodes when --listen is not what they can reach')
    .option('--socket <path>', 'the device socket (default: GSHM_RUNTIME_DIR/CLUSTER/NAME.sock)')
    .option(
      '--memory <bytes>',
      'bound of the frames on this node, as 512M or 8G (default: half of the memory)',
      bytes('--memory'),
    )
    .option('--group <name>', 'the group whose members may connect (default: the one that this command runs with)')
    .option('--no-hand-over', 'hand no descriptor of /dev/userfaultfd to processes that may not open it')
    .option(
      '--lock-burst <count>',
      'how often a lock that another node wants is handed on within this one first (default: 64)',
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
    .option('--secret-file <file>', 'the secret all nodes share, mode 0600; needed beyond loopback')
    .option('--log-level <level>', LOG_LEVELS.join(', '), oneOf('--log-level', LOG_LEVELS), 'info')
    .addHelpText(
      'after',
      `
A node that ends, in good order or not, takes with it the pages of which it is the home or has the only
bytes: on other nodes they get SIGBUS. End the programs that share memory first.`,
    )

function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o755 })
  } catch (error) {
    throw new GshmError(
      'ACCESS',
      `${dir}: ${(error as Error).message}; run as root, or set --socket or GSHM_RUNTIME_DIR`,
    )
  }
}

/** The cluster's directory goes with the last node that has a socket there. */
function removeEmpty(dir: string): void {
  try {
    rmdirSync(dir)
  } catch {
    // another node's
  }
}
