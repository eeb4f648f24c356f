/** Where the project's own files lie, and what its process may do. Nothing here loads the addon, so what does not need it works before it is built. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GshmError } from '../base/errors.js'

export { hasCapability, type Capability } from './capabilities.js'

/** The folder that holds package.json, from ts/ and from dist/ts/ alike. Errors: SYSTEM. */
export function projectRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'package.json'))) {
    const up = dirname(dir)
    if (up === dir) throw new GshmError('SYSTEM', 'package.json not found above the module: reinstall globalshm')
    dir = up
  }
  return dir
}

/** The folder of the built programs and libraries: build/Release, unless GSHM_BUILD_DIR names another. */
export function buildDir(): string {
  return process.env['GSHM_BUILD_DIR'] ?? join(projectRoot(), 'build', 'Release')
}
