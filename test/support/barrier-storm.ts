/**
 * kill -9 at random points among processes that meet at one barrier at full speed, one on each node
 * (test/programs/rounds.c): the others are told each time, and go on with one in its place. Gives what was wrong; the
 * first of it ends it.
 */
import { Prng } from '../../ts/base/prng.js'
import { status } from '../../ts/client/inspect.js'
import type { TestCluster } from './cluster.js'
import type { Program } from './program.js'

/** So often at one barrier, then at another: after each end it takes longer to become direct. */
const KILLS_EACH = 4
/** A process that says nothing for so long hangs. */
const PATIENCE_MS = 30_000

export interface BarrierStorm {
  readonly kills: number
  readonly seed: number
  readonly key: string
  /** It may be direct. */
  readonly direct: boolean
}
export interface BarrierCalm {
  readonly wrong: readonly string[]
  readonly kills: number
  /** Kills while the barrier was direct. */
  readonly direct: number
}

export async function barrierStorm(
  cluster: TestCluster,
  { kills, seed, key, ...options }: BarrierStorm,
): Promise<BarrierCalm> {
  const prng = new Prng(seed)
  const nodes = cluster.daemons.length
  const wrong: string[] = []
  const said = async (one: Program): Promise<string> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<string>((resolve) => (timer = setTimeout(() => resolve('nothing'), PATIENCE_MS)))
    const line = one.line().catch((error: Error) => `its end: ${error.message}`)
    return Promise.race([line, late]).finally(() => clearTimeout(timer))
  }
  const expect = async (one: Program, what: RegExp, when: string): Promise<void> => {
    const line = await said(one)
    if (!what.test(line)) wrong.push(`process ${one.pid}, ${when}: ${line}`)
  }
  const start = async (node: number): Promise<Program> => {
    const one = cluster.start(node, 'rounds', [`of ${key}`, `${key} ${barrier}`, String(nodes), String(node)])
    await expect(one, /^ready$/, 'at its start')
    return one
  }
  let barrier = 0
  let all = await Promise.all(Array.from({ length: nodes }, (_, node) => start(node)))
  const each = (episodes: number, what: RegExp, when: string, of = all): Promise<void[]> => {
    for (const one of of) one.say(String(episodes))
    return Promise.all(of.map((one) => expect(one, what, when)))
  }
  let killed = 0
  let direct = 0
  for (; killed < kills && wrong.length === 0; killed++) {
    if (killed % KILLS_EACH === 0) {
      barrier++
      for (const one of all) await one.stop()
      all = await Promise.all(all.map((_, node) => start(node)))
    }
    await each(0, /^ok 0$/, 'before they meet')
    await each(1, /^ok 1$/, 'at first') // nobody waits for one who has never been there
    // Some before the barrier is direct, some while it becomes so, most of them afterwards.
    if (options.direct && prng.below(4) > 0) {
      for (let tries = 0; tries < 200 && wrong.length === 0 && !isDirect(cluster); tries++)
        await each(5, /^ok/, 'at first')
    }
    if (isDirect(cluster)) direct++
    const which = prng.below(nodes)
    const victim = all[which]!
    for (const one of all) one.say('1000000')
    for (let spin = prng.below(400); spin > 0; spin--) await new Promise((resolve) => setImmediate(resolve))
    await victim.stop()
    const rest = all.filter((one) => one !== victim)
    await Promise.all(rest.map((one) => expect(one, /^err .*NODE_LOST/, `after process ${victim.pid} was killed`)))
    all[which] = await start(which)
  }
  for (const one of all) await one.stop()
  return { wrong, kills: killed, direct }
}

function isDirect(cluster: TestCluster): boolean {
  return cluster.daemons.every(({ socket }) => status(socket).directBarriers.standing > 0)
}
