/** Every order of everything that can happen: depth first, each state once. */
export interface Explored<T> {
  /** All that the future depends on: plain data, copied by structuredClone. */
  save(): T
  restore(moment: T): void
  /** What tells states apart; histories may be left out. */
  key(): unknown
  /** What can happen next, each performed on the state as it is now. */
  moves(): (() => void)[]
  /** Called in each state; throws when it is wrong. */
  check(): void
  /** Called where nothing more can happen; throws when that must not be. */
  end(): void
}

/** Returns the number of states. */
export function explore<T>(it: Explored<T>): number {
  const seen = new Set<string>()
  const visit = () => {
    it.check()
    const key = canonical(it.key())
    if (seen.has(key)) return
    seen.add(key)
    const moves = it.moves().length
    if (moves === 0) it.end()
    const here = structuredClone(it.save())
    for (let i = 0; i < moves; i++) {
      it.restore(structuredClone(here))
      it.moves()[i]?.()
      visit()
    }
  }
  visit()
  return seen.size
}

/** Equal text for equal data; the order of Maps and Sets does not count. */
function canonical(data: unknown): string {
  return JSON.stringify(data, (_, value: unknown) => {
    if (value instanceof Map) return { map: [...value].map((entry) => canonical(entry)).sort() }
    if (typeof value === 'bigint') return String(value)
    if (value instanceof Set) return { set: [...value].map((entry) => canonical(entry)).sort() }
    return value
  })
}
