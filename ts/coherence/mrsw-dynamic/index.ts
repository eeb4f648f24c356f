/** mrsw-dynamic put together: what the engine needs to run it. */
import type { Protocol } from '../protocol.js'
import { copyActions, ownerActions, tellLearnt, type CopyAction, type OwnerAction } from './actions.js'
import {
  busyEvent,
  copyEvent,
  evictEvent,
  faultEvent,
  isAgain,
  learntEvent,
  lossEvent,
  ownerEvent,
} from './classify.js'
import { COPY_EVENTS, COPY_STATES, copyTable, type CopyEvent, type CopyState } from './copy.table.js'
import {
  OWNER_EVENTS,
  OWNER_SETTLED,
  OWNER_STATES,
  ownerTable,
  type OwnerEvent,
  type OwnerState,
} from './owner.table.js'

export type MrswDynamic = Protocol<CopyState, CopyEvent, CopyAction, OwnerState, OwnerEvent, OwnerAction>

export const mrswDynamic: MrswDynamic = {
  name: 'mrsw-dynamic',
  copy: { states: COPY_STATES, events: COPY_EVENTS, table: copyTable, actions: copyActions },
  home: { states: OWNER_STATES, events: OWNER_EVENTS, table: ownerTable, actions: ownerActions },
  settled: OWNER_SETTLED,
  access: { I: 'none', S: 'read', M: 'write', IS_D: 'none', IM_D: 'none', SM_A: 'read', X: 'none' },
  lost: 'X',
  faultEvent,
  evictEvent,
  copyEvent,
  homeEvent: ownerEvent,
  homeLost: undefined,
  busy: 'Busy',
  lossEvent,
  roaming: { toCopies: new Set(['Put']), busyEvent, isAgain, learntEvent, tellLearnt },
}
