/**
 * A page's bytes in a World: one number, which holds for each place of the page (a byte that some
 * node writes) the number of the write that made it. Places are digits, so copies are plain numbers.
 */
export const PLACES_MAX = 4
/** Numbers of writes are below: PLACES_MAX digits fit 52 bits. */
const BASE = 8192

export function readPlace(bytes: number, place: number): number {
  return Math.floor(bytes / BASE ** place) % BASE
}

export function writePlace(bytes: number, place: number, write: number): number {
  if (write >= BASE) throw new Error('a World has more writes than a place can name')
  return bytes + (write - readPlace(bytes, place)) * BASE ** place
}

export interface Change {
  readonly place: number
  readonly write: number
}

/** What a diff finds: the places that differ. */
export function changes(bytes: number, twin: number): Change[] {
  const found: Change[] = []
  for (let place = 0; place < PLACES_MAX; place++) {
    const write = readPlace(bytes, place)
    if (write !== readPlace(twin, place)) found.push({ place, write })
  }
  return found
}
