/** Bugs planted in the tables of locks (ts/sync), under lrc, which has them: mutants.ts. */
import { lrc } from '../coherence/lrc/index.js'
import { to } from '../coherence/table.js'
import { lockTable } from '../sync/lock.table.js'
import type { Mutant } from './plant.js'

const table = lockTable

export const LOCKS: readonly Mutant[] = [
  {
    name: 'a try waits for who holds the lock on its node',
    protocol: lrc,
    sync: { table, state: 'Held', event: 'Busy', cell: to('Held') },
  },
  {
    name: 'a try is not told that the lock is held on another node',
    protocol: lrc,
    sync: { table, state: 'Wanted', event: 'Busy', cell: to('Wanted', 'refuseTries') },
  },
  {
    name: 'a try is queued behind others, although the token is away',
    protocol: lrc,
    sync: { table, state: 'Asked', event: 'LockBusy', cell: to('Asked', 'enqueue') },
  },
  {
    name: 'recalled while it is free, it goes to a waiter here, and a try elsewhere is not told',
    first: 8001,
    protocol: lrc,
    sync: { table, state: 'Wanted', event: 'HandOver', cell: to('Wanted', 'countHandOver', 'grantNext') },
  },
  {
    name: 'who quits while the token is awaited stays in the queue',
    protocol: lrc,
    sync: { table, state: 'Asked', event: 'Quit', cell: to('Asked') },
  },
  {
    name: 'who quits while the lock is held stays in the queue',
    protocol: lrc,
    sync: { table, state: 'Held', event: 'Quit', cell: to('Held') },
  },
  {
    name: 'a holder dies, and nobody is told',
    protocol: lrc,
    sync: { table, state: 'Held', event: 'Died', cell: to('Held') },
  },
  {
    name: 'a holder dies whose lock another node wants, and that is not told',
    protocol: lrc,
    sync: { table, state: 'Wanted', event: 'Died', cell: to('Wanted') },
  },
]
