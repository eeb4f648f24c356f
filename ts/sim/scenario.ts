/**
 * Scenario scripts: text files with commands and the transcript that must follow, after
 * etcd-io/raft's datadriven tests, to be read by somebody who knows only the messages' names.
 *
 *   protocol srsw            of the clusters that follow; only at the script's start (mrsw without)
 *   nodes 3 pages 2          a new cluster; page p's home is node p % 3
 *   fault 1 write p0         a thread of node 1 faults
 *   lock 1 l0                node 1 asks for lock l0, or takes it by its word; `unlock 1 l0` gives it back
 *   deliver 1>0              the oldest message on that link (`deliver 1>0 all`: every one)
 *   resume 0 p0              node 0, the home, goes on with a request that waits
 *   settle                   delivers and resumes, lowest nodes first, until nothing is on its way
 *   evict 1 p0               node 1 has no memory for the page any more
 *   full 0; room 0           node 0 has no memory for pages that others cannot keep; it has again
 *   lose 2                   node 2 is gone; what it had sent stays on its way
 *   learn 0 2                node 0 learns that 2 is lost: what was on its way from there is dropped
 *   show p0                  every node's state of the page
 *   say 1>0 Done p0 1 7      a message that no honest node sends: type, page, requester, serial
 *   ----                     what follows, up to the next empty line, is the expected transcript
 *
 * All effects of a step are performed at once here; threads that run between them are the walks'.
 */
import type { ProtocolName } from '../base/consistency.js'
import type { NodeId, Page } from '../base/ids.js'
import { COHERENCE_TYPES, type CoherenceMessage, type CoherenceType } from '../coherence/messages.js'
import type { Effect } from '../node/effects.js'
import type { NodeEvent } from '../node/events.js'
import type { Message } from '../node/messages.js'
import { pageView, type NodeState } from '../node/state.js'
import type { Step } from '../node/step.js'
import type { WordEffect } from '../sync/index.js'
import { describeEffect } from './describe.js'
import { SEGMENT, createNodes } from './create-nodes.js'
import { TRAVELS } from './perform.js'
import { givenBack, lent, shut, taken, type Word } from './word.js'

/** The script with the transcripts that this step really gives. */
export function runScenario(text: string, step: Step): string {
  const stage = new Stage(step, scenarioProtocol(text))
  return text
    .split(/\n\n+/)
    .map((block) => runBlock(stage, block.trimEnd()))
    .join('\n\n')
    .concat('\n')
}

/** A script's steps must have the tables of this one. */
export function scenarioProtocol(text: string): ProtocolName {
  return (/^protocol (\S+)$/m.exec(text)?.[1] ?? 'mrsw') as ProtocolName
}

function runBlock(stage: Stage, block: string): string {
  const lines = block.split('\n')
  const rule = lines.indexOf('----')
  const commands = rule < 0 ? lines : lines.slice(0, rule)
  const output = commands.filter((line) => line !== '' && !line.startsWith('#')).flatMap((line) => stage.run(line))
  if (output.length === 0) return commands.join('\n')
  return [...commands, '----', ...output].join('\n')
}

class Stage {
  #nodes: (NodeState | undefined)[] = []
  #links = new Map<string, Message[]>()
  #ticket = 0
  /** By node and key. */
  readonly #words = new Map<string, Word>()
  #resumes: { node: NodeId; page: Page }[] = []
  #out: string[] = []

  constructor(
    private readonly step: Step,
    private readonly protocol: ProtocolName,
  ) {}

