/** `gshm flags`: what a C compiler needs to build a program with libgshm, or on another system's API, from any directory. */
import { join } from 'node:path'
import { built } from '../launch/paths.js'
import { buildDir, projectRoot } from '../project/index.js'
import { command } from './command.js'

/** By its build id ranks know that they are the same executable; native/compat/parmacs_heap.c says what is wrapped. */
const PARMACS_LIBS = ['-Wl,--build-id', '-Wl,--wrap=free', '-Wl,--wrap=realloc']

interface Options {
  readonly cflags?: boolean
  readonly libs?: boolean
  readonly dsm?: boolean
  readonly tmk?: boolean
  readonly parmacs?: boolean
  readonly m4?: boolean
}

export const flagsCommand = () =>
  command<Options>('flags', 'compiler flags: cc hello.c $(gshm flags)', async (say, options) => {
    const compat = options.dsm === true || options.tmk === true
    const parmacs = options.parmacs === true
    const native = join(projectRoot(), 'native')
    const folders = compat || parmacs ? ['client', 'compat'] : ['client']
    const libraries = [
      ...(parmacs ? ['gshm_parmacs'] : []),
      ...(compat ? ['gshm_compat'] : []),
      ...(parmacs ? [] : ['gshm']),
    ]
    for (const library of libraries) built(`lib${library}.so`)
    const cflags = folders.map((folder) => `-I${join(native, folder)}`)
    const libs = [`-L${buildDir()}`, ...libraries.map((name) => `-l${name}`), `-Wl,-rpath,${buildDir()}`]
    if (parmacs) libs.push(...PARMACS_LIBS)
    const m4 = join(native, 'compat', 'c.m4.gshm')
    const both = options.cflags === options.libs
    const flags = [...(both || options.cflags ? cflags : []), ...(both || options.libs ? libs : [])]
    say.print((options.m4 ? [m4] : flags).join(' '))
    return { ok: true, cflags, libs, m4 }
  })
    .option('--cflags', 'only those of compiling')
    .option('--libs', 'only those of linking')
    .option('--dsm', 'of a program that includes dsm.h (or libdsm.h)')
    .option('--tmk', 'of a program that includes Tmk.h')
    .option('--parmacs', 'of a program with the PARMACS macros, after m4')
    .option('--m4', 'only where those macros are: m4 $(gshm flags --m4) prog.C > prog.c')
