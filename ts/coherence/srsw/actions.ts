/** srsw: what the names in the cells do: those actions of protocols with homes that one copy needs. */
import { copyActions as copy, homeActions as home } from '../home-actions.js'

export type CopyAction = keyof typeof copyActions
export type HomeAction = keyof typeof homeActions

export const copyActions = {
  GetWrite: copy.GetWrite,
  KeepWrite: copy.KeepWrite,
  InstallWrite: copy.InstallWrite,
  Done: copy.Done,
  LostAck: copy.LostAck,
  SendWrite: copy.SendWrite,
  Downgrade: copy.Downgrade,
  Copy: copy.Copy,
  Punch: copy.Punch,
  Poison: copy.Poison,
  Put: copy.Put,
  SendHome: copy.SendHome,
  Retry: copy.Retry,
} as const

export const homeActions = {
  Begin: home.Begin,
  GrantWriteZero: home.GrantWriteZero,
  TellLost: home.TellLost,
  FetchWrite: home.FetchWrite,
  Own: home.Own,
  Forget: home.Forget,
  Take: home.Take,
  GrantDrop: home.GrantDrop,
  GrantKeep: home.GrantKeep,
  Here: home.Here,
} as const
