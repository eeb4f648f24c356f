/**
 * One node in a barrier that is direct, or is to be: one of its processes, and the lines that are made for it
 * (direct.ts).
 */
import { to, type Table } from '../coherence/table.js'

export const DIRECT_STATES = [
  'Over', // the absence of a record
  'Offered', // its lines are being made
  'Ready', // they are made
  'Unfit', // they cannot be: the manager will take the offer back
  'Ended', // the same, and its process has ended, or has parted by itself: nobody is to be parted
  'Standing', // its process meets the others by itself
  'Cut', // the manager is told that this must end, and will ask
  'Gone', // the same, and nobody is to be parted
  'Parting', // the manager has asked, and is answered when the process has parted
] as const
export type DirectStateName = (typeof DIRECT_STATES)[number]

export const DIRECT_EVENTS = [
  'Offer',
  'OfferDead', // to a process that has ended
  'Again', // the offer stands, not all are ready
  'Stand', // all were ready
  'Withdraw', // the offer is taken back, or its manager is lost
  'Made', // the lines are
  'Unfit', // they cannot be made, or must not be used any more
  'Parted', // the process is not waiting there any more
  'Died', // it has ended
  'Came', // somebody waits at the gate, as if it were not direct
  'Ask', // it ends
  'ManagerLost', // the same
] as const
export type DirectEvent = (typeof DIRECT_EVENTS)[number]

export type DirectAction = 'introduce' | 'part' | 'noteDeath' | 'sendUproot' | 'answer'

export const directTable: Table<DirectStateName, DirectEvent, DirectAction> = {
  Over: {
    Offer: to('Offered', 'introduce'),
    OfferDead: to('Ended', 'noteDeath'),
    Again: 'never',
    Stand: 'never',
    Withdraw: 'never',
    Made: 'never',
    Unfit: 'never',
    Parted: 'never',
    Died: 'never',
    Came: 'never',
    Ask: 'never',
    ManagerLost: 'never',
  },
  Offered: {
    Offer: 'never',
    OfferDead: 'never',
    Again: to('Offered'),
    Stand: 'never',
    Withdraw: to('Over', 'part'),
    Made: to('Ready'),
    Unfit: to('Unfit'),
    Parted: to('Ended'),
    Died: to('Ended', 'noteDeath'),
    Came: 'never',
    Ask: 'never',
    ManagerLost: 'never',
  },
  Ready: {
    Offer: 'never',
    OfferDead: 'never',
    Again: to('Ready'),
    Stand: to('Standing'),
    Withdraw: to('Over', 'part'),
    Made: to('Ready'),
    Unfit: to('Unfit'),
    Parted: to('Ended'),
    Died: to('Ended', 'noteDeath'),
    Came: 'never',
    Ask: 'never',
    ManagerLost: 'never',
  },
  // Perhaps it has said that it was ready, before. Then it is parted at once: its process has never met the others so.
  Unfit: {
    Offer: 'never',
    OfferDead: 'never',
    Again: to('Unfit'),
    Stand: to('Gone', 'part', 'sendUproot'),
    Withdraw: to('Over', 'part'),
    Made: to('Unfit'),
    Unfit: to('Unfit'),
    Parted: to('Ended'),
    Died: to('Ended', 'noteDeath'),
    Came: 'never',
    Ask: 'never',
    ManagerLost: 'never',
  },
  Ended: {
    Offer: 'never',
    OfferDead: 'never',
    Again: to('Ended'),
    Stand: to('Gone', 'sendUproot'),
    Withdraw: to('Over'),
    Made: to('Ended'),
    Unfit: to('Ended'),
    Parted: to('Ended'),
    Died: to('Ended', 'noteDeath'),
    Came: 'never',
    Ask: 'never',
    ManagerLost: 'never',
  },
  Standing: {
    Offer: 'never',
    OfferDead: 'never',
    Again: 'never',
    Stand: 'never',
    Withdraw: 'never',
    Made: 'never',
    Unfit: to('Cut', 'sendUproot'),
    Parted: to('Gone', 'sendUproot'),
    Died: to('Gone', 'noteDeath', 'sendUproot'),
    Came: to('Cut', 'sendUproot'),
    Ask: to('Parting', 'part'),
    ManagerLost: to('Over', 'part'),
  },
  Cut: {
    Offer: 'never',
    OfferDead: 'never',
    Again: 'never',
    Stand: 'never',
    Withdraw: 'never',
    Made: 'never',
    Unfit: to('Cut'),
    Parted: to('Gone'),
    Died: to('Gone', 'noteDeath', 'sendUproot'),
    Came: 'never',
    Ask: to('Parting', 'part'),
    ManagerLost: to('Over', 'part'),
  },
  // Its process may have parted by itself, and is one like others now.
  Gone: {
    Offer: 'never',
    OfferDead: 'never',
    Again: 'never',
    Stand: 'never',
    Withdraw: 'never',
    Made: 'never',
    Unfit: to('Gone'),
    Parted: to('Gone'),
    Died: to('Gone'),
    Came: 'never',
    Ask: to('Over'),
    ManagerLost: to('Over'),
  },
  Parting: {
    Offer: 'never',
    OfferDead: 'never',
    Again: 'never',
    Stand: 'never',
    Withdraw: 'never',
    Made: 'never',
    Unfit: to('Parting'),
    Parted: to('Over', 'answer'),
    Died: to('Over', 'noteDeath', 'sendUproot', 'answer'),
    Came: 'never',
    Ask: 'never',
    ManagerLost: to('Over'),
  },
}
