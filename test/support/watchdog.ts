/**
 * Ends the daemons of a test whose process is gone before it could: tap kills a file that takes too long, and
 * daemons do not end with who started them. A shell waits for the end of its standard input, which the kernel
 * brings about. It knows a daemon by its number and, since that may be another's by then, by the directory in
 * its command line.
 */
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

const SCRIPT = `
read -r dir
while read -r pid; do pids="$pids $pid"; done
for pid in $pids; do grep -qsF "$dir/" "/proc/$pid/cmdline" && kill -9 "$pid"; done
rm -rf "$dir"
`

export class Watchdog {
  readonly #child = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })

  /** @param dir of the daemons' sockets; it goes with them */
  constructor(dir: string) {
    this.#child.unref()
    const input = this.#child.stdin as Socket
    input.unref()
    input.write(`${dir}\n`)
  }

  add(pid: number): void {
    this.#child.stdin.write(`${pid}\n`)
  }

  /** Nothing is left to watch. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.ref()
    this.#child.kill('SIGKILL')
    await ended
  }
}
