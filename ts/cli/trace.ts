/** `gshm trace`: what happens to locks, barriers and other objects, event by event, on the nodes of this machine. */
import { writeFileSync } from 'node:fs'
import { GshmError } from '../base/errors.js'
import { command } from './command.js'
import { CLUSTER_OPTION, localNodes, type ClusterOption } from './local-nodes.js'
import { counted, oneOf } from './parse.js'

const WORDS = ['on', 'off', 'dump'] as const

interface Options extends ClusterOption {
  sync?: (typeof WORDS)[number]
  output?: string
}

export const traceCommand = () =>
  command<Options>('trace', 'events of synchronisation, as JSON lines', async (say, options) => {
    const { sync } = options
    if (sync === undefined) throw new GshmError('INVALID', `--sync: one of ${WORDS.join(', ')} is wanted`)
    const { cluster, nodes } = await localNodes(options)
    const { switchTrace, syncTrace } = await import('../client/inspect.js')
    const told = nodes.map(({ status }) => status.node)
    if (sync !== 'dump') {
      for (const { socket } of nodes) switchTrace(socket, sync)
      say.print(`the trace of synchronisation is ${sync} on ${counted(nodes.length, 'node')}`)
      return { ok: true, cluster, sync, nodes: told }
    }
    const texts = nodes.map(({ socket }) => syncTrace(socket))
    const events = texts.reduce((sum, text) => sum + text.split('\n').length - 2, 0)
    if (options.output === undefined) say.print(texts.join('').trimEnd())
    else write(options.output, texts.join(''))
    return { ok: true, cluster, sync, nodes: told, events, ...(say.json && options.output === undefined && { texts }) }
  })
    .option(...CLUSTER_OPTION)
    .option('--sync <what>', `${WORDS.join(', ')}: begin anew, end, or print what was traced`, oneOf('--sync', WORDS))
    .option('-o, --output <file>', 'where dump writes to (default: standard output)')
    .addHelpText(
      'after',
      `
Each node keeps the last 65536 events. While the trace is on every lock and unlock goes by the daemon, so that
none is missed: locks are slower. docs/JSON.md lists the events.`,
    )

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new GshmError('INVALID', `--output: ${(error as Error).message}`)
  }
}
