/** One counter as its manager sees it: it begins with 0, and stays until it is destroyed. */
import { to, type Table } from '../coherence/table.js'

export const COUNTER_STATES = ['None', 'Counted'] as const
export type CounterStateName = (typeof COUNTER_STATES)[number]

export const COUNTER_EVENTS = [
  'Add',
  'AddFull', // too many are known
  'Destroy',
] as const
export type CounterEvent = (typeof COUNTER_EVENTS)[number]

export type CounterAction = 'add' | 'refuseFull' | 'refuseMissing' | 'done'

export const counterTable: Table<CounterStateName, CounterEvent, CounterAction> = {
  None: {
    Add: to('Counted', 'add'),
    AddFull: to('None', 'refuseFull'),
    Destroy: to('None', 'refuseMissing'),
  },
  Counted: {
    Add: to('Counted', 'add'),
    AddFull: 'never',
    Destroy: to('None', 'done'),
  },
}
