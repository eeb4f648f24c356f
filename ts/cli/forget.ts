/** The segments of a run, whose names go when it ends (run-name.ts). */
import { isOfRun } from '../launch/run-name.js'

/** What ranks have not unlinked themselves: they were killed, or rely on it. A daemon that has ended has nothing to forget. */
export function forgetSegments(
  socket: string,
  run: string,
  segments: (socket: string) => { name: string; linked: boolean }[],
  unlink: (socket: string, name: string) => void,
): void {
  try {
    for (const { name, linked } of segments(socket)) if (linked && isOfRun(name, run)) unlink(socket, name)
  } catch {
    // its node has ended, or another run's owner has unlinked it meanwhile
  }
}
