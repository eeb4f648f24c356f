/**
 * What a segment's mode lets whom do: as with System V shared memory (ipcperms in the kernel's ipc/util.c). The first
 * class that somebody belongs to counts, owner, group, others, and root may everything. docs/SECURITY.md has the table.
 */
import { GshmError } from '../ts/base/errors.js'

/** Of a process as it was when it connected; numbers as the daemon's user namespace has them. */
export interface Identity {
  readonly uid: number
  readonly gid: number
  /** Its supplementary groups. */
  readonly groups: readonly number[]
}

/** Of SegmentAttributes. */
export interface Protected extends Pick<Identity, 'uid' | 'gid'> {
  readonly name: string
  readonly mode: number
}

const READ = 4
const WRITE = 2
/** A segment has these and no others: no sticky bit, no setgid. */
const MODE_BITS = 0o777

function allowed({ uid, gid, groups }: Identity, segment: Protected): number {
  if (uid === 0) return READ | WRITE
  if (uid === segment.uid) return segment.mode >> 6
  if (gid === segment.gid || groups.includes(segment.gid)) return segment.mode >> 3
  return segment.mode
}

export function mayRead(who: Identity, segment: Protected): boolean {
  return (allowed(who, segment) & READ) !== 0
}

/** To have the memory one must be allowed both: there is no view that only reads. */
export function mayOpen(who: Identity, segment: Protected): boolean {
  return mayRead(who, segment) && (allowed(who, segment) & WRITE) !== 0
}

/** @throws GshmError ACCESS */
export function mustOpen(what: string, who: Identity, segment: Protected): void {
  if (mayOpen(who, segment)) return
  const missing = mayRead(who, segment) ? 'write it, and views that only read are not supported' : 'read it'
  throw new GshmError('ACCESS', `${what}: ${described(segment)} does not let ${named(who)} ${missing}`)
}

/** @throws GshmError ACCESS */
export function mustRead(what: string, who: Identity, segment: Protected): void {
  if (mayRead(who, segment)) return
  throw new GshmError('ACCESS', `${what}: ${described(segment)} does not let ${named(who)} read it`)
}

/** @throws GshmError INVALID */
export function mustBeMode(what: string, mode: number): void {
  if ((mode & ~MODE_BITS) === 0) return
  throw new GshmError('INVALID', `${what}: mode ${octal(mode)} has other bits than those of 0777`)
}

function described({ name, mode, uid, gid }: Protected): string {
  return `'${name}' (mode ${octal(mode)}, uid ${uid}, gid ${gid})`
}

function named({ uid, gid, groups }: Identity): string {
  const others = groups.filter((group) => group !== gid)
  return `uid ${uid}, gid ${gid}${others.length === 0 ? '' : `, groups ${others.join(' ')}`},`
}

function octal(mode: number): string {
  return (mode >>> 0).toString(8).padStart(4, '0')
}
