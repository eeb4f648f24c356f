/**
 * herd's litmus format for X86_64 (J. Alglave, L. Maranget: the diy7 documentation, "Litmus tests"):
 *
 *     X86_64 NAME
 *     lines about the test, which are ignored
 *     { uint64_t x; x=1; 0:rax=0; }
 *      P0          | P1            ;
 *      movq $2,(x) | movq (x),%rax ;
 *     locations [x;]
 *     exists (x=2 /\ 1:rax=1)
 *
 * What is not understood ends in one error, `FILE:LINE: what is wrong`.
 */
import { GshmError } from '../base/errors.js'
import { mentioned, parseCondition } from './condition.js'
import { parseInstruction } from './instruction.js'
import type { Instruction, Litmus, Thread } from './litmus.js'
import { number, registerOf, type Width } from './words.js'

const CODE_END = /^\s*(?:~|(?:locations|filter|exists|forall|not)(?![\w:]))/

/** @param file what errors call the text @throws GshmError INVALID */
export function parseLitmus(text: string, file = 'litmus'): Litmus {
  return new LitmusParser(text, file).parse()
}

class LitmusParser {
  readonly #text: string
  #at = 0
  #width: Width | undefined
  readonly #locations = new Map<string, number>()
  readonly #values = new Map<string, number>()
  /** By `0:rsi`, the location whose address the register holds. */
  readonly #pointers = new Map<string, string>()

  constructor(
    text: string,
    private readonly file: string,
  ) {
    this.#text = withoutComments(text.replaceAll('\r', ''))
  }

  parse(): Litmus {
    const name = this.#header()
    this.#initialState()
    const columns = this.#columns()
    const programs = this.#programs(columns)
    this.#listOfLocations()
    const from = this.#at
    const condition = parseCondition(this.#text.slice(from), (what, at) => this.#fail(what, from + at))
    for (const word of mentioned(condition.proposition)) this.#checkName(word, columns)
    const names = [...programs.flatMap(registersOf), ...mentioned(condition.proposition)]
    const threads = programs.map((instructions, t): Thread => {
      const mine = names.filter((one) => one.startsWith(`${t}:`))
      const registers = [...new Set(mine)].map((one) => ({
        name: one.slice(one.indexOf(':') + 1),
        initial: this.#values.get(one) ?? 0,
      }))
      return { instructions, registers }
    })
    const locations = [...this.#locations.keys()].map((one) => ({ name: one, initial: this.#values.get(one) ?? 0 }))
    return { name, locations, threads, condition }
  }

  #header(): string {
    const found = /^\s*(\S+)[ \t]+(\S[^\n]*)\n/.exec(this.#text)
    if (found === null) this.#fail('the first line must be X86_64 and a name', 0)
    if (found[1] !== 'X86_64') this.#fail(`architecture '${found[1]}': X86_64 is known`, found[0].search(/\S/))
    this.#at = found[0].length
    return found[2]!.trim()
  }

  #initialState(): void {
    const open = /^[ \t]*\{/m.exec(this.#text.slice(this.#at))
    if (open === null) return this.#fail('the initial state is missing: { ... }', this.#at)
    const from = this.#at + open.index + open[0].length
    const to = this.#text.indexOf('}', from)
    if (to < 0) this.#fail("'}' is missing after the initial state", from - 1)
    let at = from
    for (const item of this.#text.slice(from, to).split(';')) {
      if (item.trim() !== '') this.#initial(item.trim(), at + item.search(/\S/))
      at += item.length + 1
    }
    this.#at = to + 1
  }

  /** `x`, `x=1`, `uint64_t x=1`, `0:rax=1`, `uint64_t 0:rax`, `0:rsi=x` */
  #initial(item: string, at: number): void {
    const found = /^(?:[A-Za-z_][\w \t*]*?[\s*])?(?:(\d+):%?)?(\[?)([A-Za-z_]\w*)(\]?)\s*(?:=\s*(\S+))?$/.exec(item)
    if (found === null || (found[2] === '') !== (found[4] === '')) {
      return this.#fail(`initial state '${item}': x=1, 0:rax=1 or 0:rsi=x is wanted`, at)
    }
    const [, thread, , word = '', , text] = found
    const value = text === undefined ? 0 : number(text)
    if (thread === undefined) {
      if (value === undefined) return this.#fail(`initial value '${text}': a whole number is wanted`, at)
      this.#location(word)
      this.#values.set(word, value)
      return
    }
    const register = registerOf(word)?.name
    if (register === undefined) return this.#fail(`register '${word}': one of 32 or 64 bits is wanted`, at)
    const name = `${Number(thread)}:${register}`
    const target = /^&?([A-Za-z_]\w*)$/.exec(text ?? '')?.[1]
    if (value !== undefined) this.#values.set(name, value)
    else if (target !== undefined) this.#pointers.set(name, target)
    else this.#fail(`initial value '${text}': a whole number or a location is wanted`, at)
  }

  /** `P0 | P1 ;`: how many. */
  #columns(): number {
    const { cells, at } = this.#row()
    cells.forEach((cell, t) => {
      if (cell.text !== `P${t}`) this.#fail(`threads: P${t} is wanted, not '${cell.text}'`, at)
    })
    return cells.length
  }

  #programs(columns: number): Instruction[][] {
    const programs = Array.from({ length: columns }, (): Instruction[] => [])
    while (!CODE_END.test(this.#text.slice(this.#at, this.#at + 200))) {
      const { cells, at } = this.#row()
      if (cells.length !== columns) this.#fail(`${cells.length} columns, but there are ${columns} threads`, at)
      cells.forEach((cell, t) => {
        if (cell.text === '') return
        const instruction = this.#instruction(cell.text, t, cell.at)
        if (instruction !== undefined) programs[t]!.push(instruction)
      })
    }
    return programs
  }

  #instruction(text: string, thread: number, at: number): Instruction | undefined {
    return parseInstruction(text, {
      location: (name) => this.#location(name),
      pointsTo: (register) => this.#pointers.get(`${thread}:${register}`),
      width: (width) => {
        this.#width ??= width
        if (this.#width !== width) this.#fail(`'${text}': accesses of several widths in one test`, at)
      },
      fail: (what) => this.#fail(what, at),
    })
  }

  /** Up to the next ';' */
  #row(): { cells: { text: string; at: number }[]; at: number } {
    const blank = this.#text.slice(this.#at).search(/\S/)
    const from = blank < 0 ? this.#text.length : this.#at + blank
    const end = this.#text.indexOf(';', from)
    if (end < 0) this.#fail("a row that ends with ';', or the condition, is wanted", from)
    let at = from
    const cells = this.#text
      .slice(from, end)
      .split('|')
      .map((cell) => {
        const indent = cell.search(/\S/)
        const here = { text: cell.trim().replace(/\s+/g, ' '), at: at + Math.max(0, indent) }
        at += cell.length + 1
        return here
      })
    this.#at = end + 1
    return { cells, at: from }
  }

