// Reads native/build.json, the one list of native sources, and finds files below a folder.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

export function readBuildList() {
  return JSON.parse(readFileSync(join(root, 'native/build.json'), 'utf8'))
}

/** Files under `folder` (relative to the project, and so are the results) whose names match. */
export function filesUnder(folder, pattern) {
  return readdirSync(join(root, folder), { recursive: true })
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
    .sort()
}
