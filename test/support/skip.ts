/**
 * Some tests need more of the machine than the README asks for. They skip, naming the package to
 * install; where GSHM_NO_SKIP=1 (as in .ci/run) a skip is a failure, so that none is lost unseen.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'

/** `if (skipUnless(t, hasCommand('cmake'), 'cmake')) return` as the first line of a test. */
export function skipUnless(t: Test, present: boolean, packageName: string): boolean {
  if (present) return false
  const message = `needs the package ${packageName}: apt-get install ${packageName}`
  if (process.env['GSHM_NO_SKIP'] === '1') t.fail(`${message} (GSHM_NO_SKIP=1 forbids to skip)`)
  else t.pass('skipped', { skip: message })
  return true
}

/** Whether a program of that name can be run; those of the administrator count too. */
export function hasCommand(name: string): boolean {
  const dirs = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return dirs.some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
