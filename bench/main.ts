/** `npm run bench -- NAME ... [--json]`: scripts that measure, never tests that fail on time. */
import { Command, Option } from 'commander'
import { CONSISTENCIES, MANAGERS, type Consistency, type Manager } from '../ts/base/consistency.js'
import { diffBenchmark } from './diff.js'
import { modelsAsked } from './fault-models.js'
import { faultBenchmark, TRAPS, type Trap } from './fault.js'
import { heapBenchmark } from './heap.js'
import { KERNELS } from './kernels-list.js'
import { kernelsBenchmark } from './kernels.js'
import { memoryBenchmark } from './memory.js'
import { NODE_KERNELS } from './node-kernels.js'
import { strassenBenchmark } from './strassen.js'
import { streamBenchmark } from './stream.js'
import { SYNC_KINDS, type SyncKind } from './sync-kinds.js'
import { syncBenchmark } from './sync.js'

interface FaultOptions {
  readonly pages: string
  readonly rounds: string
  readonly consistency?: Consistency
  readonly manager?: Manager
  readonly trap: Trap
  readonly json?: boolean
}

const program = new Command('bench')
  .description(
    'Measures globalshm against the floors of this machine. Several parts may be named, one after the other.',
  )
  .usage('PART... [options]')
/** Of both languages. */
const KERNEL_NAMES = [...KERNELS, ...NODE_KERNELS].map(({ name }) => name)
/** What each part that was named has found. */
const results: Record<string, { readonly ok: boolean }> = {}
let wantsJson = false

program
  .command('fault')
  .description(
    'page faults on the node, upgrades, pages fetched from other nodes, releases: each model against C floors',
  )
  .option('--pages <n>', 'pages a pass touches', '1000')
  .option('--rounds <n>', 'rounds; each figure is the median of its rounds', '5')
  .addOption(new Option('--consistency <model>', 'only this (default: all)').choices(CONSISTENCIES))
  .addOption(new Option('--manager <kind>', 'only this (default: all)').choices(MANAGERS))
  .addOption(new Option('--trap <kind>', 'how processes trap their faults').choices(TRAPS).default('userfaultfd'))
  .option('--json', 'the last line of standard output is one JSON object')
  .action(async ({ json, pages, rounds, consistency, manager, trap }: FaultOptions) => {
    const models = modelsAsked(consistency, manager)
    if (typeof models === 'string') return program.error(`bench: ${models}`)
    finish('fault', json, await faultBenchmark(count('--pages', pages), count('--rounds', rounds), models, trap))
  })
program
  .command('sync')
  .description('locks and barriers on a node and between nodes, from C and from Node.js, against C floors')
  .option('--count <n>', 'samples of a kind in a round', '1000')
  .option('--rounds <n>', 'rounds; each figure is the median of its rounds', '5')
  .addOption(new Option('--kind <kind...>', 'only these (default: all)').choices(SYNC_KINDS))
  .option('--json', 'the last line of standard output is one JSON object')
  .action(async (options: { count: string; rounds: string; kind?: SyncKind[]; json?: boolean }) => {
    const { kind = SYNC_KINDS, json } = options
    finish('sync', json, await syncBenchmark(count('--count', options.count), count('--rounds', options.rounds), kind))
  })
program
  .command('heap')
  .description(
    "alloc and free on a node, on two at once, small and large, from C and from Node.js, against glibc's malloc",
  )
  .option('--count <n>', 'samples of 100 operations of a kind in a round', '20')
  .option('--rounds <n>', 'rounds; each figure is the median of its rounds', '5')
  .option('--json', 'the last line of standard output is one JSON object')
  .action(async (options: { count: string; rounds: string; json?: boolean }) => {
    finish(
      'heap',
      options.json,
      await heapBenchmark(count('--count', options.count), count('--rounds', options.rounds)),
    )
  })
program
  .command('memory')
  .description('opening and mapping 4 GiB; what a touched page costs the daemon besides its frame')
  .option('--pages <n>', 'pages touched in a window', '100000')
  .option('--windows <n>', 'windows, after one that is not counted', '5')
  .option('--json', 'the last line of standard output is one JSON object')
  .action(async (options: { pages: string; windows: string; json?: boolean }) => {
    finish(
      'memory',
      options.json,
      await memoryBenchmark(count('--pages', options.pages), count('--windows', options.windows)),
    )
  })