  /** `locations [x; 0:rax;]`: all of them are looked at here in any case. */
  #listOfLocations(): void {
    const found = /^\s*locations\s*\[([^\]]*)\]/.exec(this.#text.slice(this.#at))
    if (found !== null) this.#at += found[0].length
    else if (/^\s*locations/.test(this.#text.slice(this.#at))) this.#fail('locations [...] is wanted', this.#at)
  }

  #checkName(name: string, columns: number): void {
    const thread = /^(\d+):/.exec(name)?.[1]
    if (thread === undefined && !this.#locations.has(name)) this.#fail(`condition: no location '${name}'`, this.#at)
    if (Number(thread ?? 0) >= columns) this.#fail(`condition: '${name}', but there are ${columns} threads`, this.#at)
    if (this.#pointers.has(name)) this.#fail(`condition: '${name}' holds an address`, this.#at)
  }

  #location(name: string): number {
    const known = this.#locations.get(name) ?? this.#locations.size
    this.#locations.set(name, known)
    return known
  }

  #fail(what: string, at: number): never {
    const blank = this.#text.slice(at).search(/\S/)
    const line = this.#text.slice(0, at + Math.max(0, blank)).split('\n').length
    throw new GshmError('INVALID', `${this.file}:${line}: ${what}`)
  }
}

/** Spaces in place of every (* comment *), so that what follows stays on its line; they nest. */
function withoutComments(text: string): string {
  let depth = 0
  return text.replace(/\(\*|\*\)|[^]/g, (part) => {
    if (part === '(*') depth++
    const inside = depth > 0
    if (part === '*)' && depth > 0) depth--
    return inside && part !== '\n' ? ' '.repeat(part.length) : part
  })
}

/** As `0:rax`, in the order of their first use. */
function registersOf(instructions: readonly Instruction[], thread: number): string[] {
  const names: string[] = []
  for (const instruction of instructions) {
    if ('value' in instruction && 'register' in instruction.value) names.push(instruction.value.register)
    if ('register' in instruction) names.push(instruction.register)
  }
  return names.map((name) => `${thread}:${name}`)
}
