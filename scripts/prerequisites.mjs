// What the build needs of the machine. Says in one line what is missing and what to do about it.
import { accessSync, constants, existsSync } from 'node:fs'
import { release } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { root } from './build-list.mjs'

const KERNEL = [6, 6] // UFFDIO_POISON; write protection of shared memory came in 5.19

/** One line for everything that is missing, or undefined. */
export function missing(env = process.env, kernel = release()) {
  if (process.platform !== 'linux') return `Linux is needed (this is ${process.platform})`
  const found = kernel.split('.').map((part) => Number.parseInt(part, 10))
  if (found[0] < KERNEL[0] || (found[0] === KERNEL[0] && found[1] < KERNEL[1])) {
    return `Linux ${KERNEL.join('.')} or later is needed, for userfaultfd's features (this is ${kernel}): boot a newer kernel`
  }
  const tools = [env.CC ?? 'gcc', env.CXX ?? 'g++', 'make', 'python3', 'flock'].filter((tool) => !onPath(tool, env))
  if (tools.length > 0) {
    return `missing: ${tools.join(', ')}; install with: apt-get install ${tools.map(packageOf).join(' ')}`
  }
  if (!findNodedir(env)) {
    return (
      `missing: the headers of Node.js (include/node/node_api.h): install them beside node ` +
      `(package libnode-dev, or the Node.js archive has them), or set npm_config_nodedir to the folder that holds include/node`
    )
  }
  for (const name of ['node-gyp', 'typescript']) {
    if (!existsSync(join(root, 'node_modules', name))) {
      return `missing: the npm package ${name}, needed to build: run npm install --include=dev`
    }
  }
  return undefined
}

/** The folder above include/node, whose headers belong to the running Node.js. */
export function findNodedir(env = process.env) {
  const prefix = dirname(dirname(process.execPath))
  return [env.npm_config_nodedir, prefix, '/usr'].find((dir) => dir && existsSync(join(dir, 'include/node/node_api.h')))
}

function onPath(tool, env) {
  return (env.PATH ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, tool.split(' ')[0]), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function packageOf(tool) {
  return tool === 'flock' ? 'util-linux' : tool
}
