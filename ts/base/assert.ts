/** Assertions, which stay on in production: a daemon that is wrong stops before it spreads bytes. */
export class AssertionError extends Error {
  override name = 'AssertionError'
}

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionError(what)
}

/** For switches that must be exhaustive: does not compile when a case is missing. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`)
}
