/** What the map has for the key; made when it has nothing. */
export function remembered<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

/** By whole numbers from 0 of which few are left out: an array is much faster than a Map. */
export class ByNumber<V> {
  readonly #known: (V | undefined)[] = []

  get(number: number): V | undefined {
    return number < this.#known.length ? this.#known[number] : undefined
  }

  put(number: number, value: V): V {
    // Without holes, which would make it a slow one.
    while (this.#known.length <= number) this.#known.push(undefined)
    this.#known[number] = value
    return value
  }
}
