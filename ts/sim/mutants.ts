/**
 * Protocol bugs planted on purpose, as altered tables or functions of the protocols: the checks are worth
 * what they catch of these.
 */
import { mrsw } from '../coherence/mrsw/index.js'
import { mrswDynamic as dynamic } from '../coherence/mrsw-dynamic/index.js'
import { srsw } from '../coherence/srsw/index.js'
import { to } from '../coherence/table.js'
import { LOCKS } from './mutants-locks.js'
import { LRC } from './mutants-lrc.js'
import { copyCell, homeCell, type Mutant } from './plant.js'

const MRSW: readonly Mutant[] = [
  { name: 'forgotten Downgrade', protocol: copyCell(mrsw, 'M', 'FetchRead', to('S', 'Copy', 'SendRead')) },
  {
    name: 'Copy before Downgrade',
    protocol: copyCell(mrsw, 'M', 'FetchRead', to('S', 'Copy', 'Downgrade', 'SendRead')),
  },
  {
    name: 'sent before Punch',
    protocol: copyCell(mrsw, 'M', 'FetchWrite', to('I', 'Downgrade', 'Copy', 'SendWrite', 'Punch')),
  },
  { name: 'access kept on SM_A x Inv', protocol: copyCell(mrsw, 'SM_A', 'Inv', to('IM_D', 'InvAck')) },
  { name: 'acknowledged before Punch', protocol: copyCell(mrsw, 'S', 'Inv', to('I', 'InvAck', 'Punch')) },
  {
    name: 'InvAck not awaited',
    protocol: homeCell(mrsw, 'S', 'UpgradeInv', to('M', 'Begin', 'InvOthers', 'GrantKept')),
  },
  {
    name: 'first InvAck taken for the last',
    protocol: homeCell(mrsw, 'SM_AK', 'InvAck', to('M', 'Acked', 'GrantKept')),
  },
  { name: 'reader not added to the copyset', protocol: homeCell(mrsw, 'MS_D', 'Done', to('S')) },
  {
    name: 'Done not awaited of a node that a third one sends to',
    protocol: homeCell(mrsw, 'M', 'GetWrite', to('M', 'FetchWrite', 'Own')),
  },
  { name: 'second view not installed', protocol: copyCell(mrsw, 'S', 'Read', to('S')) },
  {
    name: 'zeros for a page that is lost',
    lossy: true,
    protocol: homeCell(mrsw, 'L', 'GetRead', to('S', 'GrantReadZero', 'Own')),
  },
  { name: 'home lost, waiters forgotten', lossy: true, protocol: copyCell(mrsw, 'IM_D', 'HomeLost', to('I')) },
  { name: 'lost sharer still awaited', lossy: true, protocol: { ...mrsw, lossEvent: () => undefined } },
  { name: 'evicted: InvAck not awaited', protocol: homeCell(mrsw, 'S', 'Put', to('S', 'DropLost', 'GrantDrop')) },
  {
    name: 'evicted: the last copy dropped',
    protocol: homeCell(mrsw, 'S', 'PutLast', to('SS_A', 'Begin', 'DropSender', 'GrantDrop')),
  },
  {
    name: 'evicted: the owner not elected anew',
    protocol: homeCell(mrsw, 'S', 'PutOwner', to('SS_A', 'Begin', 'DropSender', 'GrantDrop')),
  },
  { name: 'evicted: the thread at home that waits forgotten', protocol: copyCell(mrsw, 'IS_D', 'Here', to('M')) },
  { name: 'evicted: what was wanted meanwhile forgotten', protocol: copyCell(mrsw, 'IE_A', 'Drop', to('I')) },
]

