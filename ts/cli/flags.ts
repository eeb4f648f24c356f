/** `gshm flags`: what a C compiler needs to build a program with libgshm, or on another system's API, from any directory. */
import { join } from 'node:path'
import { built } from '../launch/paths.js'
import { buildDir, projectRoot } from '../project/index.js'
import { command } from './command.js'

interface Options {
  readonly cflags?: boolean
  readonly libs?: boolean
  readonly dsm?: boolean
  readonly tmk?: boolean
}

export const flagsCommand = () =>
  command<Options>('flags', 'compiler flags: cc hello.c $(gshm flags)', async (say, options) => {
    const compat = options.dsm === true || options.tmk === true
    const folders = compat ? ['client', 'compat'] : ['client']
    const libraries = compat ? ['gshm_compat', 'gshm'] : ['gshm']
    for (const library of libraries) built(`lib${library}.so`)
    const cflags = folders.map((folder) => `-I${join(projectRoot(), 'native', folder)}`)
    const libs = [`-L${buildDir()}`, ...libraries.map((name) => `-l${name}`), `-Wl,-rpath,${buildDir()}`]
    const both = options.cflags === options.libs
    say.print([...(both || options.cflags ? cflags : []), ...(both || options.libs ? libs : [])].join(' '))
    return { ok: true, cflags, libs }
  })
    .option('--cflags', 'only those of compiling')
    .option('--libs', 'only those of linking')
    .option('--dsm', 'of a program that includes dsm.h (or libdsm.h)')
    .option('--tmk', 'of a program that includes Tmk.h')
