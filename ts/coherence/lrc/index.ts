/** lrc put together: what the engine needs to run it. */
import type { Protocol } from '../protocol.js'
import { copyActions, homeActions } from './actions.js'
import { copyEvent, faultEvent, homeEvent, isMaster, lossEvent, reliesOn } from './classify.js'
import { COPY_EVENTS, COPY_STATES, copyTable, type CopyAction, type CopyEvent, type CopyState } from './copy.table.js'
import { acquire, edgeMessage, edgesLost, evict, release } from './edges.js'
import {
  HOME_EVENTS,
  HOME_SETTLED,
  HOME_STATES,
  homeTable,
  type HomeAction,
  type HomeEvent,
  type HomeState,
} from './home.table.js'

export type Lrc = Protocol<CopyState, CopyEvent, CopyAction, HomeState, HomeEvent, HomeAction>

export const lrc: Lrc = {
  name: 'lrc',
  copy: { states: COPY_STATES, events: COPY_EVENTS, table: copyTable, actions: copyActions },
  home: { states: HOME_STATES, events: HOME_EVENTS, table: homeTable, actions: homeActions },
  settled: HOME_SETTLED,
  access: {
    I: 'none',
    R: 'read',
    RU: 'read',
    RS: 'read',
    W: 'write',
    WS: 'write',
    E: 'write',
    IR_D: 'none',
    IW_D: 'none',
    RW_A: 'read',
    X: 'none',
  },
  lost: 'X',
  isMaster,
  faultEvent,
  evictEvent: () => undefined, // edges.evict
  copyEvent,
  homeEvent,
  moves: { reliesOn },
  homeLost: 'HomeLost',
  busy: 'Busy',
  lossEvent,
  edges: { acquire, release, evict, message: edgeMessage, lost: edgesLost },
}
