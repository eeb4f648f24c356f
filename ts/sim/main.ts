#!/usr/bin/env node
/** `npm run sim`, `npm run explore`, `npm run mutants`: checks of the protocols. The last line is one JSON object with --json. */
import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { AnyProtocol } from '../coherence/protocol.js'
import { CHECKED } from './check.js'
import { listOfSizes, mutantsNamed, mutantsOf, protocolsNamed, shown, sizesNamed } from './chosen.js'
import { exploreSizes } from './explore-jobs.js'
import { sizesTable } from './explore-size.js'
import { fail } from './failing.js'
import { litmus, SEQUENTIAL } from './litmus-files.js'
import { replaceTable, table, VERIFICATION } from './markdown.js'
import { MUTANTS } from './mutants.js'
import { caught, type Mutant } from './plant.js'
import { counterexample } from './planted.js'
import { rounded } from './rounded.js'
import { run } from './run.js'

const program = new Command('sim')
  .description('checks the coherence protocols: the production step in a pretend cluster')
  .exitOverride()
  .configureOutput({ outputError: () => {} }) // fail() says it

program
  .command('run', { isDefault: true })
  .description('random runs of every protocol, one for each seed')
  .addOption(protocolOption())
  .option('--seeds <count>', 'how many seeds', count(1), 1000)
  .option('--seed <number>', 'only this seed, printed event by event', count(0))
  .option('--first <number>', 'the first seed', count(0), 1)
  .option('--nodes <count>', 'nodes (drawn from the seed unless given)', count(1, 64))
  .option('--losses <count>', 'nodes that may be lost (drawn from the seed unless given)', count(0, 63))
  .option('--json', 'end with one JSON object')
  .action((options: RunFlags) => {
    const protocols = protocolsNamed(options.protocol).map((protocol) => runOne(protocol, options))
    finish(options.json, { ok: protocols.every(({ ok }) => ok), protocols })
  })

program
  .command('explore')
  .description('everything that can happen in small clusters')
  .addOption(protocolOption())
  .option('--size <name>', 'only this size, of each protocol that has one of that name (below)')
  .option('--full', 'the larger sizes too')
  .option('--jobs <count>', 'sizes gone through at once', count(1, 1024), availableParallelism())
  .addOption(breakOption())
  .addOption(markdownOption('sizes', 'protocol', 'size', 'break'))
  .option('--json', 'end with one JSON object')
  .addHelpText('after', `\nSizes:\n  ${listOfSizes().replaceAll('; ', '\n  ')}`)
  .action(async (options: ExploreFlags) => {
    if (options.break !== undefined) return breakOne(options.break, options)
    const sizes = sizesNamed(options.protocol, options.size, options.full === true)
    const results = await exploreSizes(sizes, options.jobs)
    const states = results.reduce((sum, result) => sum + result.states, 0)
    if (options.markdown) replaceTable(VERIFICATION, 'sizes', sizesTable(results))
    finish(options.json, { ok: results.every(({ ok }) => ok), states, sizes: results })
  })

program
  .command('mutants')
  .description('what catches the bugs that are planted on purpose')
  .addOption(markdownOption('planted bugs'))
  .option('--json', 'end with one JSON object')
  .action((options: { markdown?: true; json?: true }) => {
    const mutants = MUTANTS.map(catchOne)
    const caught = mutants.filter(({ seed }) => seed !== null).length
    if (options.markdown) replaceTable(VERIFICATION, 'mutants', mutantsTable(mutants))
    finish(options.json, { ok: caught === mutants.length, planted: mutants.length, caught, mutants })
  })

program
  .command('litmus')
  .description('every outcome that a protocol can produce, held against sequential consistency')
  .argument('<file...>', "litmus tests in herd's X86_64 format, or folders of them (*.litmus)")
  .addOption(protocolOption(SEQUENTIAL))
  .option('--json', 'end with one JSON object')
  .action((paths: string[], options: { protocol?: string; json?: true }) => {
    const protocols = SEQUENTIAL.filter((name) => options.protocol === undefined || options.protocol === name)
    finish(options.json, litmus(paths, protocols))
  })

try {
  await program.parseAsync()
} catch (error) {
  fail(error, process.argv.includes('--json'))
}

interface RunFlags {
  protocol?: string
  seeds: number
  seed?: number
  first: number
  nodes?: number
  losses?: number
  json?: true
}

