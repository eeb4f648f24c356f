/** The tests of a run: found, read and parsed; what cannot be run is told with its reason. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { GshmError } from '../../base/errors.js'
import { parseLitmus, type Litmus } from '../../litmus/index.js'
import { whyNot } from './job.js'

export interface Found {
  readonly tests: { readonly file: string; readonly test: Litmus }[]
  /** `FILE:LINE: why`, or `FILE: why` */
  readonly skipped: string[]
}

export function findTests(paths: readonly string[]): Found {
  const found: Found = { tests: [], skipped: [] }
  for (const file of paths.flatMap(filesOf)) {
    try {
      const test = parseLitmus(readFileSync(file, 'utf8'), file)
      const reason = whyNot(test)
      if (reason === undefined) found.tests.push({ file, test })
      else found.skipped.push(`${file}: ${reason}`)
    } catch (error) {
      if (!(error instanceof GshmError)) throw error
      found.skipped.push(error.message)
    }
  }
  return found
}

function filesOf(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) throw new GshmError('NOT_FOUND', `${path}: no such file or folder`)
  if (!stat.isDirectory()) return [path]
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.litmus'))
  if (files.length === 0) throw new GshmError('NOT_FOUND', `${path}: no file below it ends in .litmus`)
  return files.sort().map((file) => join(path, file))
}
