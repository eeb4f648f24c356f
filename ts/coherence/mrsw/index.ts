/** mrsw put together: what the engine needs to run it. */
import { evictEvent } from '../home-classify.js'
import type { Protocol } from '../protocol.js'
import { copyActions, homeActions, type CopyAction, type HomeAction } from './actions.js'
import { copyEvent, faultEvent, homeEvent, lossEvent } from './classify.js'
import { COPY_EVENTS, COPY_STATES, copyTable, type CopyEvent, type CopyState } from './copy.table.js'
import { HOME_EVENTS, HOME_SETTLED, HOME_STATES, homeTable, type HomeEvent, type HomeState } from './home.table.js'

export type Mrsw = Protocol<CopyState, CopyEvent, CopyAction, HomeState, HomeEvent, HomeAction>

export const mrsw: Mrsw = {
  name: 'mrsw',
  copy: { states: COPY_STATES, events: COPY_EVENTS, table: copyTable, actions: copyActions },
  home: { states: HOME_STATES, events: HOME_EVENTS, table: homeTable, actions: homeActions },
  settled: HOME_SETTLED,
  access: {
    I: 'none',
    S: 'read',
    M: 'write',
    IS_D: 'none',
    IM_D: 'none',
    SM_A: 'read',
    SE_A: 'read',
    ME_A: 'write',
    IE_A: 'none',
    X: 'none',
  },
  lost: 'X',
  faultEvent,
  evictEvent,
  copyEvent,
  homeEvent,
  homeLost: 'HomeLost',
  busy: 'Busy',
  lossEvent,
}
