// Builds everything into build/Release (native) and dist (TypeScript): `npm install` runs it, and
// `npm run build` and `npm test` again, which costs little when nothing has changed.
// Usage: build.mjs [--clean]
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { root } from './build-list.mjs'
import { findNodedir, missing } from './prerequisites.mjs'

process.chdir(root)
const nodeGyp = 'node_modules/node-gyp/bin/node-gyp.js'
const tsc = 'node_modules/typescript/bin/tsc'
const stampFile = 'build/configured'

const lacking = missing()
if (lacking) fail(lacking)

// Two builds at once in one folder would spoil each other: the second waits for the first.
if (!process.env.GSHM_BUILD_LOCKED) {
  const command = ['--close', 'package.json', process.execPath, ...process.argv.slice(1)]
  const again = spawnSync('flock', command, { stdio: 'inherit', env: { ...process.env, GSHM_BUILD_LOCKED: '1' } })
  process.exit(again.status ?? 1)
}

if (process.argv.includes('--clean')) for (const dir of ['build', 'dist']) rmSync(dir, { recursive: true, force: true })
const results = await Promise.all([buildNative(), run('tsc', [tsc])])
if (!results.every(Boolean)) process.exit(1)
// npm makes it executable when it links it for the first time, never again: not after --clean, or another clone in its place.
for (const program of Object.values(JSON.parse(readFileSync('package.json', 'utf8')).bin)) chmodSync(program, 0o755)

/** Configures only when a list or a tool has changed: make alone does not see those. */
async function buildNative() {
  const nodedir = `--nodedir=${findNodedir()}`
  const stamp = configurationStamp()
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
    if (!(await run('node-gyp', [nodeGyp, 'configure', '--release', nodedir]))) return false
    mkdirSync('build', { recursive: true })
    writeFileSync(stampFile, stamp)
  }
  return run('node-gyp', [nodeGyp, 'build', '--release', nodedir, `--jobs=${availableParallelism()}`])
}

function configurationStamp() {
  const hash = createHash('sha256').update(process.version).update(process.execPath)
  for (const file of ['binding.gyp', 'native/build.json', 'package-lock.json']) hash.update(readFileSync(file))
  return hash.digest('hex')
}

/** Runs a Node.js program; prints what it said only when it failed or warned. */
function run(name, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('close', (code) => {
      const ok = code === 0
      if (!ok || /warning:/.test(output)) process.stderr.write(output)
      if (!ok) console.error(`globalshm: ${name} failed`)
      resolve(ok)
    })
  })
}

function fail(line) {
  console.error(`globalshm: ${line}`)
  process.exit(1)
}
