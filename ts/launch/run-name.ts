/**
 * A run's name, by which its ranks tell what is theirs from what other runs have: whatever segment is called
 * `SOMETHING.RUN` belongs to it, and loses its name when the run ends, however it ends.
 */
import { randomBytes } from 'node:crypto'

export function newRun(): string {
  return randomBytes(6).toString('hex')
}

export function isOfRun(name: string, run: string): boolean {
  return name.endsWith(`.${run}`)
}
