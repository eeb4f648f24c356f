/**
 * The native addon, every class and method of it, declared once. kmod-sim uses the daemon's half
 * (FaultPoll, FaultChannel, Frames, DeviceListener, ...), ts/client the other (NativeClient).
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { buildDir } from '../project/index.js'

/**
 * What an access change came to; the only place where errno becomes one of these is native/core.
 * already: a page was mapped before (its access is what it was; waiters were woken). again: the
 * process is changing its memory: drain, then repeat (its own thread may have to run first, so
 * repeats need a pause and a bound). gone: the process, or its mapping of the range, is gone. hole:
 * there is no frame to map: a process has freed it, or it maps other memory there than the segment's.
 * Everything else throws ERR_GSHM_SYSTEM with `errno`, and is the process's doing or a mistake here.
 */
export const Change = { ok: 0, already: 1, again: 2, gone: 3, hole: 4 } as const
export type Change = (typeof Change)[keyof typeof Change]

/** Kinds of a record that FaultPoll delivers. */
export const FaultKind = { read: 0, write: 1, fork: 2, remap: 3, remove: 4, unmap: 5 } as const

/**
 * A batch of decoded userfaultfd messages: `count` records of RECORD_WIDTH numbers each:
 * [channel id, FaultKind, address, extra, thread id].
 * read|write: address is that of the page (rounded down), thread id of the faulting thread; extra 1 =
 * the page was mapped but write-protected: a hint for the order of system calls, never a decision.
 * fork: address 0, extra = the child's userfaultfd, owned by the receiver from now on.
 * remap: address = from, extra = to, thread id field = length. remove|unmap: [address, extra = end).
 * The kernel gives out waiting faults before waiting address events, so a fault's address may be
 * one that an event of the same batch moves away; who waited in a range that was unmapped or moved
 * has been woken already, and faults again.
 * The records are overwritten by the next batch: consume all of them (apply address events, queue
 * faults) before doing anything that may drain, or older events are applied after newer ones.
 */
export const RECORD_WIDTH = 5
export type FaultBatch = (records: Float64Array, count: number) => void

/**
 * One registered process's userfaultfd, as the daemon holds it; or the memory and bell of native/abi/trap.h, for one that traps
 * its own faults. Lengths and addresses in bytes.
 */
export interface FaultChannel {
  /** Becomes readable when there are messages. */
  readonly fd: number
  /** It has no userfaultfd. Whatever takes access away waits for the process, and answers `again` after 5 ms: repeat it. */
  readonly trapped: boolean
  /** Of a trapped process: the memfd of native/abi/trap.h; else -1. */
  readonly memory: number
  /** UFFDIO_REGISTER with MISSING|MINOR|WP. Throws ERR_GSHM_* (code) on anything but success. */
  register(address: number, length: number): void
  /** none -> read|write for pages whose frame is in the memfd (UFFDIO_CONTINUE), read -> write for
   * one that is mapped ('already'); wakes waiters. `hole` comes from here alone. */
  resume(address: number, length: number, writable: boolean): Change
  /** Sets (on) or clears UFFDIO_WRITEPROTECT; clearing wakes waiters. */
  protect(address: number, length: number, on: boolean): Change
  /**
   * UFFDIO_POISON page by page; wakes waiters: they get SIGBUS. Punch the frames first: a page that
   * is present is skipped and loses its write-protection (`already`).
   */
  poison(address: number, length: number): Change
  wake(address: number, length: number): void
  /** Of a trapped process: the range allows nothing any more. To be called before its frames are punched; else nothing to do. */
  revoke(address: number, length: number): Change
  /** Of a trapped process: the range is no view any more. */
  unregister(address: number, length: number): void
  /** Whether the process's memory still exists: exec and exit end it. Changes nothing. */
  alive(): boolean
  /** A duplicate of the descriptor, for passing on; the caller closes it. */
  duplicate(): number
  close(): void
}

/** Waits for messages on many FaultChannels at once, in the event loop of the daemon. */
export interface FaultPoll {
  add(channel: FaultChannel, id: number): void
  remove(id: number): void
  /** Reads what channel `id` has queued now and delivers it to the batch callback before it returns. */
  drain(id: number): void
  close(): void
}

