/**
 * The shared secret and what is proved with it. Each side proves that it knows the secret by a MAC
 * over both Hellos of this very connection (names, numbers, cluster, both nonces) and its own role,
 * so that nothing can be replayed, reflected or lent to another cluster. It authenticates nodes; it
 * neither hides nor protects what they send afterwards. Without a secret the key is empty: the same
 * path, which then proves nothing.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { GshmError } from '../base/errors.js'
import { clusterCodec, type Hello } from './messages.js'

export const SECRET_BYTES_MIN = 16
const SECRET_BYTES_MAX = 64 * 1024

/** The file's bytes, all of them, a newline at the end included. @throws GshmError that names --secret-file */
export function readSecret(path: string): Uint8Array {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    throw new GshmError('INVALID', `--secret-file: ${(error as Error).message}`)
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new GshmError('INVALID', `--secret-file ${path} is no regular file`)
    if ((stat.mode & 0o177) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0')
      throw new GshmError('INVALID', `--secret-file ${path} has mode ${mode}: others may not read it, chmod 0600`)
    }
    if (stat.size < SECRET_BYTES_MIN || stat.size > SECRET_BYTES_MAX) {
      const range = `${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX}`
      throw new GshmError('INVALID', `--secret-file ${path} has ${stat.size} bytes: it must have ${range}`)
    }
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

function encoded(hello: Hello): Uint8Array {
  const bytes = new Uint8Array(clusterCodec.bound(hello))
  return bytes.subarray(0, clusterCodec.encode(hello, undefined, bytes, 0))
}

/** What the side with that role proves. A frame begins with its length, so the parts cannot shift. */
export function proof(
  secret: Uint8Array | undefined,
  role: 'dialer' | 'acceptor',
  dialer: Hello,
  acceptor: Hello,
): string {
  const mac = createHmac('sha256', secret ?? new Uint8Array())
  return mac.update(`globalshm ${role}\n`).update(encoded(dialer)).update(encoded(acceptor)).digest('hex')
}

export function sameProof(wanted: string, given: string): boolean {
  const a = Buffer.from(wanted)
  const b = Buffer.from(given)
  return a.length === b.length && timingSafeEqual(a, b)
}
