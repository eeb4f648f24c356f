/** Nodes that share a segment which grows and shrinks: a probe on each, with the segment open and mapped. */
import type { Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { startCluster, type TestCluster } from './cluster.js'
import { Probe } from './probe.js'

export const P = 4096

export async function probeOn(t: Test, cluster: TestCluster, node: number): Promise<Probe> {
  const probe = await Probe.start(cluster.socket(node))
  t.teardown(() => probe.kill())
  return probe
}

/** Every node's probe, with the segment open and mapped. */
export async function sharing(t: Test, nodes: number, pages: number, maxPages: number, ...options: string[]) {
  const cluster = await startCluster(t, nodes)
  const probes: Probe[] = []
  const at: bigint[] = []
  for (let node = 0; node < nodes; node++) {
    const p = await probeOn(t, cluster, node)
    const max = `maxSize=${maxPages * P}`
    const words = options.flatMap((one) => one.split(' '))
    const segment = node === 0 ? await p.ok('createWith', 's', pages * P, 0, max, ...words) : await p.ok('open', 's', 0)
    at.push(await p.ok('map', segment, 0, 0, 0))
    probes.push(p)
  }
  const healthy = () => {
    for (let node = 0; node < nodes; node++)
      t.equal(status(cluster.socket(node)).nodes.length, nodes, 'nobody is fenced')
  }
  return { cluster, probes, at, healthy }
}

export const page = (at: bigint | undefined, n: number) => at! + BigInt(n * P)
