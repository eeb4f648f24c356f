/** The folder of the project: tests name files from there. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '../..')
/** Where the tested build lies. */
export const buildDir = process.env['GSHM_BUILD_DIR'] ?? join(projectRoot, 'build/Release')
