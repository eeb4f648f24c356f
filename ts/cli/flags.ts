/** `gshm flags`: what a C compiler needs to build a program with libgshm, from any directory. */
import { join } from 'node:path'
import { built } from '../launch/paths.js'
import { buildDir, projectRoot } from '../project/index.js'
import { command } from './command.js'

export const flagsCommand = () =>
  command<{ cflags?: boolean; libs?: boolean }>(
    'flags',
    'compiler flags: cc hello.c $(gshm flags)',
    async (say, options) => {
      built('libgshm.so')
      const cflags = [`-I${join(projectRoot(), 'native', 'client')}`]
      const libs = [`-L${buildDir()}`, '-lgshm', `-Wl,-rpath,${buildDir()}`]
      const both = options.cflags === options.libs
      say.print([...(both || options.cflags ? cflags : []), ...(both || options.libs ? libs : [])].join(' '))
      return { ok: true, cflags, libs }
    },
  )
    .option('--cflags', 'only those of compiling')
    .option('--libs', 'only those of linking')
