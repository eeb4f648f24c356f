/** Looks at rows (parts.ts) whether the protocol's promise holds. */
import { promiseOf } from './check.js'
import { faceOf, type Face } from './face.js'
import { Growing } from './growing.js'
import { remembered } from './remembered.js'
import type { Parts, Row } from './parts.js'
import type { Promised } from './promises.js'

export class Watch {
  readonly #promise: Promised
  readonly #faces: Face[] = []
  readonly #numbers = new Map<string, number>()
  /** By node number, that of its face; -1: not looked at yet. */
  readonly #ofNodes = new Growing()

  constructor(private readonly parts: Parts) {
    this.#promise = promiseOf(parts.setup)
  }

  /** @param before a row in which it holds. @throws Violation */
  look(row: Row, before?: Row): void {
    if (before !== undefined && this.#same(row, before)) return
    const { latest, nodes, links } = this.parts.places
    const faces = Array.from(row.subarray(nodes, links), (number) => this.#faces[this.#face(number)]!)
    this.#promise(faces, [...row.subarray(latest, nodes)])
  }

  #same(row: Row, before: Row): boolean {
    const { latest, nodes, links } = this.parts.places
    for (let place = latest; place < nodes; place++) if (row[place] !== before[place]) return false
    for (let place = nodes; place < links; place++) {
      const now = row[place]!
      const then = before[place]!
      if (now !== then && this.#face(now) !== this.#face(then)) return false
    }
    return true
  }

  #face(number: number): number {
    while (this.#ofNodes.length <= number) this.#ofNodes.push(-1)
    const known = this.#ofNodes.at(number)
    if (known >= 0) return known
    const face = faceOf(this.parts.node(number))
    const made = remembered(this.#numbers, JSON.stringify(face), () => this.#faces.push(face) - 1)
    this.#ofNodes.put(number, made)
    return made
  }
}
