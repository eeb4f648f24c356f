/**
 * The kernel's part of the scripts of ts/facts, as a model: a page-table entry for each process and
 * page, the frames, who sleeps and why, what is queued for reading. pretend-kernel.ts, in which the
 * protocols run, knows of all this only what a protocol can tell: the access of a view.
 * Random scripts hold it against the real kernel (test/sim/uffd-model.test.ts).
 */
import { PAGES, THREADS, VIEWS } from '../facts/script.js'

/** marker: protected, without a page. gone: nothing is mapped. */
type Entry = 'none' | 'writable' | 'protected' | 'marker' | 'poison' | 'gone'
type Deed = 'load' | 'store' | 'kernel-load' | 'kernel-store' | 'dontneed' | 'remove' | 'unmap' | 'fork'
type Errno = 'EAGAIN' | 'EBADF' | 'EEXIST' | 'EFAULT' | 'ENOENT' | 'ESRCH'

interface Sleeper {
  readonly deed: Deed
  readonly page: number
  readonly value: number
  /** Of the fault; undefined: it waits for its address event to be read. */
  readonly flags: string | undefined
  /** Faults on and on, since a signal came within a system call. */
  spins?: true
}
interface View {
  state: 'unborn' | 'alive' | 'dead'
  /** Its userfaultfd is open, and ours. */
  open: boolean
  entries: Entry[]
  sleepers: (Sleeper | undefined)[]
  /** Threads whose faults were not read, the oldest first. */
  faults: number[]
  /** The thread whose address event was not read. */
  changing: number | undefined
}

const CHANGE_OF: Readonly<Record<Errno | 'ok', string>> = {
  ok: 'ok',
  EEXIST: 'already',
  EAGAIN: 'again',
  ENOENT: 'gone',
  ESRCH: 'gone',
  EFAULT: 'hole',
  EBADF: 'EBADF',
}

export class UffdModel {
  #frames: (number | undefined)[] = []
  #views: View[] = []
  #ends: string[] = []

  constructor() {
    this.#reset()
  }

