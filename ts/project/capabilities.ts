/** What the kernel lets this process do beyond its user's rights. */
import { readFileSync } from 'node:fs'

/** By linux/capability.h. */
const BITS = { CAP_KILL: 5, CAP_SYS_PTRACE: 19 } as const
export type Capability = keyof typeof BITS

/** @param status the text of a /proc/PID/status; of this process when none is given */
export function hasCapability(capability: Capability, status = readFileSync('/proc/self/status', 'latin1')): boolean {
  const effective = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  return ((effective >> BigInt(BITS[capability])) & 1n) === 1n
}
