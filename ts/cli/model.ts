/** The options that choose a segment's model, for every command that makes segments. */
import type { Command } from 'commander'
import { CONSISTENCIES, DEFAULT_MODEL, MANAGERS, UNIT_MAX, UNIT_MIN, fits } from '../base/consistency.js'
import type { Consistency, Manager } from '../base/consistency.js'
import { GshmError } from '../base/errors.js'
import { bytes, oneOf } from './parse.js'

export interface ModelOptions {
  readonly consistency: Consistency
  readonly manager: Manager
  readonly unit: number
}

/**
 * A model that no segment can have is refused before anything is started.
 * @param whose 'of the segment' @param who 'who serialises its pages' @param shown those that the command has a use for
 */
export function withModel(
  command: Command,
  whose: string,
  who: string,
  shown: readonly Consistency[] = CONSISTENCIES,
): Command {
  return command
    .hook('preAction', (_, asked) => refuse(asked.opts<ModelOptions>()))
    .option(
      '--consistency <model>',
      `${whose}: ${shown.join(', ')}`,
      oneOf('--consistency', CONSISTENCIES),
      DEFAULT_MODEL.consistency,
    )
    .option('--manager <kind>', `${who}: ${MANAGERS.join(', ')}`, oneOf('--manager', MANAGERS), DEFAULT_MODEL.manager)
    .option('--unit <bytes>', 'that the protocol keeps together: a power of two, 4K to 64K', unit, DEFAULT_MODEL.unit)
}

function refuse(model: ModelOptions): void {
  if (fits(model)) return
  const { consistency, manager } = model
  throw new GshmError(
    'INVALID',
    `--manager ${manager} with --consistency ${consistency}: only --consistency mrsw can have --manager dynamic`,
  )
}

function unit(text: string): number {
  const value = bytes('--unit', UNIT_MIN, UNIT_MAX)(text)
  if (Number.isInteger(Math.log2(value))) return value
  throw new GshmError('INVALID', `--unit '${text}': a power of two is wanted, such as 8192 or 64K`)
}
