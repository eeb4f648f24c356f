#!/usr/bin/env node
/** The `gshm` command: one file per subcommand; what they share is in command.ts. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, CommanderError } from 'commander'
import { projectRoot } from '../project/index.js'
import { checkCommand } from './check.js'
import { report, watchOutput } from './command.js'
import { doctorCommand } from './doctor.js'
import { downCommand } from './down.js'
import { episodesCommand } from './episodes.js'
import { flagsCommand } from './flags.js'
import { historiesCommand } from './histories.js'
import { litmusCommand } from './litmus.js'
import { locksCommand } from './locks.js'
import { lsCommand } from './ls.js'
import { nodeCommand } from './node.js'
import { pagesCommand } from './pages.js'
import { rmCommand } from './rm.js'
import { runCommand } from './run.js'
import { statusCommand } from './status.js'
import { testbedCommand } from './testbed.js'
import { traceCommand } from './trace.js'
import { upCommand } from './up.js'

export function program(): Command {
  const { version } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string }
  const gshm = new Command('gshm')
    .description('Shared memory across a Linux cluster: global segments, mapped by page faults.')
    .version(version, '-V, --version')
    .enablePositionalOptions()
    .showHelpAfterError(false)
  const commands = [nodeCommand, upCommand, downCommand, runCommand, statusCommand, lsCommand, pagesCommand, rmCommand]
  const watchers = [locksCommand, traceCommand]
  const judges = [testbedCommand, litmusCommand, episodesCommand, historiesCommand, checkCommand]
  for (const make of [...commands, ...watchers, ...judges, flagsCommand, doctorCommand]) gshm.addCommand(make())
  for (const each of [gshm, ...gshm.commands]) each.exitOverride().configureOutput({ outputError: () => {} })
  gshm.addHelpText(
    'after',
    `
Every command has --help and --json. Sockets, logs and state of a cluster lie in
$GSHM_RUNTIME_DIR/CLUSTER (default /run/gshm/default).`,
  )
  return gshm
}

export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync([...argv], { from: 'user' })
  } catch (error) {
    // Help and version have been printed and are no failure; commander throws them as well.
    if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help')) {
      process.exitCode = error.exitCode
      return
    }
    report(error, argv.includes('--json'))
  }
}

watchOutput()
await main(process.argv.slice(2))
