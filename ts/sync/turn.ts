/** An ask for a token, and the token's stay on the asking node that comes of it: see messages.ts. */
import { expectOfPeer, isCount } from '../base/expect.js'
import { NO_NODE } from '../base/ids.js'
import type { Turn } from './state.js'

/** Whose turn it is when the token is to go back to its manager. */
export const NOBODY: Turn = { node: NO_NODE, turn: 0 }

export function expectTurn(turn: number, type: string): void {
  expectOfPeer(isCount(turn) && turn > 0, `${type} with turn ${turn}`)
}
