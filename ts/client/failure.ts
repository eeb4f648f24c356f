/** What the addon throws, as GshmError: programs compare `code`. */
import { ERROR_NAMES, GshmError } from '../base/errors.js'

export function asGshmError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof GshmError) return error
  const reason = ERROR_NAMES.find((name) => name !== 'OK' && error.code === `ERR_GSHM_${name}`)
  return reason === undefined || reason === 'OK' ? error : new GshmError(reason, error.message)
}

export function calling<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw asGshmError(error)
  }
}

export async function waiting<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw asGshmError(error)
  }
}
