/** native/compat: no two files need each other, neither directly nor in a circle: the symbols of their objects say who needs whom. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { buildDir, projectRoot } from '../../ts/project/index.js'

const list = JSON.parse(readFileSync(join(projectRoot(), 'native/build.json'), 'utf8')) as Record<string, string[]>

/** Which symbols an object has, and which it needs. */
function symbols(object: string): { has: string[]; needs: string[] } {
  const lines = execFileSync('nm', ['--extern-only', object], { encoding: 'utf8' }).trimEnd().split('\n')
  const split = lines.map((line) => line.trim().split(/\s+/).slice(-2) as [string, string])
  return {
    has: split.filter(([kind]) => kind !== 'U').map(([, name]) => name),
    needs: split.filter(([kind]) => kind === 'U').map(([, name]) => name),
  }
}

/** For each file those that it needs. */
function needs(library: string): Map<string, Set<string>> {
  const files = list[library]!.map((source) => {
    const object = join(buildDir(), `obj.target/libgshm_${library}`, source.replace(/\.c$/, '.o'))
    return { name: basename(source), ...symbols(object) }
  })
  const owner = new Map(files.flatMap((file) => file.has.map((symbol) => [symbol, file.name] as const)))
  const known = (file: (typeof files)[number]) => file.needs.map((symbol) => owner.get(symbol))
  return new Map(files.map((file) => [file.name, new Set(known(file).filter((name) => name !== undefined))]))
}

/** What is left when files that need nothing any more have been taken away, again and again. */
function inCircles(graph: Map<string, Set<string>>): string[] {
  const left = new Map([...graph].map(([name, set]) => [name, new Set(set)]))
  for (;;) {
    const free = [...left].filter(([, set]) => set.size === 0).map(([name]) => name)
    if (free.length === 0) return [...left.keys()]
    for (const name of free) left.delete(name)
    for (const set of left.values()) for (const name of free) set.delete(name)
  }
}

for (const library of ['compat', 'parmacs']) {
  t.test(`native/compat: no file of lib${library} needs another that needs it`, async (t) => {
    if (!existsSync(join(buildDir(), 'obj.target'))) {
      t.pass('skipped', { skip: 'not built by node-gyp' })
      return
    }
    const graph = needs(library)
    t.ok([...graph.values()].filter((set) => set.size > 0).length > 2, 'files do need others')
    t.same(inCircles(graph), [])
  })
}
