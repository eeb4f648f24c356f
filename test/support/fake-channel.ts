/** A userfaultfd of no process: what is done to it is told, and it answers what it is told to. */
import { Change, type FaultChannel } from '../../ts/native/index.js'

export type Done = 'register' | 'resume' | 'protect' | 'poison' | 'wake'

/** @param does is told every call and gives the answer; a closed channel throws instead */
export function fakeChannel(does: (what: Done, address: number) => Change | void = () => {}): FaultChannel {
  let open = true
  const call = (what: Done) => (address: number) => {
    if (!open) throw new Error(`${what} on a closed channel`)
    return does(what, address) ?? Change.ok
  }
  return {
    fd: -1,
    trapped: false,
    memory: -1,
    register: call('register'),
    resume: call('resume'),
    protect: call('protect'),
    poison: call('poison'),
    wake: call('wake'),
    revoke: () => Change.ok,
    unregister: () => {},
    alive: () => open,
    duplicate: () => -1,
    close: () => (open = false),
  }
}
