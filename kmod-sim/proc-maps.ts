/** What /proc/PID/maps says of a process's mappings of our memfds. */
import { readFileSync } from 'node:fs'

export interface Mapping {
  readonly start: number
  readonly end: number
  readonly offset: number
  /** Whether a thread may read there: only then is a fault there one of ours. */
  readonly readable: boolean
  /** The memfd's name, as given to memfd_create. */
  readonly name: string
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) ([r-])\S+ ([0-9a-f]+) \S+ \d+\s+\/memfd:(\S+)/

/** The memfd mappings in the text of a maps file. */
export function parseMaps(text: string): Mapping[] {
  const mappings: Mapping[] = []
  for (const line of text.split('\n')) {
    const match = LINE.exec(line)
    if (match === null) continue
    const [, start, end, readable, offset, name] = match
    mappings.push({
      start: parseInt(start!, 16),
      end: parseInt(end!, 16),
      offset: parseInt(offset!, 16),
      readable: readable === 'r',
      name: name!,
    })
  }
  return mappings
}

/** Whether process `pid` maps a memfd of that name; false also when it is gone. */
export function mapsMemory(pid: number, name: string): boolean {
  return mapsOf(pid).some((mapping) => mapping.name === name)
}

/** The mapping of process `pid` that holds `address`; undefined also when the process is gone. */
export function mappingAt(pid: number, address: number): Mapping | undefined {
  return mapsOf(pid).find((mapping) => mapping.start <= address && address < mapping.end)
}

function mapsOf(pid: number): Mapping[] {
  try {
    return parseMaps(readFileSync(`/proc/${pid}/maps`, 'utf8'))
  } catch {
    return []
  }
}

/** The process that thread `thread` belongs to, and its user; pid 0: there is none. */
export function processOfThread(thread: number): { readonly pid: number; readonly uid: number } {
  try {
    const status = readFileSync(`/proc/${thread}/status`, 'utf8')
    const of = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
    return { pid: of('Tgid'), uid: of('Uid') }
  } catch {
    return { pid: 0, uid: 0 }
  }
}