/** A segment's frames on this node: a sealed memfd, read and written as a file (core/frames.c: why). */
export interface Frames {
  readonly fd: number
  readonly pages: number
  /** Frames -> `into` at byte `at`: `count` pages (1 if not given) of 4096 bytes. */
  copyOut(page: number, into: Uint8Array, at: number, count?: number): void
  /** `from` at byte `at` -> frames: `count` pages (1 if not given) of 4096 bytes. Allocates the frames. */
  copyIn(page: number, from: Uint8Array, at: number, count?: number): void
  /** Makes the pages (1 if not given, 16 at most) present and all zeros. */
  zero(page: number, count?: number): void
  /** Frees the frames: every mapping of them anywhere on this node loses them at once. */
  punch(page: number, count: number): void
  /**
   * The bytes of the unit at `page` that differ from `twin` (4096 to 65536 bytes: the unit's size), as
   * a diff of core/diff.h, into `out` from byte `at` on, which must have diffRoom(twin.length) bytes
   * there. Gives the diff's length in bytes; 0: nothing has changed; -1: there is no diff, for a local
   * process has freed the frame. Throws ERR_GSHM_INVALID (no room, no such unit),
   * ERR_GSHM_BEYOND_END, ERR_GSHM_SYSTEM.
   */
  diff(page: number, twin: Uint8Array, out: Uint8Array, at: number): number
  /**
   * Stores what a diff (`length` bytes of `diff` from `at` on) has changed in the unit of `unit` bytes
   * (4096 if not given) at `page`, and no other byte, while local processes write those. The frame
   * must be present: a hole becomes zeros. False: the diff is malformed, nothing was stored. Throws
   * ERR_GSHM_INVALID, ERR_GSHM_BEYOND_END, ERR_GSHM_MEMORY or ERR_GSHM_SYSTEM (a hole, and the host
   * has no memory).
   */
  patch(page: number, diff: Uint8Array, at: number, length: number, unit?: number): boolean
  /** Whether the kernel holds a frame for each of the pages (1 if not given). */
  present(page: number, count?: number): boolean
  /** Frames that the kernel holds now. */
  resident(): number
  close(): void
}

/**
 * The control pages of a segment's heap on this node (native/abi/heap_pages.h): chunks of the segment from its
 * start, some of which are spans of blocks of one class. Whatever processes have written there, answers are
 * within their bounds. Chunks and classes that are none throw ERR_GSHM_INVALID. Which chunks are spans, and of
 * what class, is the caller's to know: but for give, a chunk must be one.
 */
export interface HeapPages {
  readonly fd: number
  /** The chunk becomes a span without allocated blocks, in a generation from 1. Throws ERR_GSHM_MEMORY or _SYSTEM. */
  give(chunk: number, cls: number, generation: number, owner: number): void
  /** The span, with what is allocated in it, gets another owner. */
  pass(chunk: number, cls: number, generation: number, owner: number): void
  /** Ends the span if nothing is allocated in it. */
  seize(chunk: number, cls: number, generation: number): boolean
  /** Blocks allocated in it. */
  count(chunk: number, cls: number): number
  /** Frees the block that begins `offset` bytes into the span; false: none is allocated there. */
  free(chunk: number, cls: number, offset: number): boolean
  /** Whether a block that is allocated begins there. */
  look(chunk: number, cls: number, offset: number): boolean
  close(): void
}

export interface PeerCredentials {
  readonly pid: number
  readonly uid: number
  readonly gid: number
  /** Supplementary groups (SO_PEERGROUPS); none once the connection is closed. */
  readonly groups: readonly number[]
}

/** A decoded request frame; `op` is enum gshm_op in lower case. Numbers are bytes, ids or enums;
 * a key is '=name', '#number' or '@segment:offset'. */
