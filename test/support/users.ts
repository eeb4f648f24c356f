/** Made-up users of a machine: processes of root's that become them, and nodes whose sockets they may reach. */
import { chmodSync } from 'node:fs'
import type { Test } from 'tap'
import { startCluster, type NodeOptions, type TestCluster } from './cluster.js'
import { Probe, type Api } from './probe.js'

/** Nobody on the machine is in it; daemons of these tests have it as their --group. */
export const GROUP = 54_320

export interface User {
  readonly uid: number
  readonly gid: number
  readonly groups?: readonly number[]
}

/** A cluster whose sockets GROUP may reach. */
export async function clusterForUsers(t: Test, nodes: number, options: NodeOptions = {}): Promise<TestCluster> {
  const cluster = await startCluster(t, nodes, { group: String(GROUP), ...options })
  chmodSync(cluster.dir, 0o755)
  return cluster
}

/**
 * A process that has become that user; it is attached when a socket is given.
 * @param trap which one it insists on (GSHM_TRAP); as the test's own environment has it when none is given
 */
export async function probeOf(
  t: Test,
  { uid, gid, groups = [] }: User,
  socket?: string,
  api: Api = 'C',
  trap = process.env['GSHM_TRAP'] ?? '',
): Promise<Probe> {
  const probe = await Probe.start(undefined, { GSHM_TRAP: trap }, api)
  t.teardown(() => probe.kill())
  if (uid !== 0) await probe.ok('become', uid, gid, ...groups)
  if (socket !== undefined) await probe.ok('attach', socket)
  return probe
}
