// Compiles one program of native/build.json's "programs" against libgshm; binding.gyp runs it.
// Usage: program.mjs NAME FOLDER-OF-LIBGSHM-AND-PROGRAM
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { readBuildList } from './build-list.mjs'

const [name, folder] = process.argv.slice(2)
const { programs, include } = readBuildList()
const sources = programs[name]
if (!sources) throw new Error(`native/build.json: a program is named as its first source is; '${name}' is not`)
const cpp = sources.some((source) => /\.(cc|cpp)$/.test(source))
const compiler = cpp ? (process.env.CXX ?? 'g++') : (process.env.CC ?? 'gcc')
const flags = ['-O2', '-g', '-Wall', '-Wextra', '-Wno-unused-parameter', '-pthread']
flags.push(...(cpp ? ['-std=gnu++17'] : ['-std=gnu11', '-D_GNU_SOURCE=', '-Werror=implicit']))
flags.push(...include.map((dir) => `-I${dir}`))
// as-needed: a program that uses nothing of a library (the testbed's control process) does not load it.
const libraries = ['libgshm_compat.so', 'libgshm.so'].map((library) => join(folder, library))
const link = ['-Wl,--as-needed', ...libraries, '-Wl,-rpath,$ORIGIN', '-lm', '-o', join(folder, name)]
const { status } = spawnSync(compiler, [...flags, ...sources, ...link], { stdio: 'inherit' })
process.exit(status ?? 1)
