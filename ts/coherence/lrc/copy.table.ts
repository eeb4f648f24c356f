/**
 * lrc, one page as one node sees it. Lazy release consistency with homes, after Cashmere-2L (Stets et al., SOSP 1997):
 * several nodes may write a page at once; what a node has written goes home as a diff at a release, and a node drops
 * what others have changed at an acquire. Processes of one node share the frame, so all this is between nodes only.
 *
 * A node that alone has a page writes it without a twin and without notices (E). On the page's home the frame is the
 * master copy: it is written without a twin, and diffs of others arrive in it.
 *
 * Whoever passes a lock's token to a sharer of pages that it has written as their home sends their bytes along with the
 * notice: who gets the lock mostly wants what was written under it. A copy to which that happens twice, and which
 * nobody writes meanwhile (RU), is dropped as by any notice: so no page follows a lock for ever to where it is not
 * used.
 *
 * An evicted copy goes at once: what is clean as it is, what is dirty in a flush, what is here alone as a whole. Only
 * what may just become this node's alone stays, for its home has given it away by then.
 */
import { to, type Table } from '../table.js'

export const COPY_STATES = [
  'I', // no access
  'R', // readable, clean
  'RU', // the same; it came unasked with a notice, and nobody here has written it since
  'RS', // the same, and noticed: others have changed the page, an acquire drops it
  'W', // writable; a twin, but not at home; on the list of dirty pages
  'WS', // the same, and noticed
  'E', // writable, the only copy
  'IR_D', // no access, GetRead sent
  'IW_D', // no access, GetWrite sent
  'RW_A', // on its home: readable, GetWrite sent (to this very node)
  'X', // lost: poisoned here for ever
] as const
export type CopyState = (typeof COPY_STATES)[number]

export const COPY_EVENTS = [
  'Read', // a local thread faulted; the home is there
  'Write',
  'WriteHome', // this node is the home
  'ReadHomeless', // the same, the home is lost
  'WriteHomeless',
  'PageRead', // the page, to read
  'PageWrite', // the page, to write beside others
  'PageWriteHome', // this node is the home: no twin
  'PageOnly', // the page, and no other node has it: this node is its home now
  'PageOnlyHome', // the same, and it was
  'PageLost', // nobody has the bytes
  'Moved', // who was asked is not the home, and says whom to ask
  'MovedElse', // the same: this very node, which knows better by now
  'MovedLost', // the same, and whom to ask is lost
  'FetchRead', // this node is the home, and others want the page that is here alone
  'Here', // the page has come home, where it was never asked for
  'Notice', // others have changed the page
  'NoticeAlong', // the same, and its bytes have come along
  'Alone', // it is flushed, and nobody else has it: this node is its home now
  'Given', // this node was its home
  'Acquire', // what is noticed goes
  'Release', // what is dirty goes home
  'ReleaseHome', // this node is the home
  'ReleaseAlong', // the same; a sharer gets the bytes
  'Evict', // no memory here for it any more
  'EvictFlushed', // the same, and its home may just be saying that it is here alone
  'EvictHome', // this node is the home
  'HomeLost',
] as const
export type CopyEvent = (typeof COPY_EVENTS)[number]

export type CopyAction =
  | 'GetRead'
  | 'GetWrite'
  | 'KeepRead'
  | 'KeepWrite'
  | 'KeepTwin'
  | 'InstallRead'
  | 'InstallWrite'
  | 'InstallTwin'
  | 'Dirty'
  | 'Clean'
  | 'Noticed'
  | 'Forgotten'
  | 'Downgrade'
  | 'Diff'
  | 'DiffStale'
  | 'DropTwin'
  | 'Copy'
  | 'SendBack'
  | 'TakeHome'
  | 'PursueRead'
  | 'PursueWrite'
  | 'Found'
  | 'MasterPage'
  | 'Retry'
  | 'AckKept'
  | 'NotifySharers'
  | 'Patch'
  | 'Whole'
  | 'Punch'
  | 'Poison'

