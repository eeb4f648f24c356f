/** What a node needs of its machine, one function a check; `gshm doctor` prints them. */
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { release } from 'node:os'
import { dirname, join } from 'node:path'
import { runtimeDir } from '../launch/paths.js'
import { buildDir, hasCapability } from '../project/index.js'
import { hostNow, traps, unprivileged, type Trap } from './traps.js'

export interface Check {
  readonly name: string
  /** Without it a node cannot run; what is not needed is told, and does not fail. */
  readonly needed: boolean
  readonly ok: boolean
  readonly found: string
  /** What to do about it; empty when ok. */
  readonly change: string
}
type Probe = { userfaultfd: boolean; features: string[]; missing: string[]; error: string }

export function check(name: string, needed: boolean, ok: boolean, found: string, change: string): Check {
  return { name, needed, ok, found, change: ok ? '' : change }
}

/** Linux 6.6 is the first with UFFDIO_POISON; CONTINUE_MODE_WP came with 6.4. */
export function kernel(version = release()): Check {
  const [major = 0, minor = 0] = version.split('.').map((part) => parseInt(part, 10))
  const ok = major > 6 || (major === 6 && minor >= 6)
  return check(
    'Linux 6.6 or later',
    false,
    ok,
    version,
    `boot a newer kernel (Debian 12: linux-image-amd64 from bookworm-backports); ${OTHERWISE}`,
  )
}

export function architecture(arch: string = process.arch): Check {
  return check('64-bit processor', true, arch === 'x64' || arch === 'arm64', arch, 'use an x86-64 or arm64 machine')
}

export function nodeVersion(version = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const ok = major > 20 || (major === 20 && minor >= 19)
  return check('Node.js 20.19 or later', true, ok, version, 'install Node.js 20.19 or later')
}

/** Needed to build only; what is built already runs without. The places are scripts/prerequisites.mjs's. */
export function headers(
  prefixes = [process.env['npm_config_nodedir'], dirname(dirname(process.execPath)), '/usr'],
): Check {
  const paths = prefixes.filter((prefix) => prefix).map((prefix) => join(prefix ?? '', 'include/node/node_api.h'))
  const found = paths.find((path) => existsSync(path))
  const change = `install the headers of this Node.js (Debian: libnode-dev), or set npm_config_nodedir; looked for ${paths.join(', ')}`
  return check('Node.js headers', false, found !== undefined, found ?? 'none', change)
}

export function built(): Check {
  const files = ['gshm.node', 'libgshm.so', 'gshm-keeper']
  const missing = files.filter((file) => !existsSync(join(buildDir(), file)))
  return check(
    'native parts',
    true,
    missing.length === 0,
    missing.length === 0 ? buildDir() : `without ${missing.join(', ')}`,
    'npm install (or npm run build)',
  )
}

const OTHERWISE = 'until then processes trap their faults with mprotect (docs/TRAPS.md)'

/** The daemon gets other processes' fork events; the kernel wants a capability for that. */
export function privilege(
  uid = process.geteuid?.() ?? -1,
  sysctl = unprivileged(),
  capable = hasCapability('CAP_SYS_PTRACE'),
): Check {
  const user = uid === 0 ? 'root' : `user ${uid}, vm.unprivileged_userfaultfd=${sysctl || 'absent'}`
  return check(
    'privilege',
    false,
    capable,
    `${user}${capable ? '' : ', without CAP_SYS_PTRACE'}`,
    `run the daemons as root (sudo), or with CAP_SYS_PTRACE (packaging/gshmd.service); ${OTHERWISE}`,
  )
}

export function userfaultfd(probe: Probe): Check[] {
  const opens = check(
    'userfaultfd',
    false,
    probe.userfaultfd && probe.error === '',
    probe.error || 'opens',
    `run as root; in a container: --cap-add SYS_PTRACE --device /dev/userfaultfd (docs/CONTAINERS.md); ${OTHERWISE}`,
  )
  const complete = probe.userfaultfd && probe.missing.length === 0
  const found = complete
    ? `${probe.features.length} of ${probe.features.length}`
    : `without ${probe.missing.join(', ') || 'all'}`
  return [
    opens,
    check(
      'userfaultfd features',
      false,
      complete,
      found,
      `boot Linux 6.6 or later with CONFIG_USERFAULTFD=y; ${OTHERWISE}`,
    ),
  ]
}

/** Every registered process costs the daemon three descriptors, every segment one. */
export function descriptors(limits = readFileSync('/proc/self/limits', 'utf8')): Check {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? '0'
  const count = soft === 'unlimited' ? Infinity : Number(soft)
  return check(
    'open files',
    false,
    count >= 4096,
    soft,
    'ulimit -n 65536 (or LimitNOFILE= of the service): 1024 do for some 300 processes',
  )
}

/** Tried in the nearest directory that exists: to ask is not enough, root may write where nothing can be made. */
export function runtimeDirectory(dir = runtimeDir()): Check {
  let above = dir
  while (!existsSync(above) && dirname(above) !== above) above = dirname(above)
  let ok = true
  try {
    rmdirSync(mkdtempSync(join(above, '.gshm-doctor-')))
  } catch {
    ok = false
  }
  return check('runtime directory', true, ok, dir, `${above} cannot be written: run as root, or set GSHM_RUNTIME_DIR`)
}

/** A huge page in a memfd would make one fault out of 512 pages. */
export function hugePages(path = '/sys/kernel/mm/transparent_hugepage/shmem_enabled'): Check {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const found = /\[(\w+)\]/.exec(text)?.[1] ?? 'absent'
  return check('no huge pages in memfds', true, found !== 'always' && found !== 'force', found, `echo advise > ${path}`)
}

/** Needed to build only, and by whoever writes C. */
export function compilers(path = process.env['PATH'] ?? ''): Check {
  const missing = ['gcc', 'g++', 'make', 'python3'].filter(
    (tool) => !path.split(':').some((dir) => existsSync(join(dir, tool))),
  )
  const ok = missing.length === 0
  return check(
    'compilers',
    false,
    ok,
    ok ? 'gcc, g++, make, python3' : `without ${missing.join(', ')}`,
    `apt-get install ${missing.join(' ')}`,
  )
}

export async function allChecks(): Promise<{ checks: Check[]; traps: Trap[] }> {
  const native = built()
  const checks = [
    kernel(),
    architecture(),
    nodeVersion(),
    headers(),
    compilers(),
    native,
    privilege(),
    descriptors(),
    runtimeDirectory(),
    hugePages(),
  ]
  if (!native.ok) return { checks, traps: [] }
  const { probe } = await import('../client/inspect.js')
  const found = probe()
  return { checks: [...checks, ...userfaultfd(found)], traps: traps(hostNow(found.error)) }
}
