/**
 * The synchronisation objects besides locks and barriers, and what may be asked of each. Their names
 * are words of the wire; native/abi/device.h numbers them in this order, from 1.
 *
 * watch, sleep and unwatch are the three steps of a wait that nothing can slip past: be known as one who waits,
 * look whether there is still something to wait for, and wait or let it be. The wait of a condition gives its
 * mutex back in the second.
 */
export const OBJECT_KINDS = ['rwlock', 'semaphore', 'condition', 'word', 'counter', 'barrier'] as const
export type ObjectKind = (typeof OBJECT_KINDS)[number]

export const OBJECT_DEEDS = [
  'read', // rwlock; answer: locked
  'write', // rwlock; locked
  'unlock', // rwlock; done
  'take', // semaphore: one unit; done
  'post', // semaphore: so many units; done
  'value', // semaphore; value
  'watch', // condition, word; value: the number by which sleep and unwatch name it
  'sleep', // until the watch is notified; done
  'unwatch', // done
  'notify', // condition, word: so many of those who watch, the longest first; value: how many there were
  'add', // counter, 64 bits that wrap; value: before
  'destroy', // done
] as const
export type ObjectDeed = (typeof OBJECT_DEEDS)[number]

const DEEDS: Readonly<Record<ObjectKind, readonly ObjectDeed[]>> = {
  rwlock: ['read', 'write', 'unlock', 'destroy'],
  semaphore: ['take', 'post', 'value', 'destroy'],
  condition: ['watch', 'sleep', 'unwatch', 'notify', 'destroy'],
  word: ['watch', 'sleep', 'unwatch', 'notify', 'destroy'],
  counter: ['add', 'destroy'],
  barrier: ['destroy'], // to wait there is a request of its own
}

/** May that be asked of an object of the kind? */
export function canDo(kind: ObjectKind, deed: ObjectDeed): boolean {
  return DEEDS[kind].includes(deed)
}
