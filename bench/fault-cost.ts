/** What touching pages cost: in time, in faults, in messages between nodes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '../ts/client/inspect.js'

/** What a pass, or several of them, cost. */
export interface Cost {
  us: number[]
  /** Page faults of the thread, as the kernel counts them. */
  faults: number
  /** Faults that the daemons served meanwhile, and messages that they sent to each other. */
  served: number
  messages: number
}

export function sum(costs: readonly Cost[]): Cost {
  const total: Cost = { us: [], faults: 0, served: 0, messages: 0 }
  for (const { us, faults, served, messages } of costs) {
    total.us.push(...us)
    total.faults += faults
    total.served += served
    total.messages += messages
  }
  return total
}

/** The daemons' own counts, summed, when no message is under way between them. */
export async function settled(
  nodes: readonly { readonly socket: string }[],
): Promise<{ served: number; sent: number }> {
  for (let last = ''; ; await sleep(1)) {
    const told = nodes.map(({ socket }) => status(socket))
    const total = (count: (one: (typeof told)[number]) => number) => told.reduce((all, one) => all + count(one), 0)
    const sent = total(({ messages }) => messages.sent)
    const served = total(({ faults }) => faults.read + faults.write + faults.upgrade)
    const now = `${sent} ${served}`
    // The nodes answer one after the other: twice the same is what they all say at one time.
    if (sent === total(({ messages }) => messages.received) && now === last) return { served, sent }
    last = now
  }
}
