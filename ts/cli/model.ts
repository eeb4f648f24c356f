/** The options that choose a segment's model, for every command that makes segments. */
import type { Command } from 'commander'
import { CONSISTENCIES, DEFAULT_MODEL, MANAGERS, UNIT_MAX, UNIT_MIN } from '../base/consistency.js'
import type { Consistency, Manager } from '../base/consistency.js'
import { GshmError } from '../base/errors.js'
import { bytes, oneOf } from './parse.js'

export interface ModelOptions {
  readonly consistency: Consistency
  readonly manager: Manager
  readonly unit: number
}

/** @param whose 'of the segment' @param who 'who serialises its pages' */
export function withModel(command: Command, whose: string, who: string): Command {
  return command
    .option(
      '--consistency <model>',
      `${whose}: ${CONSISTENCIES.join(', ')}`,
      oneOf('--consistency', CONSISTENCIES),
      DEFAULT_MODEL.consistency,
    )
    .option('--manager <kind>', `${who}: ${MANAGERS.join(', ')}`, oneOf('--manager', MANAGERS), DEFAULT_MODEL.manager)
    .option('--unit <bytes>', 'that the protocol keeps together: a power of two, 4K to 64K', unit, DEFAULT_MODEL.unit)
}

function unit(text: string): number {
  const value = bytes('--unit', UNIT_MIN, UNIT_MAX)(text)
  if (Number.isInteger(Math.log2(value))) return value
  throw new GshmError('INVALID', `--unit '${text}': a power of two is wanted, such as 8192 or 64K`)
}
