/** Something happened that a protocol must never let happen. */
export class Violation extends Error {
  override name = 'Violation'
}
