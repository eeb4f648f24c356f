/**
 * cluster.json: which processes `gshm up` has started for a cluster, for `gshm down` to end. It is
 * written after every daemon, so that an `up` that is killed half-way leaves nothing unknown.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GshmError } from '../base/errors.js'
import type { DaemonRecord } from './local-cluster.js'
import type { Daemon } from './daemon.js'

export interface ClusterState {
  readonly cluster: string
  readonly memory: number
  readonly nodes: DaemonRecord[]
}

const FILE = 'cluster.json'
const SECRET = 'secret'

export function recordOf(daemon: Daemon): DaemonRecord {
  const { name, node, socket, listen, log, id, keeper } = daemon
  return { name, node, socket, listen, log, id, keeper }
}

/** Claims the directory for a new cluster. Of two that try at once one gets EXISTS. */
export function claim(dir: string, state: ClusterState): void {
  const taken = existsSync(join(dir, FILE)) ? undefined : sockets(dir)[0]
  if (taken !== undefined) {
    throw new GshmError(
      'EXISTS',
      `${taken} is there: end that gshm node (npx gshm down --force does), or --cluster NAME`,
    )
  }
  try {
    mkdirSync(dir, { recursive: true, mode: 0o755 })
    writeFileSync(join(dir, FILE), text(state), { flag: 'wx', mode: 0o644 })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      throw new GshmError(
        'EXISTS',
        `cluster '${state.cluster}' is up, or was not taken down: npx gshm down, or --cluster NAME`,
      )
    }
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
      throw new GshmError('ACCESS', `${dir} cannot be written: run as root, or set GSHM_RUNTIME_DIR`)
    }
    throw new GshmError('SYSTEM', `${dir}: ${message}; set GSHM_RUNTIME_DIR`)
  }
}

/** Replaces the file in one step: a reader never sees half of it. */
export function save(dir: string, state: ClusterState): void {
  const temporary = join(dir, `.${FILE}.${process.pid}`)
  writeFileSync(temporary, text(state), { mode: 0o644 })
  renameSync(temporary, join(dir, FILE))
}

export function load(dir: string): ClusterState | undefined {
  const path = join(dir, FILE)
  if (!existsSync(path)) return undefined
  try {
    const state = JSON.parse(readFileSync(path, 'utf8')) as ClusterState
    if (Array.isArray(state.nodes) && state.nodes.every((n) => Number.isInteger(n.id?.pid))) return state
  } catch {
    // said below: a file that is no JSON and one that is another's JSON are the same to the reader
  }
  throw new GshmError('INVALID', `${path} is not what gshm up wrote: npx gshm down --force removes it`)
}

/**
 * A secret for the cluster, in a file that only this user reads: without one any user of this machine could connect
 * to a node's port, join as a node, and have every page. Gives its path.
 */
export function makeSecret(dir: string): string {
  const path = join(dir, SECRET)
  rmSync(path, { force: true })
  writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { flag: 'wx', mode: 0o600 })
  return path
}

/** Removes what a cluster keeps in its directory, and the directory when nothing else is in it. */
export function clear(dir: string): void {
  if (!existsSync(dir)) return
  for (const file of readdirSync(dir)) {
    if (/\.(sock|log)$/.test(file) || file === FILE || file === SECRET || file.startsWith(`.${FILE}.`))
      rmSync(join(dir, file))
  }
  if (readdirSync(dir).length === 0) rmSync(dir, { recursive: true })
}

/** The device sockets in a cluster's directory: of `gshm up` and of `gshm node` alike. */
export function sockets(dir: string): string[] {
  if (!existsSync(dir)) return []
  const number = (file: string) => Number(/\d+/.exec(file)?.[0] ?? 0)
  return readdirSync(dir)
    .filter((file) => file.endsWith('.sock'))
    .sort((a, b) => number(a) - number(b) || a.localeCompare(b))
    .map((file) => join(dir, file))
}

function text(state: ClusterState): string {
  return `${JSON.stringify(state, undefined, 2)}\n`
}
