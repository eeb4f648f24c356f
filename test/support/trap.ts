/**
 * Which trap the processes of a test have: GSHM_TRAP of the environment, as users set it. With mprotect some things are otherwise
 * (docs/TRAPS.md), and tests that are about those say so; test/client/trap-exceptions.test.ts holds the list against reality.
 */
export const TRAPPED = process.env['GSHM_TRAP'] === 'mprotect'

/** What does not work, or works otherwise, in a process that traps its own faults. As in docs/TRAPS.md. */
export const EXCEPTIONS = {
  syscalls: 'a system call into a page that is not here gives EFAULT',
  unmap: 'munmap, mremap and mappings over a view are not noticed: only gshm_unmap',
  protection: 'mprotect of a view by the program is not noticed, and undone by faults',
  clones: 'a child of a raw clone has no views',
  holes: 'a frame that the process frees itself (MADV_REMOVE, a hole punched) reads as zeros on this node',
  stopped: 'a process that is stopped is killed when another node needs its pages, after a second',
  descriptors: 'the descriptors of a userfaultfd are not there',
} as const
export type Exception = keyof typeof EXCEPTIONS

/** The options of a test that is about such a thing: skipped with its reason under GSHM_TRAP=mprotect. */
export function except(exception: Exception): { skip: string | false } {
  return { skip: TRAPPED && `GSHM_TRAP=mprotect: ${EXCEPTIONS[exception]}` }
}
