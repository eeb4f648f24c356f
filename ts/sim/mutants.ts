/**
 * Protocol bugs planted on purpose, as altered tables or actions of mrsw: the checks are worth what
 * they catch of these.
 */
import type { AnyProtocol } from '../coherence/protocol.js'
import { mrsw } from '../coherence/mrsw/index.js'
import { to, type Cell } from '../coherence/table.js'

export interface Mutant {
  readonly name: string
  /** Shows only when nodes are lost. */
  readonly lossy?: true
  readonly protocol: AnyProtocol
}

export const MUTANTS: readonly Mutant[] = [
  { name: 'forgotten Downgrade', protocol: copyCell('M', 'FetchRead', to('S', 'Copy', 'SendRead')) },
  { name: 'Copy before Downgrade', protocol: copyCell('M', 'FetchRead', to('S', 'Copy', 'Downgrade', 'SendRead')) },
  {
    name: 'sent before Punch',
    protocol: copyCell('M', 'FetchWrite', to('I', 'Downgrade', 'Copy', 'SendWrite', 'Punch')),
  },
  { name: 'access kept on SM_A x Inv', protocol: copyCell('SM_A', 'Inv', to('IM_D', 'InvAck')) },
  { name: 'acknowledged before Punch', protocol: copyCell('S', 'Inv', to('I', 'InvAck', 'Punch')) },
  { name: 'InvAck not awaited', protocol: homeCell('S', 'UpgradeInv', to('M', 'Begin', 'InvOthers', 'GrantKept')) },
  {
    name: 'first InvAck taken for the last',
    protocol: homeCell('SM_AK', 'InvAck', to('M', 'Acked', 'GrantKept')),
  },
  { name: 'reader not added to the copyset', protocol: homeCell('MS_D', 'Done', to('S')) },
  {
    name: 'Done not awaited of a node that a third one sends to',
    protocol: homeCell('M', 'GetWrite', to('M', 'FetchWrite', 'Own')),
  },
  { name: 'second view not installed', protocol: copyCell('S', 'Read', to('S')) },
  {
    name: 'zeros for a page that is lost',
    lossy: true,
    protocol: homeCell('L', 'GetRead', to('S', 'GrantReadZero', 'Own')),
  },
  { name: 'home lost, waiters forgotten', lossy: true, protocol: copyCell('IM_D', 'HomeLost', to('I')) },
  { name: 'lost sharer still awaited', lossy: true, protocol: { ...mrsw, lossEvent: () => undefined } },
]

function copyCell(state: string, event: string, cell: Cell<string, string>): AnyProtocol {
  return { ...mrsw, copy: { ...mrsw.copy, table: altered(mrsw.copy.table, state, event, cell) } }
}

function homeCell(state: string, event: string, cell: Cell<string, string>): AnyProtocol {
  return { ...mrsw, home: { ...mrsw.home, table: altered(mrsw.home.table, state, event, cell) } }
}

type AnyTable = AnyProtocol['copy']['table']

function altered(table: AnyTable, state: string, event: string, cell: Cell<string, string>): AnyTable {
  return { ...table, [state]: { ...table[state], [event]: cell } }
}
