/** `gshm down`: ends what `gshm up` has started, keepers included, and waits until it is gone. */
import { existsSync } from 'node:fs'
import { KEEPER_MS, STOP_MS, stopDaemons, type DaemonRecord } from '../launch/local-cluster.js'
import { clear, load, type ClusterState } from '../launch/cluster-state.js'
import { clusterDir, DEFAULT_CLUSTER } from '../launch/paths.js'
import { GshmError } from '../base/errors.js'
import { command } from './command.js'
import { strays } from '../launch/strays.js'
import { dismiss, frameUsers } from '../launch/guardians.js'
import { gone, isAlive, processId, signal, type ProcessId } from '../launch/processes.js'

/** Milliseconds that keepers get to leave before those whom they guard are killed. */
const FORCE_MS = 500

interface Options {
  cluster: string
  force?: boolean
}

export const downCommand = () =>
  command<Options>('down', 'stop the cluster that gshm up has started', async (say, options) => {
    const dir = clusterDir(options.cluster)
    const force = options.force === true
    const state = known(dir, force)
    if (state === undefined && !force) {
      const nodes = strays(dir).map((id) => id.pid)
      const what = `cluster '${options.cluster}' is not up: there is no ${dir}/cluster.json`
      const instead = `but gshm node runs there, as process ${nodes.join(', ')}: send it SIGTERM, or npx gshm down --force`
      throw new GshmError('NO_DAEMON', nodes.length === 0 ? what : `${what}; ${instead}`)
    }
    const users = await usersOf(state?.nodes ?? [])
    if (users.length > 0 && !force) {
      const pids = users.map((id) => id.pid).join(', ')
      throw new GshmError(
        'BUSY',
        `processes ${pids} use the cluster: end them, or npx gshm down --force; nothing is stopped`,
      )
    }
    for (const id of users) signal(id, 'SIGKILL')
    for (const id of users) say.progress(`process ${id.pid} used the cluster and was killed`)
    await gone(users, STOP_MS)
    if (force) await endStrays(dir, state?.nodes ?? [])
    const { dead, killed, guarded } = await stopDaemons(state?.nodes ?? [], STOP_MS, force ? FORCE_MS : KEEPER_MS)
    if (guarded.length > 0 && !force) {
      const pids = [...new Set(guarded.flatMap((d) => frameUsers(d.keeper)).map((id) => id.pid))]
      throw new GshmError(
        'BUSY',
        `the nodes are stopped, but processes ${pids.join(', ')} still map their memory (they get SIGBUS): end them and repeat, or npx gshm down --force`,
      )
    }
    const ended = await dismiss(guarded)
    for (const id of ended) say.progress(`process ${id.pid} still mapped global memory and was killed`)
    if (dead.length > 0 && !force) {
      const first = dead[0]
      throw new GshmError(
        'DAEMON_LOST',
        `${dead.map((d) => d.name).join(', ')} had ended before; see ${first?.log}; the rest is stopped; npx gshm down --force removes logs and state`,
      )
    }
    clear(dir)
    const stopped = state?.nodes.length ?? 0
    for (const d of killed) say.progress(`${d.name} did not stop by itself and was killed`)
    say.print(
      existsSync(dir)
        ? `cluster '${options.cluster}' is down; ${dir} still holds other files`
        : `cluster '${options.cluster}' is down`,
    )
    return {
      ok: true,
      cluster: options.cluster,
      stopped: stopped - dead.length,
      dead: dead.length,
      killed: killed.length,
    }
  })
    .option('-c, --cluster <name>', 'its name', DEFAULT_CLUSTER)
    .option(
      '-f, --force',
      'also kill what still uses its memory, end every gshm node with a socket there, clean up after kill -9',
    )

/** Registered processes, and whoever else maps frames of these nodes. */
async function usersOf(nodes: readonly DaemonRecord[]): Promise<ProcessId[]> {
  const live = nodes.filter((node) => isAlive(node.id))
  if (live.length === 0) return []
  const { processes } = await import('../client/inspect.js')
  const pids = new Set<number>()
  for (const { socket, keeper } of live) {
    for (const { pid } of frameUsers(keeper)) pids.add(pid)
    try {
      for (const { pid } of processes(socket)) pids.add(pid)
    } catch {
      // It does not answer: what its keeper holds is all that is known.
    }
  }
  const found = [...pids].map((pid) => processId(pid)).filter((id) => id !== undefined)
  return found.sort((a, b) => a.pid - b.pid)
}

function known(dir: string, force: boolean): ClusterState | undefined {
  try {
    return load(dir)
  } catch (error) {
    if (force) return undefined
    throw error
  }
}

/** Daemons that serve a socket in this directory although cluster.json does not know them. */
async function endStrays(dir: string, known: readonly DaemonRecord[]): Promise<void> {
  const found = strays(dir).filter((id) => !known.some((d) => d.id.pid === id.pid && d.id.started === id.started))
  for (const id of found) signal(id, 'SIGTERM')
  for (const id of await gone(found, STOP_MS)) signal(id, 'SIGKILL')
  await gone(found, STOP_MS)
}
