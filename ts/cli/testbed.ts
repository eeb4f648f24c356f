/** `gshm testbed`: the allocator testbed on a cluster of its own; ts/testbed does the work. */
import { GshmError } from '../base/errors.js'
import { command } from './command.js'
import { withModel, type ModelOptions } from './model.js'
import { bytes, whole } from './parse.js'
import { NODES, SECONDS, inject, seconds, seed, seedOf } from './run-options.js'
import { heapSize } from '../testbed/layout.js'
import { BLOCK_LEAST, BLOCK_MOST, INJECTIONS, type Injection } from '../testbed/options.js'

interface Options extends ModelOptions {
  nodes: number
  processes: number
  seconds: number
  seed?: number
  maxSize: number
  memory: number
  inject?: Injection
}

export const testbedCommand = () =>
  withModel(
    command<Options>(
      'testbed',
      'C and Node.js processes share memory on a cluster of its own, and check it',
      async (say, options) => {
        const heap = heapSize(options.maxSize)
        if (options.memory * options.nodes < heap) {
          const why = `all nodes' together are less than the testbed's segment, ${heap} bytes for this --max-size`
          throw new GshmError('INVALID', `--memory ${options.memory}: ${why}`)
        }
        const { runTestbed } = await import('../testbed/run.js')
        const drawn = seedOf(options.seed)
        const { report, result } = await runTestbed({ ...options, seed: drawn })
        say.print(report)
        return { ...result }
      },
    ),
    'of the shared segments',
    'who serialises their pages',
  )
    .option(...NODES)
    .option('--processes <count>', 'how many workers in all, C and Node.js in turn', whole('--processes', 2, 256), 6)
    .option(...seconds('how long'), SECONDS)
    .option(...seed('makes the blocks the same again (default: a new one)'))
    .option('--max-size <bytes>', 'the largest block', bytes('--max-size', BLOCK_LEAST, BLOCK_MOST), 65536)
    .option('--memory <bytes>', 'bound of the frames on each node', bytes('--memory'), 2 ** 30)
    .option(...inject(INJECTIONS))