export type DeviceRequest =
  | { op: 'hello'; serial: number; abi: number; kind: number; token: bigint; fork: bigint }
  | {
      op: 'create'
      serial: number
      size: number
      flags: number
      mode: number
      /** 0: the default. */
      unit: number
      /** A node's number + 1; 0: none is named. */
      home: number
      /** Empty: the default; these words are not checked. */
      consistency: string
      manager: string
      name: string
      /** 0: the size. */
      maxSize: number
    }
  | { op: 'open'; serial: number; flags: number; name: string }
  | { op: 'close'; serial: number; segment: number }
  | { op: 'stat'; serial: number; name: string }
  | { op: 'unlink'; serial: number; name: string }
  | { op: 'map'; serial: number; segment: number; address: number; offset: number; length: number }
  | { op: 'unmap'; serial: number; address: number; length: number }
  | { op: 'alloc'; serial: number; segment: number; size: number }
  | { op: 'realloc'; serial: number; segment: number; offset: number; size: number }
  | { op: 'free'; serial: number; segment: number; offset: number }
  | { op: 'lock'; serial: number; key: string; holder: bigint; flags: number }
  | { op: 'unlock'; serial: number; key: string; holder: bigint; flags: number }
  | { op: 'barrier'; serial: number; key: string; count: number; flags: number; parted: number }
  | { op: 'fork'; serial: number }
  | { op: 'inspect'; serial: number; what: number; name: string }
  | { op: 'acquire'; serial: number; segment: number; offset: number; length: number }
  | { op: 'release'; serial: number; segment: number; offset: number; length: number }
  | { op: 'lockPages'; serial: number; segment: number; what: number }
  | { op: 'cancel'; serial: number }
  | {
      op: 'object'
      serial: number
      key: string
      /** From 1, in the order of ts/base/objects.ts. */
      kind: number
      deed: number
      holder: bigint
      value: bigint
      initial: bigint
      flags: number
    }
  | { op: 'resize'; serial: number; segment: number; size: number }
  | { op: 'size'; serial: number; segment: number }
  | { op: 'bye'; serial: number }
  | { op: 'parted'; serial: number; number: number }

  /** Numbers are bytes; class: an index of spanBlockBytes; home: a node's number + 1, or 0. */
  | { op: 'heap'; serial: number; segment: number }
  | { op: 'span'; serial: number; segment: number; class: number }
  | {
      op: 'allocWith'
      serial: number
      segment: number
      flags: number
      size: number
      align: number
      home: number
    }

/** The body of a successful reply, by op. Ops that are missing here have an empty body. */
export interface DeviceReplies {
  hello: { token: bigint; node: number; nodes: number; cluster: string; nodeName: string }
  create: SegmentInfo
  open: SegmentInfo
  stat: SegmentInfo
  alloc: { offset: number; size: number; oldSize: number }
  realloc: { offset: number; size: number; oldSize: number }
  heap: { chunks: number; spanBytes: number }
  span: { chunk: number; generation: number }
  allocWith: { offset: number; size: number; oldSize: number }
  /** line: it passes a page and a line (LockLine). */
  lock: { slot: number; generation: number; ownerDied: boolean; line: boolean }
  lockPages: { process: number }
  object: { value: bigint; ownerDied: boolean }
  fork: { fork: bigint }
  inspect: { length: number }
  resize: { size: number }
  size: { size: number }
  /** number 0: the process goes on asking. */
  barrier: { number: number; lines: number; root: boolean }
}

/** The body of the reply to op `O`. */
export type DeviceReply<O extends DeviceRequest['op']> = O extends keyof DeviceReplies ? DeviceReplies[O] : undefined

export interface SegmentInfo {
  segment: number
  mode: number
  uid: number
  gid: number
  /** Bytes that it has now, and may have. */
  size: number
  maxSize: number
  heapBytes: number
  heapBlocks: number
  createdMs: number
  linked: boolean
  /** How many nodes share the pages out among them. */
  homes: number
  /** The first page's; with one home, every page's. */
  home: number
  /** Bytes. */
  unit: number
  consistency: string
  manager: string
  name: string
}

/**
 * The daemon's end of a barrier at which one of its processes meets others by itself (native/abi/direct.h): the root
 * has a line to each of the others, they have one to it. Takes the lines, when it throws nothing.
 */
export interface DirectBarrier {
  /** The page's, then the lines': to be passed to the process; they stay this object's. */
  readonly fds: readonly number[]
  /** Its process is in an episode, as it says. */
  readonly inside: boolean
  /** No episode gets over any more, but for one that is going already: that one does for all. At the root the lines
   * end, and whoever waits finds that. Gives whether its process is in one: it says so when it is not any more. */
  part(): boolean
  /** Whoever is at the other end is lost. */
  sever(): void
  close(): void
}