  run(line: string): string[] {
    this.#out = []
    const [command, ...words] = line.trim().split(/\s+/)
    switch (command) {
      case 'protocol':
        if (words[0] !== this.protocol) this.#out.push(`the protocol is ${this.protocol} already`)
        break
      case 'nodes':
        this.#nodes = createNodes(Number(words[0]), Number(words[2] ?? 1), this.step, this.protocol)
        this.#links.clear()
        this.#words.clear()
        this.#resumes = []
        break
      case 'fault':
        this.#step(Number(words[0]), {
          is: 'fault',
          segment: SEGMENT,
          page: pageNumber(words[2]),
          access: words[1] === 'write' ? 'write' : 'read',
        })
        break
      case 'lock':
        this.#lock(Number(words[0]), words[1] ?? '')
        break
      case 'unlock':
        this.#unlock(Number(words[0]), words[1] ?? '')
        break
      case 'deliver':
        this.#deliver(words[0] ?? '', words[1] === 'all')
        break
      case 'resume':
        this.#resume(Number(words[0]), pageNumber(words[1]))
        break
      case 'evict':
        this.#step(Number(words[0]), { is: 'evict', segment: SEGMENT, page: pageNumber(words[1]) })
        break
      case 'full':
      case 'room':
        this.#step(Number(words[0]), { is: 'full', full: command === 'full' })
        break
      case 'settle':
        this.#settle()
        break
      case 'lose':
        this.#lose(Number(words[0]))
        break
      case 'learn':
        this.#links.delete(`${words[1]}>${words[0]}`)
        this.#step(Number(words[0]), { is: 'lost', node: Number(words[1]) })
        break
      case 'show':
        this.#show(pageNumber(words[0]))
        break
      case 'say':
        this.#say(words)
        break
      default:
        this.#out.push(`no such command: ${line}`)
    }
    return this.#out
  }

  #step(at: NodeId, event: NodeEvent): void {
    const state = this.#nodes[at]
    if (state === undefined) {
      this.#out.push(`there is no node ${at}`)
      return
    }
    const effects: Effect[] = []
    try {
      this.step(state, event, effects)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.#out.push(`${at}: ${error.name}: ${error.message}`)
      return
    }
    for (const effect of effects) {
      this.#out.push(describeEffect(at, effect))
      if (effect.do === 'Lend' || effect.do === 'Forget') this.#word(at, effect)
      if (effect.do === 'Resume') this.#resumes.push({ node: at, page: effect.page })
      if (effect.do !== 'Send' || !TRAVELS.has(effect.message.type) || this.#nodes[effect.to] === undefined) continue
      const link = `${at}>${effect.to}`
      this.#links.set(link, [...(this.#links.get(link) ?? []), effect.message])
    }
    for (const effect of effects) if (effect.do === 'Want') this.#word(at, effect)
  }

  /** One process a node. */
  #lock(node: NodeId, key: string): void {
    const at = `${node} ${key}`
    const word = taken(this.#words.get(at), 1)
    if (word === undefined) {
      const request = { op: 'lock', key, process: 1, holder: 1, patient: true } as const
      return this.#step(node, { is: 'request', ticket: ++this.#ticket, request })
    }
    this.#words.set(at, word)
    this.#out.push(`${node}: takes ${key} by its word`)
  }

  #unlock(node: NodeId, key: string): void {
    const word = givenBack(this.#words.get(`${node} ${key}`))
    this.#words.set(`${node} ${key}`, word)
    if (word.shut) this.#step(node, { is: 'word', key, held: false })
  }

  /** What a lock's word is from here on, and what the daemon learns of it. */
  #word(node: NodeId, effect: WordEffect): void {
    const at = `${node} ${effect.key}`
    const before = this.#words.get(at)
    if (effect.do === 'Lend') this.#words.set(at, lent(before, 1, effect.shut))
    if (effect.do === 'Forget') this.#words.delete(at)
    if (effect.do !== 'Want') return
    const word = shut(before)
    this.#words.set(at, word)
    this.#step(node, { is: 'word', key: effect.key, held: word.holder !== undefined })
  }

  #deliver(link: string, all: boolean): void {
    const [from, to] = link.split('>').map(Number)
    const queue = this.#links.get(link) ?? []
    if (queue.length === 0) this.#out.push(`nothing is on its way ${link}`)
    for (let message = queue.shift(); message !== undefined; message = all ? queue.shift() : undefined) {
      this.#step(to!, { is: 'message', from: from!, message })
    }
  }

  #resume(node: NodeId, page: Page): void {
    const at = this.#resumes.findIndex((one) => one.node === node && one.page === page)
    if (at < 0) this.#out.push(`node ${node} has nothing to resume for p${page}`)
    else this.#resumes.splice(at, 1)
    this.#step(node, { is: 'resume', segment: SEGMENT, page })
  }

  #settle(): void {
    for (;;) {
      const link = [...this.#links.keys()].sort().find((key) => this.#links.get(key)!.length > 0)
      if (link !== undefined) {
        this.#deliver(link, false)
        continue
      }
      const [resume] = this.#resumes
      if (resume === undefined) return
      this.#resume(resume.node, resume.page)
    }
  }

  #lose(lost: NodeId): void {
    this.#nodes[lost] = undefined
    for (const link of this.#links.keys()) if (link.endsWith(`>${lost}`)) this.#links.delete(link)
    this.#resumes = this.#resumes.filter(({ node }) => node !== lost)
  }

  #show(page: Page): void {
    this.#nodes.forEach((state, at) => {
      const view = state === undefined ? undefined : pageView(state, SEGMENT, page)
      if (view === undefined) return
      const { homeState, owner, copyset = [], stalled = [] } = view
      const away = this.protocol === 'lrc' && homeState !== undefined && view.home !== at
      const home = away
        ? `, gone to ${view.home}`
        : homeState === undefined
          ? ''
          : `, home ${homeState} owner ${owner ?? '-'} copyset {${copyset.join(' ')}}`
      this.#out.push(`${at}: ${view.state}${home}${stalled.length > 0 ? ` waiting {${stalled.join(' ')}}` : ''}`)
    })
  }

  #say([link = '', type = '', page, requester, serial, bytes = 'none']: string[]): void {
    const [from, to] = link.split('>').map(Number)
    if (!(COHERENCE_TYPES as readonly string[]).includes(type)) this.#out.push(`no such message: ${type}`)
    const message = { type: type as CoherenceType, segment: SEGMENT, page: pageNumber(page) }
    const rest = { requester: Number(requester), serial: Number(serial), bytes: bytes as CoherenceMessage['bytes'] }
    this.#step(to!, { is: 'message', from: from!, message: { ...message, ...rest, confirm: false } })
  }
}

function pageNumber(word = ''): Page {
  return Number(word.replace('p', ''))
}
