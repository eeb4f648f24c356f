/** `gshm rm`: segments lose their names; their memory goes with the last view anywhere. */
import { asGshmError, command } from './command.js'
import { CLUSTER_OPTION, localNodes, type ClusterOption } from './local-nodes.js'

export const rmCommand = () =>
  command<ClusterOption>('rm <names...>', 'unlink segments', async (say, options, names) => {
    const { cluster, nodes } = await localNodes(options)
    const { unlink } = await import('../client/inspect.js')
    const removed: string[] = []
    const errors: { name: string; code: string; message: string }[] = []
    for (const name of names) {
      try {
        unlink(nodes[0]?.socket ?? '', name)
        removed.push(name)
      } catch (error) {
        const { code, message } = asGshmError(error)
        errors.push({ name, code, message })
        say.progress(`gshm: ${code}: ${message.includes(`'${name}'`) ? '' : `${name}: `}${message}`)
      }
    }
    return { ok: errors.length === 0, cluster, removed, errors }
  }).option(...CLUSTER_OPTION)
