// Prints one list of native/build.json, for binding.gyp. Usage: sources.mjs KEY
//   include, addon, libgshm, compat, parmacs, parmacs_static, keeper, testbed: the list as it stands
//   programs: the first source of each program, which names it
//   program-inputs: whatever a program is rebuilt for: all programs' sources and all headers
import { filesUnder, readBuildList } from './build-list.mjs'

const key = process.argv[2] ?? ''
const list = readBuildList()
const programs = Object.values(list.programs)

if (key === 'programs') print(programs.map((sources) => sources[0]))
else if (key === 'program-inputs') print([...programs.flat(), ...headers('native'), ...headers('test/programs')])
else if (Array.isArray(list[key])) print(list[key])
else throw new Error(`native/build.json has no list '${key}'`)

function headers(folder) {
  return filesUnder(folder, /\.(h|hpp)$/)
}

function print(words) {
  console.log(words.join('\n'))
}
