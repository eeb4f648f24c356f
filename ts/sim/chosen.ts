/** Protocols, sizes and planted bugs by the names that people type; an unknown name is told with those that there are. */
import { GshmError } from '../base/errors.js'
import type { AnyProtocol } from '../coherence/protocol.js'
import { CHECKED } from './check.js'
import { MUTANTS } from './mutants.js'
import type { Mutant } from './plant.js'
import { EXPLORER_SIZES, type ExplorerSize } from './sizes.js'

/** @param protocol undefined: all of them */
export function protocolsNamed(protocol: string | undefined): AnyProtocol[] {
  return CHECKED.filter(({ name }) => protocol === undefined || name === protocol)
}

/** Those of that name; without one those of every day, or with `full` all. @throws GshmError INVALID */
export function sizesNamed(
  protocol: string | undefined,
  size: string | undefined,
  full: boolean,
): readonly ExplorerSize[] {
  const mine = EXPLORER_SIZES.filter((one) => protocol === undefined || one.protocol === protocol)
  if (size === undefined) return mine.filter(({ when }) => full || when !== 'full')
  const named = mine.filter(({ name }) => name === size)
  if (named.length > 0) return named
  const others = EXPLORER_SIZES.filter(({ name }) => name === size).map((one) => one.protocol)
  const why = others.length === 0 ? 'there is no such size' : `${protocol} has no such size, but ${others.join(', ')}`
  throw new GshmError('INVALID', `--size '${size}': ${why}; there are ${listOfSizes(mine)}`)
}

/** `mrsw: 2n1p, 2n2p; srsw: 2n1p` */
export function listOfSizes(sizes: readonly ExplorerSize[] = EXPLORER_SIZES): string {
  const protocols = [...new Set(sizes.map(({ protocol }) => protocol))]
  const namesOf = (of: string) => sizes.filter(({ protocol }) => protocol === of).map(({ name }) => name)
  return protocols.map((protocol) => `${protocol}: ${namesOf(protocol).join(', ')}`).join('; ')
}

export function mutantsOf(protocol: string | undefined): readonly Mutant[] {
  return MUTANTS.filter((mutant) => protocol === undefined || mutant.protocol.name === protocol)
}

/** As `NAME`, which several protocols may have, or as a list shows them: `PROTOCOL: NAME`. @throws GshmError INVALID */
export function mutantsNamed(protocol: string | undefined, text: string): readonly Mutant[] {
  const named = mutantsOf(protocol).filter((mutant) => [mutant.name, shown(mutant)].includes(text))
  if (named.length > 0) return named
  const others = MUTANTS.filter((mutant) => [mutant.name, shown(mutant)].includes(text))
  const of = others.map((mutant) => mutant.protocol.name).join(', ')
  const why = others.length === 0 ? 'there is no such planted bug' : `${protocol} has no such planted bug, but ${of}`
  throw new GshmError('INVALID', `--break '${text}': ${why}; --break list lists them`)
}

export function shown({ protocol, name }: Mutant): string {
  return `${protocol.name}: ${name}`
}