  /** Does one operation of ts/facts/script.ts. */
  ask(operation: string): string {
    this.#ends = []
    const [, what = '', view, of, rest = ''] = /^(\S+) ?(?:v(\d)|(\d\.\d))?\s*(.*)$/.exec(operation) ?? []
    const [page = 0, value = 0] = rest.split(' ').map(Number)
    const [who = 0, thread = 0] = (of ?? '').split('.').map(Number)
    let answer: string
    if (view !== undefined) answer = this.#change(what, this.#views[Number(view)]!, page)
    else if (of !== undefined) answer = this.#act(what, who, thread, page, value)
    else answer = this.#frame(what, page, value)
    return [answer, ...this.#ends.sort()].join(' ')
  }

  /** What thread `thread` is at; undefined: nothing. */
  deed(view: number, thread: number): { readonly deed: Deed; readonly page: number } | undefined {
    return this.#views[view]!.sleepers[thread]
  }
  state(view: number): View['state'] {
    const { state, open } = this.#views[view]!
    return state === 'alive' && !open ? 'unborn' : state
  }

  #reset(): void {
    this.#frames = Array.from({ length: PAGES }, () => undefined)
    this.#views = Array.from({ length: VIEWS }, (_, view) => ({
      state: view < VIEWS - 1 ? 'alive' : 'unborn',
      open: view < VIEWS - 1,
      entries: Array.from({ length: PAGES + 1 }, () => 'none'),
      sleepers: Array.from({ length: THREADS }, () => undefined),
      faults: [],
      changing: undefined,
    }))
  }

  #frame(what: string, page: number, value: number): string {
    if (what === 'reset') this.#reset()
    else if (what === 'fill') this.#frames[page] = value
    else if (what === 'punch') this.#punch(page)
    else if (what === 'present') return this.#frames[page] === undefined ? 'no' : 'yes'
    else if (what === 'pread') return String(this.#frames[page] ?? 0)
    else if (what === 'plain-load') return String((this.#frames[page] ??= 0))
    else if (what === 'race') return `lost ${this.#race(page)}`
    else return 'unknown'
    return 'ok'
  }

  #punch(page: number): void {
    this.#frames[page] = undefined
    for (const view of this.#views) zap(view, page)
  }

  /** Stores come wherever they can in the round. */
  #race(rounds: number): number {
    let stores = 0
    const store = () => {
      for (const { entries } of this.#views.slice(0, 2)) {
        if (entries[0] !== 'writable') continue
        this.#frames[0] = (this.#frames[0] ?? 0) + 1
        stores++
      }
    }
    const views = this.#views.slice(0, 2)
    this.#frames[0] = 0
    for (const view of views) this.#change('resume-write', view, 0)
    for (let round = 0; round < rounds; round++) {
      store()
      for (const view of views) this.#change('protect', view, 0)
      store()
      const copy: number | undefined = this.#frames[0]
      store()
      this.#punch(0)
      store()
      this.#frames[0] = copy
      for (const view of views) this.#change('resume-write', view, 0)
    }
    return stores - (this.#frames[0] ?? 0)
  }

  #change(what: string, view: View, page: number): string {
    if (what === 'drain') return this.#drain(view)
    if (what === 'kill') return this.#kill(view)
    if (what === 'close') return this.#close(view)
    if (what === 'WAKE') return this.#wake(view, page)
    if (what === 'resume-read') return this.#resume(view, page, 'CONTINUE|WP')
    if (what === 'resume-write') return this.#resume(view, page, 'CONTINUE')
    if (what === 'protect') return CHANGE_OF[this.#raw('WP', view, page)]
    if (what === 'unprotect') return CHANGE_OF[this.#raw('UNWP', view, page)]
    if (what === 'poison') return this.#poison(view, page)
    return this.#raw(what, view, page)
  }

  /** One ioctl. */
  #raw(what: string, view: View, page: number, wakes = true): Errno | 'ok' {
    if (!view.open) return 'EBADF'
    if (view.changing !== undefined) return 'EAGAIN'
    if (view.state === 'dead') return 'ESRCH'
    const entry = view.entries[page]!
    if (entry === 'gone') return 'ENOENT'
    const mapped = entry === 'writable' || entry === 'protected'
    if (what === 'WP') {
      if (entry === 'none') view.entries[page] = 'marker'
      if (mapped) view.entries[page] = 'protected'
      return 'ok'
    }
    if (what === 'UNWP') {
      if (entry === 'marker') view.entries[page] = 'none'
      if (mapped) view.entries[page] = 'writable'
    } else if (what === 'POISON') {
      if (entry !== 'none') return 'EEXIST'
      view.entries[page] = 'poison'
    } else {
      if (this.#frames[page] === undefined) return 'EFAULT'
      if (mapped) return 'EEXIST'
      view.entries[page] = what === 'CONTINUE|WP' ? 'protected' : 'writable'
    }
    if (wakes) this.#wake(view, page)
    return 'ok'
  }

  /** gshm_uffd_resume. */
  #resume(view: View, page: number, what: 'CONTINUE' | 'CONTINUE|WP'): string {
    const done = this.#raw(what, view, page)
    if (done !== 'EEXIST') return CHANGE_OF[done]
    if (what === 'CONTINUE') this.#raw('UNWP', view, page)
    else this.#wake(view, page)
    return 'already'
  }

  /** gshm_uffd_poison. */
  #poison(view: View, page: number): string {
    let done = this.#raw('POISON', view, page)
    if (done === 'EEXIST') {
      this.#raw('UNWP', view, page, false)
      done = this.#raw('POISON', view, page)
      if (done === 'EEXIST') this.#wake(view, page)
    }
    return CHANGE_OF[done]
  }

  #wake(view: View, page: number): 'ok' {
    view.sleepers.forEach((sleeper, thread) => {
      if (sleeper?.flags !== undefined && sleeper.page === page) this.#again(view, thread, sleeper)
    })
    return 'ok'
  }

  #again(view: View, thread: number, sleeper: Sleeper): void {
    view.faults = view.faults.filter((other) => other !== thread)
    const end = this.#access(view, thread, sleeper)
    if (end !== undefined && sleeper.spins === undefined) this.#end(view, thread, end)
  }

  #end(view: View, thread: number, end: string): void {
    view.sleepers[thread] = undefined
    this.#ends.push(`${this.#views.indexOf(view)}.${thread}=${end}`)
  }

  #drain(view: View): string {
    if (view.state === 'dead') return 'nothing'
    const said = view.faults.map((thread) => {
      const { flags, page } = view.sleepers[thread]!
      return `${this.#views.indexOf(view)}.${thread}:${flags}:${page}`
    })
    view.faults = []
    if (view.changing !== undefined) said.push(this.#readEvent(view, view.changing))
    return said.join(' ') || 'nothing'
  }

  /** Whoever made the event goes on once it is read, and what it asked for happens then. */
  #readEvent(view: View, thread: number): string {
    const { deed, page } = view.sleepers[thread]!
    view.changing = undefined
    if (deed === 'dontneed') {
      zap(view, page)
      if (view.entries[page] === 'poison') view.entries[page] = 'none'
    }
    if (deed === 'remove') this.#punch(page)
    if (deed === 'fork') this.#views.at(-1)!.open = true
    this.#end(view, thread, 'done')
    if (deed === 'fork') return 'FORK'
    return deed === 'unmap' ? `UNMAP:${page}` : `REMOVE:${page}`
  }

  /** Whoever waits for its MADV_REMOVE to be read goes on to do it, even then. */
  #kill(view: View): 'ok' {
    const changing = view.sleepers[view.changing ?? -1]
    view.state = 'dead'
    if (changing?.deed === 'remove') this.#punch(changing.page)
    view.sleepers.fill(undefined)
    view.faults = []
    view.changing = undefined
    return 'ok'
  }

  /** Without a userfaultfd a process faults its pages in by itself. */
  #close(view: View): 'ok' {
    view.open = false
    view.entries.forEach((entry, page) => {
      if (entry === 'protected') view.entries[page] = 'writable'
      if (entry === 'marker') view.entries[page] = 'none'
    })
    for (let page = 0; page <= PAGES; page++) this.#wake(view, page)
    return 'ok'
  }

  #act(what: string, who: number, thread: number, page: number, value: number): string {
    const view = this.#views[who]!
    const sleeper = view.sleepers[thread]
    if (what === 'signal') return this.#signal(view, thread)
    if (what === 'await') {
      delete sleeper!.spins
      this.#again(view, thread, sleeper!)
      return 'ok'
    }
    if (sleeper !== undefined) return 'busy'
    const deed = what as Deed
    if (deed === 'fork' || deed === 'dontneed' || deed === 'remove' || deed === 'unmap') {
      return this.#changeOwn(view, thread, deed, page)
    }
    return this.#access(view, thread, { deed, page, value, flags: '' }) ?? 'waits'
  }

  #signal(view: View, thread: number): string {
    const sleeper = view.sleepers[thread]
    if (sleeper?.flags === undefined) return 'ok' // one that waits for its event is not to be interrupted
    if (sleeper.deed.startsWith('kernel')) {
      sleeper.spins = true
      return 'spins'
    }
    this.#again(view, thread, sleeper)
    return 'ok'
  }

  #changeOwn(view: View, thread: number, deed: Deed, page: number): string {
    const gone = view.entries[page] === 'gone'
    if (gone && deed === 'unmap') return 'done'
    if (gone && deed !== 'fork') return 'ENOMEM'
    if (deed === 'unmap') view.entries[page] = 'gone'
    if (deed === 'fork') {
      const child = this.#views.at(-1)!
      child.state = 'alive'
      child.entries = view.entries.slice()
    }
    view.sleepers[thread] = { deed, page, value: 0, flags: undefined }
    view.changing = thread
    return 'waits'
  }

  /** What it comes to; undefined: the thread sleeps, and a fault is queued. */
  #access(view: View, thread: number, { spins, ...order }: Sleeper): string | undefined {
    const { deed, page, value } = order
    const stores = deed === 'store' || deed === 'kernel-store'
    const kernel = deed.startsWith('kernel')
    let entry = view.entries[page]!
    if (entry === 'gone') return kernel ? 'EFAULT' : 'SIGSEGV'
    if (entry === 'poison' || page >= PAGES) return kernel ? 'EFAULT' : 'SIGBUS'
    if (!view.open) {
      this.#frames[page] ??= 0
      view.entries[page] = entry = 'writable'
    }
    if (entry === 'writable' || (entry === 'protected' && !stores)) {
      if (stores) this.#frames[page] = value
      return stores ? 'done' : String(this.#frames[page])
    }
    const kind = entry === 'protected' ? 'WP' : this.#frames[page] === undefined ? 'MISSING' : 'MINOR'
    view.sleepers[thread] = { ...order, flags: stores ? `${kind}|WRITE` : kind, ...(spins && { spins }) }
    view.faults.push(thread)
    return undefined
  }
}

/** The page is taken; protection and poison stay. */
function zap({ entries }: View, page: number): void {
  if (entries[page] === 'writable') entries[page] = 'none'
  if (entries[page] === 'protected') entries[page] = 'marker'
}