/** One connection from a process. */
export interface DeviceChannel {
  readonly peer: PeerCredentials
  /** Success, with the op's body and the descriptors to pass, which stay the caller's. */
  reply<O extends DeviceRequest['op']>(op: O, serial: number, body: DeviceReply<O>, fds: readonly number[]): void
  /** Failure: an error number of native/abi/errors.h and a detail text. */
  fail(op: DeviceRequest['op'], serial: number, error: number, detail: string): void
  close(): void
}
export interface DeviceHandlers {
  /** A new connection. */
  connect(channel: DeviceChannel): void
  /** A well-formed frame; `fds` are now the receiver's to close. */
  request(channel: DeviceChannel, request: DeviceRequest, fds: number[]): void
  /** A malformed frame (text says which), or replies that are not taken; the connection is closed already. */
  malformed(channel: DeviceChannel, why: string): void
  /** The other end has closed (not called after malformed or close()). */
  disconnect(channel: DeviceChannel): void
}
/** The device socket. Accepting pauses, and goes on by itself, when descriptors are exhausted. */
export interface DeviceListener {
  close(): void
}

/**
 * The words of locks (native/abi/lock_words.h) as the daemon sees them: memory that processes share, and
 * scribble on. An owner is a process's number and a holder in it; as one number: 0 nobody.
 */
/**
 * The daemon's end of a line by which one of its processes has a mutex from, and gives it to, a process of another node
 * (native/abi/lock_line.h). Takes the line, when it throws nothing.
 */
export interface LockLine extends Closable {
  /** The page's, then the line's: to be passed to the process; they stay this object's. */
  readonly fds: readonly number[]
  /** The other end is there still, as far as is known here. */
  readonly up: boolean
  /** Its process passes the mutex on as that turn of the other node. */
  passes(turn: number): void
  /** That thread of its process waits for the turn. */
  awaits(turn: number, holder: number): void
}

export interface LockWords extends Closable {
  /** Of the memory. */
  readonly fd: number
  /** Makes the owner the holder of a lock whose word was shut and free. Throws ERR_GSHM_SYSTEM (no memory). */
  give(slot: number, generation: number, process: number, holder: number, shut: boolean): void
  /** Shuts the word; gives its owner. */
  shut(slot: number): number
  /** The owner now. */
  owner(slot: number): number
  /** The owner of a word that is shut; undefined: it is open. */
  look(slot: number): number | undefined
  /** Takes the lock from that owner: its word is free and shut then. False: it had it not. */
  take(slot: number, process: number, holder: number): boolean
  /** How often it has been acquired by its word alone, as its holders count. */
  acquired(slot: number): number
  /** How long it was held: counts in HOLD_BUCKETS buckets (native/abi/lock_words.h). */
  holds(slot: number): Uint32Array
  /** Another lock begins in the slot, whose word is shut and free: its counts are 0. */
  begin(slot: number): void
  /** Slots below `end` that were given back shut since they were last asked for. */
  rung(end: number): number[]
  /** Slots below `end` whose words are shut and free. */
  free(end: number): number[]
  /** Takes all locks of slots below `end` that the process owns; gives those slots. */
  held(process: number, end: number): number[]
  /** A thread of the process holds the lock, its word is shut, and it may pass it on by a line. False: it is not so. */
  letPass(slot: number, generation: number, process: number): boolean
  /** It may not any more, unless it has already. */
  letNotPass(slot: number): void
  /** It has been passed on by a line; told once. */
  passed(slot: number): boolean
  /** The word is shut and free: whoever is told of the turn by a line may take the lock. False: it is not so. */
  await(slot: number, generation: number, turn: number): boolean
  /** Not any more. False: it has been taken. */
  awaitNot(slot: number, generation: number, turn: number): boolean
  /** Opens the word of a lock that the owner holds. False: that does not hold it, or it is open. */
  openTo(slot: number, generation: number, process: number, holder: number): boolean
}

/** A one-shot timer of microsecond resolution (timerfd). */
export interface MicroTimer {
  /** Expires in `microseconds`; replaces an earlier deadline; 0 disarms. */
  arm(microseconds: number): void
  close(): void
}
export interface Closable {
  close(): void
}

/** A connected stream socket to another node (native/addon/peer_socket.h). */
export interface PeerSocket {
  /** Sends at once what the kernel takes, and keeps a copy of the rest; gives how many bytes wait. */
  write(bytes: Uint8Array): number
  queued(): number
  /** The peer is a member, and what it says may have reflexes. */
  heed(): void
  /** What waits is sent, then nothing more; what still comes is dropped. Closes when the peer has closed too. */
  end(): void
  close(): void
}

