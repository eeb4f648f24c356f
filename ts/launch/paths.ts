/**
 * Where things lie: what has been built, and the directory in which a cluster on this machine keeps its
 * sockets, logs and state.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GshmError } from '../base/errors.js'
import { buildDir, projectRoot } from '../project/index.js'

/** The cluster that is meant when none is named: libgshm looks for its socket too (gshm.h). */
export const DEFAULT_CLUSTER = 'default'
export const DEFAULT_RUNTIME_DIR = '/run/gshm'
/** sun_path has 108 bytes, the terminating zero included. */
const SOCKET_PATH_MAX = 107

/** A built program or library. */
export function built(file: string): string {
  const path = join(buildDir(), file)
  if (!existsSync(path)) throw new GshmError('SYSTEM', `${path} is missing: run npm install (or npm run build)`)
  return path
}

/** A compiled JavaScript file, by its path below dist/. */
export function compiled(file: string): string {
  const path = join(projectRoot(), 'dist', file)
  if (!existsSync(path)) throw new GshmError('SYSTEM', `${path} is missing: run npm install (or npm run build)`)
  return path
}

/** A word that is a file name, a socket's name and part of a log line at once. */
export function checkName(what: string, name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/.test(name)) {
    throw new GshmError('NAME_INVALID', `${what} '${name}': use 1 to 63 letters, digits, '_', '.' or '-'`)
  }
  return name
}

export function runtimeDir(): string {
  return resolve(process.env['GSHM_RUNTIME_DIR'] || DEFAULT_RUNTIME_DIR)
}
export function clusterDir(cluster: string): string {
  return join(runtimeDir(), checkName('--cluster', cluster))
}
export function socketPath(dir: string, node: string): string {
  const path = join(dir, `${checkName('--name', node)}.sock`)
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX) {
    throw new GshmError(
      'NAME_TOO_LONG',
      `socket path ${path}: ${SOCKET_PATH_MAX} bytes at most; shorten GSHM_RUNTIME_DIR`,
    )
  }
  return path
}
