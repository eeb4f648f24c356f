/**
 * Log lines that a process can cause as often as it likes (refused faults, broken frames): so many of
 * each process in a period are written, and then how many more there were.
 */
const LINES_MAX = 20
const PERIOD_MS = 10_000

export class QuietLog {
  /** What ends the period of each process that has one, and how many lines it has caused. */
  readonly #periods = new Map<string, { lines: number; end: () => void }>()

  constructor(
    private readonly write: (text: string) => void,
    private readonly later: (then: () => void) => void = (then) => setTimeout(then, PERIOD_MS).unref(),
  ) {}

  /** @param who 'process 123': whose lines are counted together */
  about(who: string, text: string): void {
    let period = this.#periods.get(who)
    if (period === undefined) {
      const end = (): void => {
        this.#periods.delete(who)
        const more = period!.lines - LINES_MAX
        if (more > 0) this.write(`${who}: ${more} more such lines within ${PERIOD_MS / 1000} s are left out`)
      }
      period = { lines: 0, end }
      this.#periods.set(who, period)
      this.later(end)
    }
    if (++period.lines <= LINES_MAX) this.write(text)
  }

  /** Writes what has been left out until now. */
  close(): void {
    for (const { end } of [...this.#periods.values()]) end()
  }
}