/** What is to be done at an event, and to which lock's word; native/addon/reflexes.h. */
export type Reflex = {
  readonly words: LockWords
  readonly slot: number
  readonly generation: number
  /** These bytes come from a node, and no others with them; undefined: the lock is given back, its word shut. */
  readonly frame?: Uint8Array
} & (
  | { readonly socket: PeerSocket; readonly bytes: Uint8Array }
  /** The owner gets the lock, and the request `lock` of that serial its answer. */
  | {
      readonly process: number
      readonly holder: number
      readonly shut: boolean
      readonly channel: DeviceChannel
      readonly serial: number
    }
)

/**
 * Reactions that the addon carries out by itself when the event comes for which they were prepared, just before
 * it tells that event. Whoever is told must then drop what has been done (`drop` gives true), before the
 * event's callback ends.
 */
export interface Reflexes {
  /** Gives its number, from 1 on; 0: there are too many. Throws ERR_GSHM_INVALID. */
  prepare(reflex: Reflex): number
  /** Forgets it. True: it has been carried out. Throws ERR_GSHM_INVALID: there is none of that number. */
  drop(id: number): boolean
  /** Numbers of those that have been carried out. */
  done(): number[]
  /** Whether any is carried out from now on. */
  allow(on: boolean): void
}

export interface Bell extends Closable {
  readonly fd: number
}

export interface ExitWatch extends Closable {
  /** The pidfd, open until close(). */
  readonly fd: number
  kill(): void
}

/**
 * The daemon's end of the keeper (native/keeper): every call is one message, sent at once; throws
 * ERR_GSHM_SYSTEM when the keeper is gone. The keeper needs no views: it wakes a whole userfaultfd,
 * and learns from each fault where it is.
 */
export interface KeeperLink {
  /** pidfd -1: not known yet. Adding an id again replaces it, so call it at once for a forked child. */
  addChannel(id: number, channel: FaultChannel, pidfd: number): void
  dropChannel(id: number): void
  addFrames(segment: number, frames: Frames): void
  dropFrames(segment: number): void
  /** The memory of lock words: of the segment's addresses, or of names and numbers (0). */
  addLocks(segment: number, fd: number): void
  dropLocks(segment: number): void
  close(): void
}

/** struct gshm_options; what is absent is the default. */
export interface CreateWith {
  readonly consistency?: string
  readonly manager?: string
  readonly unit?: number
  /** A node's number. */
  readonly home?: number
  readonly maxSize?: number
  readonly mode?: number
}

/** gshm_alloc_options; what is absent is the default. */
export interface AllocWith {
  readonly align?: number
  /** A node's number. */
  readonly home?: number
  readonly apart?: boolean
}

/** What is asked of a reader-writer lock, semaphore, condition, word or counter (ts/base/objects.ts). */
export interface ObjectAsk {
  /** From 1, in that file's order. */
  readonly kind: number
  readonly deed: number
  readonly key: NativeKey
  readonly value: bigint
  readonly initial: bigint
  /** A newHolder(). Default: this thread. */
  readonly holder?: number
}

/** By name, by number, or by a global address. */
export type NativeKey = string | bigint | { readonly at: bigint }

declare const cancels: unique symbol
/** Opaque. */
export interface NativeCancel {
  readonly [cancels]: true
}

