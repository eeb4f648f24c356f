/**
 * One instruction in AT&T syntax, as herd's X86_64 has it: `movq $1,(x)`, `xchgq %rax,(x)`, `mfence`.
 * A location is written (x), [x], x or x(%rip), or as (%rsi) where the initial state has 0:rsi=x.
 */
import type { Instruction } from './litmus.js'
import { number, registerOf, type Width } from './words.js'

/** What an instruction may refer to; `fail` throws. */
export interface Scope {
  /** The number of a location, a new one when it has not been named before. */
  readonly location: (name: string) => number
  /** The location whose address the register holds from the beginning. */
  readonly pointsTo: (register: string) => string | undefined
  /** Called for each access to memory. */
  readonly width: (width: Width) => void
  readonly fail: (what: string) => never
}

type Operand =
  | { readonly is: 'constant'; readonly value: number }
  | { readonly is: 'register'; readonly name: string; readonly width: Width }
  | { readonly is: 'memory'; readonly location: number }

/** undefined: it does nothing that another thread, or a later instruction, could notice. */
export function parseInstruction(text: string, scope: Scope): Instruction | undefined {
  const found = /^(?:lock;?\s+(?=xchg))?([a-z]\w*)\s*(.*)$/i.exec(text)
  const mnemonic = found?.[1]?.toLowerCase() ?? ''
  const rest = found?.[2] ?? ''
  const form = /^(mov|xchg)([lq]?)$/.exec(mnemonic)
  if (form !== null) {
    const [left, right] = operands(rest, scope)
    const width = widthOf(form[2] as Width | '', left, right, scope)
    return form[1] === 'mov' ? move(left, right, width, scope) : exchange(left, right, width, scope)
  }
  if (rest === '' && mnemonic === 'mfence') return { op: 'fence' }
  // Loads keep their order on x86, and so do stores: these two add nothing to ordinary accesses.
  if (rest === '' && ['lfence', 'sfence', 'nop'].includes(mnemonic)) return undefined
  return scope.fail(`instruction '${text}': mov, xchg and mfence are known`)
}

function operands(text: string, scope: Scope): [Operand, Operand] {
  const [left, right, ...more] = text.split(',').map((part) => part.trim())
  if (left === undefined || right === undefined || more.length > 0) {
    return scope.fail(`operands '${text}': two are wanted`)
  }
  return [operand(left, scope), operand(right, scope)]
}

function operand(text: string, scope: Scope): Operand {
  if (text.startsWith('$')) {
    const value = number(text.slice(1))
    return value === undefined ? scope.fail(`operand '${text}': a whole number is wanted`) : { is: 'constant', value }
  }
  if (text.startsWith('%')) return { is: 'register', ...register(text, scope) }
  const indirect = /^0?\((%\w+)\)$/.exec(text)?.[1]
  if (indirect !== undefined) {
    const { name } = register(indirect, scope)
    const target = scope.pointsTo(name)
    if (target === undefined) return scope.fail(`operand '${text}': ${name} holds no address from the beginning`)
    return { is: 'memory', location: scope.location(target) }
  }
  const name = /^(?:\(([A-Za-z_]\w*)\)|\[([A-Za-z_]\w*)\]|([A-Za-z_]\w*)(?:\(%rip\))?)$/.exec(text)
  const location = name?.[1] ?? name?.[2] ?? name?.[3]
  if (location === undefined) return scope.fail(`operand '${text}': a whole location, a register or $n is wanted`)
  return { is: 'memory', location: scope.location(location) }
}

function register(text: string, scope: Scope): { name: string; width: Width } {
  return registerOf(text.slice(1)) ?? scope.fail(`register '${text}': one of 32 or 64 bits is wanted`)
}

function widthOf(suffix: Width | '', left: Operand, right: Operand, scope: Scope): Width {
  const named = [left, right].flatMap((o) => (o.is === 'register' ? [o.width] : []))
  const width = suffix === '' ? (named[0] ?? 'q') : suffix
  if (named.some((w) => w !== width)) return scope.fail('the registers are not of the width of the instruction')
  return width
}

function move(from: Operand, to: Operand, width: Width, scope: Scope): Instruction {
  if (to.is === 'constant') return scope.fail('a constant cannot be written to')
  if (from.is === 'memory') {
    if (to.is === 'memory') return scope.fail('one of the operands must not be memory')
    scope.width(width)
    return { op: 'load', location: from.location, register: written(to.name, scope) }
  }
  const value = from.is === 'constant' ? { constant: from.value } : { register: read(from.name, scope) }
  if (to.is === 'register') return { op: 'move', register: written(to.name, scope), value }
  scope.width(width)
  return { op: 'store', location: to.location, value }
}

function exchange(left: Operand, right: Operand, width: Width, scope: Scope): Instruction {
  const [memory, other] = left.is === 'memory' ? [left, right] : [right, left]
  if (memory.is !== 'memory' || other.is !== 'register') return scope.fail('xchg: a register and memory are wanted')
  scope.width(width)
  return { op: 'exchange', location: memory.location, register: written(read(other.name, scope), scope) }
}

/** Addresses are no values here: a register that holds one stays as it is. */
function written(name: string, scope: Scope): string {
  return scope.pointsTo(name) === undefined ? name : scope.fail(`${name} holds an address and must keep it`)
}
function read(name: string, scope: Scope): string {
  return scope.pointsTo(name) === undefined ? name : scope.fail(`${name} holds an address, which is no value here`)
}