const nothing = {
  PageRead: 'never',
  PageWrite: 'never',
  PageWriteHome: 'never',
  PageOnly: 'never',
  PageOnlyHome: 'never',
  PageLost: 'never',
  Moved: 'never',
  MovedElse: 'never',
  MovedLost: 'never',
  FetchRead: 'never',
  Here: 'never',
  Alone: 'never',
  Given: 'never',
  Acquire: 'never',
  Release: 'never',
  ReleaseHome: 'never',
  ReleaseAlong: 'never',
  Evict: 'never',
  EvictFlushed: 'never',
  EvictHome: 'never',
} as const

export const copyTable: Table<CopyState, CopyEvent, CopyAction> = {
  I: {
    ...nothing,
    Read: to('IR_D', 'GetRead'),
    Write: to('IW_D', 'GetWrite'),
    WriteHome: to('IW_D', 'GetWrite'),
    ReadHomeless: to('X', 'Poison'),
    WriteHomeless: to('X', 'Poison'),
    Here: to('I', 'MasterPage'),
    Notice: to('I'), // dropped meanwhile
    NoticeAlong: to('I'),
    HomeLost: to('I'),
  },
  R: {
    ...nothing,
    Read: to('R', 'KeepRead'),
    Write: to('W', 'KeepTwin', 'Dirty'), // no message
    WriteHome: to('RW_A', 'GetWrite'),
    ReadHomeless: 'never',
    WriteHomeless: 'never',
    Notice: to('RS', 'Noticed'),
    NoticeAlong: to('RU', 'Patch', 'AckKept'),
    Alone: to('E'),
    Given: to('I'),
    Evict: to('I', 'Punch'), // the home goes on counting on it, until the next notice
    EvictFlushed: to('R'), // nobody else has the bytes, perhaps
    EvictHome: to('R'), // the frame is the master copy
    HomeLost: to('X', 'Poison'),
  },
  RU: {
    ...nothing,
    Read: to('RU', 'KeepRead'),
    Write: to('W', 'KeepTwin', 'Dirty'),
    WriteHome: 'never',
    ReadHomeless: 'never',
    WriteHomeless: 'never',
    Notice: to('RS', 'Noticed'),
    NoticeAlong: to('RS', 'Noticed'), // once more, and perhaps for nothing: whoever wants it asks
    Evict: to('I', 'Punch'),
    EvictFlushed: 'never', // what it wrote is home, or the bytes would not have been taken
    HomeLost: to('X', 'Poison'),
  },
  RS: {
    ...nothing,
    Read: to('RS', 'KeepRead'),
    // The home no longer counts on this copy: written, it would come back as a diff of nobody.
    Write: to('IW_D', 'Forgotten', 'Punch', 'GetWrite'),
    WriteHome: 'never',
    ReadHomeless: 'never',
    WriteHomeless: 'never',
    Here: to('I', 'Forgotten', 'Punch', 'MasterPage'),
    Notice: to('RS'),
    NoticeAlong: to('RS'),
    Acquire: to('I', 'Forgotten', 'Punch'),
    Evict: to('I', 'Forgotten', 'Punch'),
    EvictFlushed: to('I', 'Forgotten', 'Punch'), // others have it, for they have changed it
    HomeLost: to('I', 'Forgotten', 'Punch'), // its home may be another one by now
  },
  W: {
    ...nothing,
    Read: to('W', 'KeepWrite'),
    Write: to('W', 'KeepWrite'),
    WriteHome: to('W', 'KeepWrite'),
    ReadHomeless: 'never',
    WriteHomeless: 'never',
    Notice: to('WS', 'Noticed', 'AckKept'),
    NoticeAlong: to('WS', 'Noticed', 'AckKept'),
    Alone: to('E', 'Clean', 'DropTwin'), // written again meanwhile
    Release: to('R', 'Clean', 'Downgrade', 'Diff'),
    ReleaseHome: to('R', 'Clean', 'Downgrade', 'NotifySharers'),
    ReleaseAlong: to('R', 'Clean', 'Downgrade', 'Whole', 'NotifySharers'),
    Evict: to('I', 'Clean', 'Downgrade', 'DiffStale', 'Punch'),
    EvictFlushed: to('W'),
    EvictHome: to('W'),
    HomeLost: to('X', 'Clean', 'DropTwin', 'Poison'),
  },
  WS: {
    ...nothing,
    Read: to('WS', 'KeepWrite'),
    Write: to('WS', 'KeepWrite'),
    WriteHome: 'never',
    ReadHomeless: 'never',
    WriteHomeless: 'never',
    Notice: to('WS', 'AckKept'),
    NoticeAlong: to('WS', 'AckKept'),
    Release: to('RS', 'Clean', 'Downgrade', 'DiffStale'),
    Acquire: to('I', 'Clean', 'Forgotten', 'Downgrade', 'DiffStale', 'Punch'),
    Evict: to('I', 'Clean', 'Forgotten', 'Downgrade', 'DiffStale', 'Punch'),
    EvictFlushed: to('I', 'Clean', 'Forgotten', 'Downgrade', 'DiffStale', 'Punch'),
    HomeLost: to('X', 'Clean', 'Forgotten', 'DropTwin', 'Poison'),
  },
  E: {
    ...nothing,
    Read: to('E', 'KeepWrite'),
    Write: 'never',
    WriteHome: to('E', 'KeepWrite'),
    ReadHomeless: 'never',
    WriteHomeless: 'never',
    Notice: 'never',
    NoticeAlong: 'never',
    FetchRead: to('R', 'Downgrade'),
    Evict: to('I', 'Downgrade', 'Copy', 'Punch', 'SendBack'), // to its first home, which is its home again
    EvictHome: to('E'), // this is the first home, or not all of before is over
    HomeLost: 'never',
  },
  IR_D: {
    ...nothing,
    Read: to('IR_D'),
    Write: to('IR_D'), // it faults again when the page has come
    WriteHome: to('IR_D'),
    ReadHomeless: 'never',
    WriteHomeless: 'never',
    PageRead: to('R', 'InstallRead', 'Found'),
    PageOnly: to('E', 'InstallWrite', 'TakeHome'), // first touch
    PageLost: to('X', 'Poison'),
    Moved: to('IR_D', 'PursueRead'),
    MovedElse: to('IR_D', 'GetRead'),
    MovedLost: to('I', 'Retry'),
    Here: to('IR_D', 'MasterPage'), // who was asked will say so too
    Notice: to('IR_D', 'AckKept'), // the page comes behind it: the home counts on it
    NoticeAlong: to('IR_D', 'AckKept'),
    HomeLost: to('I', 'Retry'),
  },
  IW_D: {
    ...nothing,
    Read: to('IW_D'),
    Write: to('IW_D'),
    WriteHome: to('IW_D'),
    ReadHomeless: 'never',
    WriteHomeless: 'never',
    PageWrite: to('W', 'InstallTwin', 'Dirty', 'Found'),
    PageWriteHome: to('W', 'InstallWrite', 'Dirty'),
    PageOnly: to('E', 'InstallWrite', 'TakeHome'),
    PageOnlyHome: to('E', 'InstallWrite'),
    PageLost: to('X', 'Poison'),
    Moved: to('IW_D', 'PursueWrite'),
    MovedElse: to('IW_D', 'GetWrite'),
    MovedLost: to('I', 'Retry'),
    Here: to('IW_D', 'MasterPage'),
    Notice: to('IW_D', 'AckKept'),
    NoticeAlong: to('IW_D', 'AckKept'),
    HomeLost: to('I', 'Retry'),
  },
  RW_A: {
    ...nothing,
    Read: to('RW_A', 'KeepRead'),
    Write: 'never',
    WriteHome: to('RW_A'),
    ReadHomeless: 'never',
    WriteHomeless: 'never',
    PageWriteHome: to('W', 'KeepWrite', 'Dirty'),
    PageOnlyHome: to('E', 'KeepWrite'),
    Notice: 'never',
    NoticeAlong: 'never',
    HomeLost: 'never',
  },
  X: {
    ...nothing,
    Read: to('X', 'Poison'),
    Write: to('X', 'Poison'),
    WriteHome: to('X', 'Poison'),
    ReadHomeless: to('X', 'Poison'),
    WriteHomeless: to('X', 'Poison'),
    Here: to('X', 'MasterPage'),
    Notice: 'never',
    NoticeAlong: 'never',
    HomeLost: to('X'),
  },
}
