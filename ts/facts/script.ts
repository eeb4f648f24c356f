/**
 * Scripts of operations on two processes that map the same four frames, each with a userfaultfd of its
 * own that a third process holds. One operation a line, `operation -> answer`:
 *
 *     fill P N, punch P, pread P, present P         frames, as a file; N: the first word of the page
 *     plain-load P                                  through a mapping without userfaultfd
 *     CONTINUE vV P, CONTINUE|WP, WP, UNWP, POISON, WAKE      one ioctl: `ok` or an errno
 *     resume-read vV P, resume-write, protect, unprotect, poison     native/core/uffd.h: a Change's name
 *     drain vV                                      all messages that are queued, or `nothing`
 *     load V.T P, store V.T P N                     of thread T of process V
 *     kernel-load V.T P, kernel-store V.T P N       the same by write(2) and read(2)
 *     dontneed V.T P, remove V.T P, unmap V.T P     madvise and munmap of that page
 *     fork V.T                                      the child is process 2, with one thread
 *     signal V.T                                    `spins` when it then neither sleeps nor ends
 *     await V.T                                     the end of what spins
 *     kill vV, close vV                             the process; the userfaultfd
 *     race N                                        `lost`: increments, in N rounds of taking a page away
 *
 * What a thread does answers what it has come to, or `waits`: it sleeps. After the answer comes who has
 * ended meanwhile: `ok 0.1=done`. A fault's message is `V.T:FLAGS:P`. Page 4 is mapped, beyond the end.
 */

export interface Step {
  readonly operation: string
  readonly answer: string
}
export interface Fact {
  readonly name: string
  readonly claim: string
  readonly steps: readonly Step[]
}

/** Whoever can be asked to do an operation and answers: a kernel, or a model of one. */
export type Ask = (operation: string) => string | Promise<string>

export const PAGES = 4
/** The child of a fork is the last. */
export const VIEWS = 3
export const THREADS = 3

export function fact(name: string, claim: string, script: string): Fact {
  const lines = script.split('\n').filter((line) => line.trim() !== '')
  const steps = lines.map((line) => {
    const [operation = '', answer, ...rest] = line.split('->').map((part) => part.trim())
    if (answer === undefined || rest.length > 0) throw new Error(`fact '${name}': no answer in '${line}'`)
    return { operation, answer }
  })
  return { name, claim, steps }
}

/** What was seen instead, at the first step that is answered otherwise; undefined: the fact holds. */
export async function contradiction(fact: Fact, ask: Ask): Promise<string | undefined> {
  await ask('reset')
  for (const { operation, answer } of fact.steps) {
    const seen = await ask(operation)
    if (seen !== answer) return `${operation}: ${seen}, not ${answer}`
  }
  return undefined
}