interface ExploreFlags {
  protocol?: string
  size?: string
  full?: true
  jobs: number
  break?: string
  markdown?: true
  json?: true
}

function protocolOption(names: readonly string[] = CHECKED.map(({ name }) => name)): Option {
  return new Option('--protocol <name>', 'only this protocol').choices(names)
}

/** It goes through the sizes that it needs. */
function breakOption(): Option {
  const what = "the shortest counterexample to a planted bug, and exit 1; 'list' lists them"
  return new Option('--break <name>', what).conflicts(['size', 'full', 'jobs'])
}

/** The table is written whole: what leaves rows out would lose them. */
function markdownOption(ofWhat: string, ...leavingOut: string[]): Option {
  return new Option('--markdown', `write the table of ${ofWhat} in docs/VERIFICATION.md anew`).conflicts(leavingOut)
}

function runOne(protocol: AnyProtocol, options: RunFlags) {
  const { name } = protocol
  const { seed, nodes, losses } = options
  const started = performance.now()
  let line = 0
  const report = run({
    protocol,
    seeds: seed === undefined ? options.seeds : 1,
    first: seed ?? options.first,
    nodes,
    losses,
    ...(seed === undefined ? {} : { log: (text: string) => console.log(`${String(++line).padStart(6)}  ${text}`) }),
  })
  const seconds = rounded((performance.now() - started) / 1000)
  const { ok, seeds, steps, lossy, failed, cells } = report
  const missing = cells.missing(protocol)
  if (failed !== undefined) {
    const command = `npm run sim -- --protocol ${name} --seed ${failed.seed}`
    console.error(`${name}: seed ${failed.seed}: ${failed.violation}; see it with: ${command}`)
  }
  const text = `${seeds} seeds, ${steps} steps, ${lossy} with losses, ${seconds} s; cells not met: ${missing.length}`
  console.error(`${name}: ${text}`)
  return {
    protocol: name,
    ok,
    seeds,
    steps,
    lossy,
    seconds,
    cells: cells.count,
    cellsMissing: missing,
    failed: failed?.seed ?? null,
    violation: failed?.violation ?? null,
  }
}

function mutantsTable(mutants: readonly ReturnType<typeof catchOne>[]): string {
  return table(mutants, {
    protocol: ({ protocol }) => protocol,
    'planted bug': ({ name }) => name,
    'random run': ({ seed, steps }) => (seed === null ? 'not caught' : `seed ${seed}, step ${steps}`),
    'what is said': ({ violation }) => violation,
  })
}

function breakOne(name: string, { json, protocol }: ExploreFlags): void {
  if (name === 'list') {
    const planted = mutantsOf(protocol)
    for (const mutant of planted) console.log(shown(mutant))
    return finish(json, { ok: true, mutants: planted.map(({ protocol, name }) => ({ protocol: protocol.name, name })) })
  }
  const broken = mutantsNamed(protocol, name).map((mutant) => {
    const found = counterexample(mutant)
    console.log(`${shown(mutant)}${found ? `, ${found.size.name}` : ': not found in any size'}`)
    for (const line of found?.way ?? []) console.log(`  ${line}`)
    const { states, violation, way } = found ?? {}
    const size = found?.size.name ?? null
    return { protocol: mutant.protocol.name, name: mutant.name, size, states, violation: violation ?? null, way }
  })
  finish(json, { ok: false, broken })
}

function catchOne(mutant: Mutant) {
  const { name, protocol, lossy } = mutant
  const failed = caught(mutant)
  const [seed, steps, violation] = failed ? [failed.seed, failed.steps, failed.violation] : [null, null, null]
  console.error(`${protocol.name}: ${name}: ${failed ? `seed ${seed}, step ${steps}: ${violation}` : 'NOT CAUGHT'}`)
  return { protocol: protocol.name, name, lossy: lossy === true, seed, steps, violation }
}

function count(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least}${most < 2 ** 40 ? ` to ${most}` : ''}.`)
    }
    return value
  }
}

function finish(json: true | undefined, result: { readonly ok: boolean; readonly [field: string]: unknown }): void {
  if (json) console.log(JSON.stringify(result))
  else console.log(result.ok ? 'ok' : 'not ok')
  process.exitCode = result.ok ? 0 : 1
}