const SRSW: readonly Mutant[] = [
  {
    name: 'page kept after it was sent',
    protocol: copyCell(srsw, 'M', 'FetchWrite', to('I', 'Downgrade', 'Copy', 'SendWrite')),
  },
  {
    name: 'Copy before Downgrade',
    protocol: copyCell(srsw, 'M', 'FetchWrite', to('I', 'Copy', 'Downgrade', 'Punch', 'SendWrite')),
  },
  {
    name: 'sent before Punch',
    protocol: copyCell(srsw, 'M', 'FetchWrite', to('I', 'Downgrade', 'Copy', 'SendWrite', 'Punch')),
  },
  { name: 'Done not awaited', protocol: homeCell(srsw, 'M', 'GetWrite', to('M', 'FetchWrite', 'Own')) },
  { name: 'new owner not noted', protocol: homeCell(srsw, 'MM_D', 'Done', to('M')) },
  { name: 'second view not installed', protocol: copyCell(srsw, 'M', 'Fault', to('M')) },
  { name: 'a fault that comes twice asks twice', protocol: copyCell(srsw, 'IM_D', 'Fault', to('IM_D', 'GetWrite')) },
  {
    name: 'zeros for a page that is lost',
    lossy: true,
    protocol: homeCell(srsw, 'L', 'GetWrite', to('M', 'GrantWriteZero', 'Own')),
  },
  { name: 'home lost, waiters forgotten', lossy: true, protocol: copyCell(srsw, 'IM_D', 'HomeLost', to('I')) },
  {
    name: 'owner lost, requester not told',
    lossy: true,
    protocol: homeCell(srsw, 'MM_D', 'OwnerLost', to('LM_D', 'Forget')),
  },
  {
    name: 'evicted: sent home before Punch',
    protocol: copyCell(srsw, 'ME_A', 'Take', to('I', 'Downgrade', 'Copy', 'SendHome', 'Punch', 'Retry')),
  },
  {
    name: 'evicted: dropped without being sent home',
    protocol: copyCell(srsw, 'M', 'Evict', to('I', 'Punch')),
  },
  { name: 'evicted: the thread at home that waits forgotten', protocol: copyCell(srsw, 'IM_D', 'Here', to('M')) },
  { name: 'evicted: what was wanted meanwhile forgotten', protocol: copyCell(srsw, 'IE_A', 'Drop', to('I')) },
]

const DYNAMIC: readonly Mutant[] = [
  { name: 'forgotten Downgrade', protocol: copyCell(dynamic, 'M', 'FetchRead', to('S', 'Copy', 'SendRead')) },
  { name: 'access kept on Inv', protocol: copyCell(dynamic, 'S', 'Inv', to('I', 'InvAck')) },
  {
    name: 'page given away before the InvAcks',
    protocol: homeCell(dynamic, 'O', 'GetWriteInv', to('N', 'FetchWrite', 'HintRequester')),
  },
  {
    name: 'first InvAck taken for the last',
    protocol: homeCell(dynamic, 'ON_A', 'InvAck', to('N', 'Told', 'FetchWrite', 'HintRequester')),
  },
  { name: 'reader not added to the copyset', protocol: homeCell(dynamic, 'O', 'GetRead', to('O', 'FetchRead')) },
  {
    name: 'hint not turned when the page is given away',
    protocol: homeCell(dynamic, 'O', 'GetWrite', to('N', 'FetchWrite')),
  },
  {
    name: 'no bytes for a node with an old version',
    protocol: homeCell(dynamic, 'O', 'GetWrite', to('N', 'FetchKept', 'HintRequester')),
  },
  { name: 'requests that wait for ownership forgotten', protocol: homeCell(dynamic, 'W', 'Busy', to('W')) },
  {
    name: 'zeros for a page that nobody has',
    lossy: true,
    protocol: homeCell(dynamic, 'R_Q', 'Verdict', to('R', 'GrantZero')),
  },
  { name: 'a loss on the way not noticed', lossy: true, protocol: { ...dynamic, lossEvent: () => undefined } },
  {
    name: 'asked while others still forward to the lost node, and not again',
    lossy: true,
    protocol: { ...dynamic, roaming: { ...dynamic.roaming!, learntEvent: () => undefined } },
  },
  { name: "evicted: the owner's page dropped", protocol: copyCell(dynamic, 'M', 'EvictOwned', to('I', 'Punch')) },
  {
    name: 'evicted: dropped while the right to write it is awaited',
    protocol: copyCell(dynamic, 'SM_A', 'Evict', to('IM_D', 'Punch', 'Unversion')),
  },
  {
    name: 'evicted: asked for with the version that was here',
    protocol: copyCell(copyCell(dynamic, 'S', 'Evict', to('I', 'Punch')), 'I', 'Write', to('IM_D', 'Upgrade')),
  },
  {
    name: 'evicted: put to a node that awaits it',
    protocol: copyCell(dynamic, 'IS_D', 'Put', to('IM_D', 'GetWrite')),
  },
  { name: 'evicted: the right to write not asked for', protocol: copyCell(dynamic, 'S', 'Put', to('SM_A')) },
]

export const MUTANTS: readonly Mutant[] = [...MRSW, ...SRSW, ...DYNAMIC, ...LRC, ...LOCKS]
