/** Whole numbers in a typed array that grows. */
export class Growing {
  #values = new Int32Array(1 << 12)
  length = 0

  push(value: number): void {
    if (this.length === this.#values.length) this.#grow(1)
    this.#values[this.length++] = value
  }

  append(values: Int32Array): void {
    if (this.length + values.length > this.#values.length) this.#grow(values.length)
    this.#values.set(values, this.length)
    this.length += values.length
  }

  put(index: number, value: number): void {
    this.#values[index] = value
  }

  at(index: number): number {
    return this.#values[index]!
  }

  /** Valid until the next push or append. */
  slice(from: number, length: number): Int32Array {
    return this.#values.subarray(from, from + length)
  }

  clear(): void {
    this.length = 0
  }

  #grow(least: number): void {
    const values = new Int32Array(Math.max(this.#values.length * 2, this.length + least))
    values.set(this.#values)
    this.#values = values
  }
}
