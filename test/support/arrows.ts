/** Which room may import which (docs/ARCHITECTURE.md): the table, and the check against it. */
import { dirname, join } from 'node:path/posix'
import ts from 'typescript'

export interface SourceFile {
  /** Relative to the project: 'ts/node/step.ts'. */
  path: string
  text: string
}

const ENGINE = ['base', 'coherence', 'sync', 'heap', 'names'] as const

/** room -> the rooms it may import. A room that is missing here may not exist. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  coherence: ['base'],
  sync: ['base', 'coherence'],
  heap: ['base'],
  names: ['base'],
  litmus: ['base'],
  history: ['base'],
  facts: [],
  node: ENGINE,
  wire: [...ENGINE, 'node'],
  trace: [...ENGINE, 'node'],
  sim: [...ENGINE, 'node', 'trace', 'litmus', 'facts'],
  cluster: [...ENGINE, 'node', 'wire', 'trace'],
  project: ['base'],
  native: ['project'],
  client: ['base', 'native'],
  index: ['client'],
  launch: ['base', 'project'],
  testbed: ['base', 'history', 'litmus', 'facts', 'client', 'launch'],
  cli: ['base', 'history', 'project', 'client', 'launch', 'testbed'],
  'kmod-sim': [...ENGINE, 'node', 'wire', 'trace', 'cluster', 'project', 'native'],
}

/** Rooms without I/O: they import neither Node.js nor packages. */
export const PURE: readonly string[] = [...ENGINE, 'node', 'wire', 'litmus', 'history', 'facts']

/** One line per import that breaks an arrow. */
export function violations(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const room = roomOf(path)
    const allowed = ARROWS[room]
    if (!allowed) return [`${path}: the room '${room}' is not in the table of arrows`]
    return importsOf(text)
      .filter((specifier) => !isAllowed(specifier, path, room, allowed))
      .map((specifier) => `${path}: ${room} may not import '${specifier}'`)
  })
}

function isAllowed(specifier: string, path: string, room: string, allowed: readonly string[]): boolean {
  if (!specifier.startsWith('.')) return !PURE.includes(room)
  const target = roomOf(join(dirname(path), specifier))
  return target === room || allowed.includes(target)
}

/** Imports of every kind: static, type-only, re-exports, import() and require(). */
function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName)
}

function roomOf(path: string): string {
  const [top = '', room = '', ...rest] = path.split('/')
  if (top !== 'ts') return top
  return rest.length === 0 ? room.replace(/\.[jt]s$/, '') : room
}