/** The C client, for ts/client: the same code as libgshm. Every failure throws an Error with `code`. */
export interface NativeClient {
  attach(socket: string | null): void
  detach(): void
  node(): number
  nodes(): number
  /** Another one after every attach; 0n: not attached. */
  registration(): bigint
  create(name: string, size: number, flags: number, options: CreateWith): number
  open(name: string, flags: number): number
  closeSegment(segment: number): void
  stat(name: string): SegmentInfo
  unlink(name: string): void
  /** The size that it has now; the daemon is asked. */
  size(segment: number): number
  /** That it may have: what views show. */
  maxSize(segment: number): number
  resizeSync(segment: number, size: number): void
  resize(segment: number, size: number): Promise<void>
  /** Gives the view's address. address 0n: anywhere; length 0: to the end. */
  map(segment: number, address: bigint, offset: number, length: number): bigint
  /** Maps the whole segment in place of the memory of `bytes`, all of a shared WebAssembly.Memory's; its address. */
  share(segment: number, bytes: Uint8Array<SharedArrayBuffer>): bigint
  unmap(view: bigint): void
  pointer(address: bigint): bigint
  address(pointer: bigint): bigint
  /** An ArrayBuffer over [pointer, pointer + length), which must lie in one view; unmapping detaches it. */
  buffer(pointer: bigint, length: number): ArrayBuffer
  alloc(segment: number, size: number): bigint
  allocWith(segment: number, size: number, options: AllocWith): bigint
  realloc(segment: number, block: bigint, size: number): bigint
  free(segment: number, block: bigint): void
  /** length 0: to the end. */
  acquireSync(segment: number, offset: number, length: number): void
  releaseSync(segment: number, offset: number, length: number): void
  /** The blocking forms block the calling thread; timeoutNs undefined: for ever. */
  lockSync(key: NativeKey, timeoutNs?: number): void
  unlockSync(key: NativeKey): void
  barrierSync(key: NativeKey, count: number, flags: number, timeoutNs?: number): void
  /** A holder that is no thread, and that this process has not used before (for 2^29 calls). */
  newHolder(): number
  /** By the lock's word, at once; false: whoever wants it has to wait, or the daemon must be asked. */
  tryLock(key: NativeKey, holder: number): boolean
  /** The asynchronous forms wait in a thread of their own; holder is a newHolder(). */
  lock(key: NativeKey, holder: number, timeoutNs?: number, cancel?: NativeCancel): Promise<void>
  unlock(key: NativeKey, holder: number): void
  barrier(key: NativeKey, count: number, flags: number, timeoutNs?: number, cancel?: NativeCancel): Promise<void>
  /** Gives what was asked for. timeoutNs 0: BUSY rather than wait. */
  objectSync(ask: ObjectAsk, timeoutNs?: number): bigint
  object(ask: ObjectAsk, timeoutNs?: number, cancel?: NativeCancel): Promise<bigint>
  conditionWaitSync(condition: NativeKey, mutex: NativeKey, timeoutNs?: number): void
  conditionWait(
    condition: NativeKey,
    mutex: NativeKey,
    holder: number,
    timeoutNs?: number,
    cancel?: NativeCancel,
  ): Promise<void>
  /** address: a global one, which a view shows. 1: the word has another value; 0: it was notified. */
  wordWaitSync(address: bigint, expected: number, timeoutNs?: number): bigint
  wordWait(address: bigint, expected: number, timeoutNs?: number, cancel?: NativeCancel): Promise<bigint>
  /** What ends the waits that it is given to, now or later: they end with TIMEOUT, unless they were over. */
  newCancel(): NativeCancel
  cancel(cancel: NativeCancel): void
  acquire(segment: number, offset: number, length: number): Promise<void>
  release(segment: number, offset: number, length: number): Promise<void>
}

type Constant =
  | 'PAGE_SIZE'
  | `LOCK_${'SLOTS' | 'PROCESSES' | 'MEMORY' | 'BELL' | 'TRY' | 'DIED'}`
  | 'NO_SLOT'
  | 'OBJECT_TRY'
  | 'BARRIER_TRY'
  | 'BARRIER_DIRECT'
  | 'BARRIER_SHAPE_CENTRAL'
  | 'BARRIER_SHAPE_TREE'
  | 'WORD_GENERATIONS'
  | 'WORD_HOLDER_BITS'
  | 'WORD_ASYNC'
  | 'HOLD_BUCKETS'
  | 'OFFSET_BITS'
  | 'ADDRESS_END'
  | `HELLO_${'REGISTER' | 'CHANNEL' | 'FORKED' | 'VISITOR' | 'USERFAULTFD' | 'TRAPPED' | 'ESTATE'}`
  | `INSPECT_${'STATUS' | 'SEGMENTS' | 'PAGES' | 'PROCESSES' | 'LOCKS' | 'TRACE'}`
  | 'CREATE_OR_OPEN'
  | 'ALLOC_APART'
  | 'OPEN_OR_CREATE'
  | 'READ_ONLY'

export interface Native {
  readonly abiVersion: number
  /** sizeof of every struct of device.h and keeper.h by name, and offsets for tests. */
  readonly abiSizes: Readonly<Record<string, number>>
  /** Numbers of native/abi and gshm.h, by their names without GSHM_. */
  readonly constants: Readonly<Record<Constant, number>>
  /** The words of native/abi/device.h, for a test: those of ts/base/objects.ts. */
  readonly objects: { readonly kinds: readonly string[]; readonly deeds: readonly string[] }
  /** Change, FaultKind and RECORD_WIDTH as the addon has them, for a test. */
  readonly repeated: unknown
  /** native/abi/errors.h in order: errors[0] is {name: 'OK', ...}. */
  readonly errors: readonly { readonly name: string; readonly errno: number; readonly text: string }[]

