/** Starts the keeper, the small C process that outlives the daemon and turns its loss into SIGBUS. */
import { spawn, type ChildProcess } from 'node:child_process'
import { buildPath, native, type KeeperLink } from '../ts/native/index.js'

export interface Keeper {
  readonly link: KeeperLink
  readonly pid: number
  /** Resolves when the keeper has ended, which it does when the link closes and nobody needs it. */
  readonly ended: Promise<void>
}

/** @param died called when the keeper ends while the daemon still needs it */
export function startKeeper(died: (why: string) => void): Keeper {
  const [ours, theirs] = native.socketPair()
  let child: ChildProcess
  try {
    // A session of its own: what ends the daemon's process group must not end the keeper.
    child = spawn(buildPath('gshm-keeper'), [], { detached: true, stdio: ['ignore', 'ignore', 'inherit', theirs] })
  } finally {
    native.closeFd(theirs)
  }
  const link = new native.KeeperLink(ours)
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => (died(`it cannot be started: ${error.message}`), resolve()))
    child.once('exit', (code, signal) => (died(`it ended with ${signal ?? `status ${code}`}`), resolve()))
  })
  return { link, pid: child.pid ?? 0, ended }
}
