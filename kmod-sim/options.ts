/** The options of gshmd, checked: each error names its option. */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { GshmError } from '../ts/base/errors.js'
import { NODES_MAX, PAGE_SIZE } from '../ts/base/ids.js'
import { readSecret } from '../ts/cluster/index.js'
import { BARRIER_TREE, DIRECT_AFTER, DIRECT_AFTER_MAX, LOCK_BURST, LOCK_BURST_MAX } from '../ts/sync/index.js'
import { native } from '../ts/native/index.js'
import { projectRoot } from '../ts/project/index.js'
import { AHEAD_KIB, AHEAD_KIB_MAX } from './fault-ahead.js'

const LOCK_DIRECT = 16
const LOCK_DIRECT_MAX = 65_536

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface DaemonOptions {
  readonly cluster: string
  readonly name: string
  readonly listen: Endpoint
  readonly join: Endpoint | undefined
  readonly advertise: Endpoint | undefined
  readonly secret: Uint8Array | undefined
  readonly socket: string
  /** Whose members may connect; undefined: the group of the daemon's process. */
  readonly group: number | undefined
  /** Clients that may not make a userfaultfd are handed /dev/userfaultfd. */
  readonly handOver: boolean
  /** bytes */
  readonly memory: number
  /** Hand-overs of a lock within the node while another node wants it. */
  readonly lockBurst: number
  /** From how many nodes on a barrier that this node manages is a tree; 0: never. */
  readonly barrierTree: number
  /** After how many episodes of the same processes a barrier that this node manages is direct; 0: never. */
  readonly directAfter: number
  /** Bytes that are asked for ahead of a thread that goes through a segment page by page; 0: none. */
  readonly fetchAhead: number
  /** After how many hand-overs between the same two processes of two nodes a mutex has a line; 0: never. */
  readonly lockDirect: number
  readonly logLevel: string
  readonly version: string
}

export const version = (JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string })
  .version

/** @throws GshmError INVALID that names the option; commander's own errors end the process with status 1. */
export function parseOptions(argv: readonly string[]): DaemonOptions {
  const command = new Command('gshmd')
    .description('The emulated kernel module of globalshm: one per node. Needs CAP_SYS_PTRACE (userfaultfd), or root.')
    .version(version)
    .option('--cluster <name>', 'cluster to found or join', 'default')
    .option('--name <name>', 'this node’s name, unique in the cluster (default: its socket’s file name)')
    .option('--listen <host:port>', 'where other nodes connect to; without --secret-file only loopback', '127.0.0.1:0')
    .option('--join <host:port>', 'a node of the cluster to join; without it this node founds the cluster')
    .option('--advertise <host:port>', 'what others shall connect to, when --listen is a wildcard address')
    .option('--secret-file <file>', 'the cluster’s shared secret: at least 16 bytes, mode 0600')
    .requiredOption('--socket <path>', 'the device: the unix socket that local processes attach to')
    .option('--group <name>', 'the group whose members may connect: it gets the socket (default: the process’s own)')
    .option('--no-hand-over', 'hand no descriptor of /dev/userfaultfd to processes that may not open it')
    .option('--memory <bytes>', 'bound for this node’s frames; K, M, G and T are binary (default: half of the memory)')
    .option(
      '--lock-burst <count>',
      'how often a lock that another node wants is handed on within this one first',
      String(LOCK_BURST),
    )
    .option(
      '--barrier-tree <nodes>',
      'from how many nodes on a barrier is a tree, where it is not said with the call; 0: never',
      String(BARRIER_TREE),
    )
    .option(
      '--barrier-direct <episodes>',
      'after how many episodes of the same processes, one of each node, a barrier is direct; 0: never',
      String(DIRECT_AFTER),
    )
    .option(
      '--fetch-ahead <kib>',
      'how much is fetched, at most, ahead of a thread that goes through a segment page by page; 0: nothing',
      String(AHEAD_KIB),
    )
    .option(
      '--lock-direct <hand-overs>',
      'after how many hand-overs between one process of this node and one of another a mutex has a line; 0: never',
      String(LOCK_DIRECT),
    )
    .addOption(new Option('--log-level <level>', 'what to log').choices(['info', 'warn', 'error']).default('info'))
  const given = command
    .parse(argv, { from: 'user' })
    .opts<Record<string, string | undefined> & { readonly handOver: boolean }>()
  const socket = given['socket']!
  return {
    cluster: name('--cluster', given['cluster']!),
    name: name('--name', given['name'] ?? socket.replace(/^.*\//, '').replace(/\.sock$/, '')),
    listen: endpoint('--listen', given['listen']!),
    join: given['join'] === undefined ? undefined : endpoint('--join', given['join']),
    advertise: given['advertise'] === undefined ? undefined : endpoint('--advertise', given['advertise']),
    secret: given['secretFile'] === undefined ? undefined : readSecret(given['secretFile']),
    socket,
    group: given['group'] === undefined ? undefined : group('--group', given['group']),
    handOver: given.handOver,
    memory: given['memory'] === undefined ? Math.floor(totalmem() / 2) : bytes('--memory', given['memory']),
    lockBurst: whole('--lock-burst', given['lockBurst']!, 1, LOCK_BURST_MAX),
    barrierTree: whole('--barrier-tree', given['barrierTree']!, 0, NODES_MAX),
    directAfter: whole('--barrier-direct', given['barrierDirect']!, 0, DIRECT_AFTER_MAX),
    fetchAhead: whole('--fetch-ahead', given['fetchAhead']!, 0, AHEAD_KIB_MAX) * 1024,
    lockDirect: whole('--lock-direct', given['lockDirect']!, 0, LOCK_DIRECT_MAX),
    logLevel: given['logLevel']!,
    version,
  }
}

function name(option: string, value: string): string {
  if (/^[\w.-]{1,63}$/.test(value)) return value
  throw new GshmError('INVALID', `${option}: '${value}' is not 1 to 63 letters, digits, '.', '_' or '-'`)
}

/** The last number means "unchanged" to chown(2), and is no group. */
const GROUP_MAX = 2 ** 32 - 2

function group(option: string, value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : native.groupId(value)
  if (number !== undefined && number <= GROUP_MAX) return number
  throw new GshmError('INVALID', `${option}: there is no group '${value}' on this machine (groupadd makes one)`)
}

function endpoint(option: string, value: string): Endpoint {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]+)):(\d{1,5})$/.exec(value)
  const port = Number(match?.[3])
  if (match === null || port > 65535) throw new GshmError('INVALID', `${option}: '${value}' is not HOST:PORT`)
  return { host: (match[1] ?? match[2])!, port }
}

function bytes(option: string, value: string): number {
  const match = /^(\d+)([KMGT]?)$/.exec(value)
  const size = Number(match?.[1]) * 1024 ** ' KMGT'.indexOf(match?.[2] || ' ')
  if (match !== null && Number.isSafeInteger(size) && size >= PAGE_SIZE) return size
  throw new GshmError('INVALID', `${option}: '${value}' is no number of bytes from ${PAGE_SIZE} (suffixes K, M, G, T)`)
}

function whole(option: string, value: string, least: number, most: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : NaN
  if (number >= least && number <= most) return number
  throw new GshmError('INVALID', `${option}: '${value}' is no whole number from ${least} to ${most}`)
}
