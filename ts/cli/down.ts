/** `gshm down`: ends what `gshm up` has started, keepers included, and waits until it is gone. */
import { existsSync } from 'node:fs'
import { KEEPER_MS, STOP_MS, stopDaemons, type DaemonRecord } from '../launch/local-cluster.js'
import { clear, load, type ClusterState } from '../launch/cluster-state.js'
import { clusterDir, DEFAULT_CLUSTER } from '../launch/paths.js'
import { GshmError } from '../base/errors.js'
import { command } from './command.js'
import { strays } from '../launch/strays.js'
import { dismiss, frameUsers } from '../launch/guardians.js'
import { gone, signal } from '../launch/processes.js'

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
      throw new GshmError('NO_DAEMON', `cluster '${options.cluster}' is not up: there is no ${dir}/cluster.json`)
    }
    if (force) await endStrays(dir, state?.nodes ?? [])
    const { dead, killed, guarded } = await stopDaemons(state?.nodes ?? [], STOP_MS, force ? FORCE_MS : KEEPER_MS)
    if (guarded.length > 0 && !force) {
      const pids = [...new Set(guarded.flatMap((d) => frameUsers(d.keeper)).map((id) => id.pid))]
      throw new GshmError(
        'BUSY',
        `the nodes are stopped, but processes ${pids.join(', ')} still map their memory (they get SIGBUS): end them and repeat, or gshm down --force`,
      )
    }
    const ended = await dismiss(guarded)
    for (const id of ended) say.progress(`process ${id.pid} still mapped global memory and was killed`)
    if (dead.length > 0 && !force) {
      const first = dead[0]
      throw new GshmError(
        'DAEMON_LOST',
        `${dead.map((d) => d.name).join(', ')} had ended before; see ${first?.log}; the rest is stopped; gshm down --force removes logs and state`,
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
