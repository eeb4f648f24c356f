/** Which trap the processes of a node would have here, and why: where libgshm and gshmd choose (docs/TRAPS.md), foretold. */
import { accessSync, constants, readFileSync } from 'node:fs'

export interface Trap {
  /** Whose processes. */
  readonly who: string
  readonly trap: 'userfaultfd' | 'mprotect'
  readonly why: string
}

/** What it depends on. */
export interface Host {
  /** Who asks, and would start the daemon. */
  readonly uid: number
  /** Why a daemon of that user could serve nobody's userfaultfd; empty: it could. */
  readonly refused: string
  /** vm.unprivileged_userfaultfd; empty: the kernel has none. */
  readonly sysctl: string
  /** Why that user cannot open /dev/userfaultfd; empty: it can. */
  readonly device: string
  /** GSHM_TRAP. */
  readonly wanted: string
}

const PATH = '/dev/userfaultfd'

/** @param refused the error of native.probe(), or that there is no addon to ask */
export function hostNow(refused: string): Host {
  const uid = process.geteuid?.() ?? -1
  return { uid, refused, sysctl: unprivileged(), device: deviceRefusal(), wanted: process.env['GSHM_TRAP'] ?? '' }
}

/** vm.unprivileged_userfaultfd. */
export function unprivileged(): string {
  try {
    return readFileSync('/proc/sys/vm/unprivileged_userfaultfd', 'utf8').trim()
  } catch {
    return ''
  }
}

function deviceRefusal(): string {
  try {
    accessSync(PATH, constants.R_OK | constants.W_OK)
    return ''
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'it cannot be opened'
  }
}

export function traps(host: Host): Trap[] {
  const all = ['root', 'other users in the daemon’s group'].map((who, at) => ({ who, ...trapOf(host, at === 0) }))
  if (host.wanted === '') return all
  const why = `GSHM_TRAP=${host.wanted} in this environment, whatever is possible`
  const trap = host.wanted === 'mprotect' ? 'mprotect' : 'userfaultfd'
  return [...all, { who: 'programs that are started from here', trap, why }]
}

function trapOf({ uid, refused, sysctl, device }: Host, root: boolean): Omit<Trap, 'who'> {
  if (refused !== '') return { trap: 'mprotect', why: `a daemon of uid ${uid} could not serve userfaultfd: ${refused}` }
  if (root) return { trap: 'userfaultfd', why: 'they may make one' }
  if (sysctl === '1') return { trap: 'userfaultfd', why: 'they may make one: vm.unprivileged_userfaultfd=1' }
  if (device === '') return { trap: 'userfaultfd', why: `the daemon hands over ${PATH} (not with --no-hand-over)` }
  const why = `vm.unprivileged_userfaultfd=${sysctl || 'absent'}, and a daemon of uid ${uid} cannot open ${PATH}: ${device}`
  return { trap: 'mprotect', why }
}