  readonly FaultPoll: new (onBatch: FaultBatch) => FaultPoll
  /** Takes ownership of `fd`, does UFFDIO_API, checks features. Throws NOT_USERFAULTFD, KERNEL_FEATURES. */
  readonly FaultChannel: new (
    fd: number,
    mode: 'fresh' | 'forked' | 'trapped',
  ) => FaultChannel
  readonly Frames: new (name: string, pages: number) => Frames
  /** Sizes of blocks in spans, ascending, by class. */
  readonly spanBlockBytes: readonly number[]
  /** spanBytes: a power of two from 4096 to 65536. */
  readonly HeapPages: new (
    name: string,
    chunks: number,
    spanBytes: number,
  ) => HeapPages
  /**
   * Frames.patch for memory of this process: a twin, whose length is the unit. False: the diff is
   * malformed, nothing was stored. Throws ERR_GSHM_INVALID when there is no such unit or diff.
   */
  applyDiff(target: Uint8Array, diff: Uint8Array, at: number, length: number): boolean
  /** Binds `path` with mode 0660 (an old socket file that nobody listens on is replaced); its group is that of the
   * process, or the one of that number. Throws ACCESS when it cannot be given to that. */
  readonly DeviceListener: new (
    path: string,
    handlers: DeviceHandlers,
    group?: number,
  ) => DeviceListener
  /** The number of a group of this machine, by its name; undefined: there is none of that name. */
  groupId(name: string): number | undefined
  /** An eventfd; `rang` is called soon after somebody has written to it, and reflexes are carried out before. Throws
   * ERR_GSHM_SYSTEM. */
  readonly Bell: new (
    rang: () => void,
    reflexes?: Reflexes,
  ) => Bell
  /** `name` shows in /proc. Throws ERR_GSHM_SYSTEM. */
  readonly LockWords: new (
    name: string,
  ) => LockWords
  readonly LockLine: new (name: string, line: number) => LockLine
  readonly MicroTimer: new (expired: () => void) => MicroTimer
  readonly KeeperLink: new (fd: number) => KeeperLink
  /** An AF_UNIX SEQPACKET pair, both close-on-exec: a child gets its end through spawn's stdio. */
  socketPair(): [number, number]
  /**
   * Takes a duplicate of the descriptor. `read` is called when so many bytes are in the buffer, which is the callee's
   * until it returns; `closed` once, when the peer has closed (''), or with the name of an error; not after close() or end().
   */
  readonly PeerSocket: new (
    fd: number,
    buffer: Uint8Array,
    read: (bytes: number) => boolean,
    closed: (error: string) => void,
    reflexes?: Reflexes,
  ) => PeerSocket
  readonly Reflexes: new () => Reflexes
  closeFd(fd: number): void
  readonly DirectBarrier: new (name: string, lines: readonly number[], root: boolean) => DirectBarrier
  /** A duplicate of a connection's descriptor, for a process to use (DirectBarrier): it blocks, and delays nothing. */
  takeLine(fd: number): number
  /**
   * Calls `exited` once when the process `pid` has ended (pidfd). Throws ERR_GSHM_SYSTEM with errno
   * ESRCH when it is gone. kill() sends SIGKILL to that process and no other.
   */
  watchExit(pid: number, exited: () => void): ExitWatch
  /** A memfd that holds `text` as UTF-8, sealed, for passing; the caller closes it. */
  textFd(text: string): number
  /** Opens a userfaultfd as a registering process does and reports what it offers. Never throws. */
  probe(): { userfaultfd: boolean; features: string[]; missing: string[]; error: string }

  readonly NativeClient: new () => NativeClient
  /** Asks a daemon as a visitor (GSHM_HELLO_VISITOR): the JSON text of an inspection. */
  inspect(socket: string, what: number, name: string): string
  visitorUnlink(socket: string, name: string): void
}

/** Bytes that a diff of a unit of `unit` bytes takes at most (GSHM_DIFF_BYTES_MAX). */
export function diffRoom(unit: number): number {
  return 1 + unit / 8 + unit
}

function load(): Native {
  const path = join(buildDir(), 'gshm.node')
  if (!existsSync(path)) throw new Error(`${path} is missing: run npm install (or npm run build)`)
  return createRequire(import.meta.url)(path) as Native
}

export const native: Native = load()
