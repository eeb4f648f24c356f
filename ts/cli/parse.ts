/** Values of options: each refuses what it does not understand, naming the option. */
import { GshmError } from '../base/errors.js'

const UNITS: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** 4096, 64K, 512M, 2G, 1T; also 64KiB and 64kb, which mean the same. */
export function bytes(option: string, least = 1, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const found = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text)
    const value = Number(found?.[1]) * (UNITS[(found?.[2] ?? '').toUpperCase()] ?? NaN)
    if (!Number.isSafeInteger(value) || value <= 0) {
      throw new GshmError('INVALID', `${option} '${text}': a number of bytes is wanted, such as 4096, 64M or 2G`)
    }
    if (value < least || value > most) {
      throw new GshmError('INVALID', `${option} '${text}': from ${least} to ${most} bytes are wanted`)
    }
    return value
  }
}

export function whole(option: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new GshmError('INVALID', `${option} '${text}': a whole number from ${least} to ${most} is wanted`)
    }
    return value
  }
}

export function oneOf<T extends string>(option: string, words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((w) => w === text)
    if (word !== undefined) return word
    const wanted = words.length === 1 ? `'${words[0]}'` : `one of ${words.join(', ')}`
    throw new GshmError('INVALID', `${option} '${text}': ${wanted} is wanted`)
  }
}

/** 4096 -> 4.0 KiB: for people only. */
export function human(count: number): string {
  for (const [unit, size] of [
    ['TiB', 2 ** 40],
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (count >= size) return `${(count / size).toFixed(1)} ${unit}`
  }
  return `${count} B`
}

/** [0, 1, 2, 5] -> 0-2, 5: for people only. @param numbers in ascending order */
export function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = []
  for (const number of numbers) {
    const last = runs.at(-1)
    if (last !== undefined && number === last[1] + 1) last[1] = number
    else runs.push([number, number])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}

/** 1 node, 2 nodes. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}