program
  .command('stream')
  .description('reading what another node has written: page after page, in no order, with and without fetching ahead')
  .option('--mebibytes <n>', 'that are read, a power of two; what is slow reads a part of it', '256')
  .option('--rounds <n>', 'rounds; each figure is the median of its rounds', '3')
  .option('--json', 'the last line of standard output is one JSON object')
  .action(async (options: { mebibytes: string; rounds: string; json?: boolean }) => {
    const mebibytes = count('--mebibytes', options.mebibytes)
    if (mebibytes > 4096 || (mebibytes & (mebibytes - 1)) !== 0)
      return program.error(`bench: --mebibytes ${mebibytes}: a power of two up to 4096`)
    finish('stream', options.json, await streamBenchmark(mebibytes, count('--rounds', options.rounds)))
  })
program
  .command('diff')
  .description('twins of pages and diffs against them: making, checking, applying, in memory and in frames')
  .option('--rounds <n>', 'rounds of 100 calls; each figure is the median of its rounds', '300')
  .option('--json', 'the last line of standard output is one JSON object')
  .action(async (options: { rounds: string; json?: boolean }) => {
    finish('diff', options.json, await diffBenchmark(count('--rounds', options.rounds)))
  })
program
  .command('strassen')
  .description('a program on dsm.h: a matrix multiplication by one process on one node, and by one on each of two')
  .option('--size <n>', 'rows of the matrices, a power of two from 32 to 4096', '1024')
  .option('--rounds <n>', 'rounds that are counted, of one multiplication each', '10')
  .option('--json', 'the last line of standard output is one JSON object')
  .action(async (options: { size: string; rounds: string; json?: boolean }) => {
    const size = count('--size', options.size)
    if (size < 32 || size > 4096 || (size & (size - 1)) !== 0)
      return program.error(`bench: --size ${size}: a power of two from 32 to 4096`)
    finish('strassen', options.json, await strassenBenchmark(size, count('--rounds', options.rounds)))
  })
program
  .command('kernels')
  .description('application kernels: a plain program each, and 1, 2 and 4 processes on one to four nodes')
  .argument('[names...]', `only these (default: all): ${KERNEL_NAMES.join(', ')}`)
  .option('--rounds <n>', 'rounds; each figure is the median of its rounds (default: 3, with --quick 1)')
  .option('--quick', 'smaller sizes')
  .option('--json', 'the last line of standard output is one JSON object')
  .action(async (names: string[], options: { rounds?: string; quick?: boolean; json?: boolean }) => {
    const { quick = false } = options
    const unknown = names.find((name) => !KERNEL_NAMES.includes(name))
    if (unknown !== undefined) return program.error(`bench: kernels: there is no kernel '${unknown}'`)
    const isAsked = ({ name }: { name: string }) => names.length === 0 || names.includes(name)
    const kernels = KERNELS.filter(isAsked)
    const inNode = NODE_KERNELS.filter(isAsked)
    const rounds = count('--rounds', options.rounds ?? (quick ? '1' : '3'))
    finish('kernels', options.json, await kernelsBenchmark(kernels, inNode, rounds, quick))
  })

function finish(part: string, json: boolean | undefined, result: { readonly ok: boolean }): void {
  results[part] = result
  wantsJson ||= json === true
}

function count(option: string, value: string): number {
  const n = Number(value)
  if (Number.isInteger(n) && n > 0 && n <= 100_000) return n
  return program.error(`bench: ${option} ${value}: a whole number from 1 to 100000`)
}

/** Each part by itself, with what is named behind it that is no part, and the options that come last. */
const words = process.argv.slice(2)
const first = words.findIndex((word) => word.startsWith('-'))
const options = first < 0 ? [] : words.slice(first)
const parts: string[][] = []
for (const word of first < 0 ? words : words.slice(0, first)) {
  const last = parts.at(-1)
  const isKernel = last?.[0] === 'kernels' && KERNEL_NAMES.includes(word)
  const isPart = !isKernel && program.commands.some((command) => command.name() === word)
  if (last === undefined || isPart) parts.push([word])
  else last.push(word)
}
for (const part of parts.length > 0 ? parts : [[]]) await program.parseAsync([...part, ...options], { from: 'user' })
const found = Object.values(results)
const ok = found.every((result) => result.ok)
if (wantsJson) process.stdout.write(`${JSON.stringify(found.length === 1 ? found[0] : { ok, ...results })}\n`)
if (found.length > 0) process.exitCode = ok ? 0 : 1
