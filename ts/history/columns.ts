/** Typed arrays that grow: the columns of a history. */

/** The array itself if it has an element `index`, else one twice as long with the same beginning. */
export function grown<T extends Uint32Array | Float64Array>(array: T, index: number): T {
  if (index < array.length) return array
  const longer = new (array.constructor as new (length: number) => T)(array.length * 2)
  longer.set(array)
  return longer
}
