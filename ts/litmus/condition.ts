/**
 * Final conditions: `exists (0:rax=1 /\ ~(x=2 \/ [y]=1))` and its relatives. From weak to strong:
 * =>, \/, /\, ~ (also written not).
 */
import type { Condition, Litmus, Outcome, Proposition } from './litmus.js'
import { namesOf } from './litmus.js'
import { number, registerOf } from './words.js'

const TOKEN = /\s+|(=>|\\\/|\/\\|!=|<>|==?|[()~;]|\[\w+\]|\d+:%?\w+|-?\w+|\S)/g
const TRUE: Proposition = { is: 'and', of: [] }
const FALSE: Proposition = { is: 'or', of: [] }

/** @param fail is told what is wrong, and at which character of `text`; it throws */
export function parseCondition(text: string, fail: (what: string, at: number) => never): Condition {
  const parser = new ConditionParser(text, fail)
  return parser.condition()
}

class ConditionParser {
  readonly #tokens: { text: string; at: number }[] = []
  #next = 0

  constructor(
    private readonly text: string,
    private readonly fail: (what: string, at: number) => never,
  ) {
    for (const found of text.matchAll(TOKEN)) {
      if (found[1] !== undefined) this.#tokens.push({ text: found[1], at: found.index })
    }
  }

  condition(): Condition {
    const filter = this.#takes('filter') ? this.#implication() : undefined
    const quantifier = this.#quantifier()
    const asked = this.#implication()
    this.#takes(';')
    if (this.#next < this.#tokens.length) this.#wrong('the end')
    if (filter === undefined) return { quantifier, proposition: asked }
    // Outcomes that the filter excludes are not asked about.
    const proposition: Proposition =
      quantifier === 'forall' ? { is: 'or', of: [not(filter), asked] } : { is: 'and', of: [filter, asked] }
    return { quantifier, proposition }
  }

  #quantifier(): Condition['quantifier'] {
    const negated = this.#takes('~', 'not')
    if (this.#takes('exists')) return negated ? 'not exists' : 'exists'
    if (!negated && this.#takes('forall')) return 'forall'
    return this.#wrong('exists, ~exists or forall')
  }

  #implication(): Proposition {
    const left = this.#or()
    return this.#takes('=>') ? { is: 'or', of: [not(left), this.#implication()] } : left
  }

  #or(): Proposition {
    const of = [this.#and()]
    while (this.#takes('\\/')) of.push(this.#and())
    return of.length === 1 ? of[0]! : { is: 'or', of }
  }

  #and(): Proposition {
    const of = [this.#not()]
    while (this.#takes('/\\')) of.push(this.#not())
    return of.length === 1 ? of[0]! : { is: 'and', of }
  }

  #not(): Proposition {
    if (this.#takes('~', 'not')) return not(this.#not())
    if (this.#takes('true')) return TRUE
    if (this.#takes('false')) return FALSE
    if (!this.#takes('(')) return this.#equal()
    const inner = this.#implication()
    if (!this.#takes(')')) this.#wrong("')'")
    return inner
  }

  #equal(): Proposition {
    const name = this.#name()
    const differs = this.#takes('!=', '<>')
    if (!differs && !this.#takes('=', '==')) this.#wrong('=')
    const value = number(this.#tokens[this.#next]?.text ?? '')
    if (value === undefined) return this.#wrong('a number')
    this.#next++
    return differs ? not({ is: 'equal', name, value }) : { is: 'equal', name, value }
  }

  #name(): string {
    const text = this.#tokens[this.#next]?.text ?? ''
    const of = /^(\d+):%?(\w+)$/.exec(text)
    const register = registerOf(of?.[2] ?? '')?.name
    const location = /^\[?([A-Za-z_]\w*)\]?$/.exec(text)?.[1]
    if (of !== null && register === undefined) this.#wrong('a register of x86-64')
    const name = of === null ? location : `${Number(of[1])}:${register}`
    if (name === undefined) return this.#wrong('a location or a register')
    this.#next++
    return name
  }

  #takes(...words: string[]): boolean {
    const is = words.includes(this.#tokens[this.#next]?.text ?? '')
    if (is) this.#next++
    return is
  }

  #wrong(wanted: string): never {
    const token = this.#tokens[this.#next]
    return this.fail(`condition: ${wanted} is wanted, not '${token?.text ?? 'the end'}'`, token?.at ?? this.text.length)
  }
}

function not(of: Proposition): Proposition {
  return { is: 'not', of }
}

/** Every name that the proposition mentions. */
export function mentioned(proposition: Proposition): string[] {
  switch (proposition.is) {
    case 'equal':
      return [proposition.name]
    case 'not':
      return mentioned(proposition.of)
    case 'and':
    case 'or':
      return proposition.of.flatMap(mentioned)
  }
}

/** Does the proposition hold of an outcome of the test? The quantifier is not looked at. */
export function holds(test: Litmus, outcome: Outcome): boolean {
  const names = namesOf(test)
  const value = (name: string) => outcome[names.indexOf(name)]
  return evaluate(test.condition.proposition, value)
}

function evaluate(proposition: Proposition, value: (name: string) => number | undefined): boolean {
  switch (proposition.is) {
    case 'equal':
      return value(proposition.name) === proposition.value
    case 'not':
      return !evaluate(proposition.of, value)
    case 'and':
      return proposition.of.every((one) => evaluate(one, value))
    case 'or':
      return proposition.of.some((one) => evaluate(one, value))
  }
}

/** What the author claims of all outcomes together: is it so of these? */
export function claimHolds(test: Litmus, outcomes: Iterable<Outcome>): boolean {
  const all = [...outcomes]
  switch (test.condition.quantifier) {
    case 'exists':
      return all.some((outcome) => holds(test, outcome))
    case 'not exists':
      return !all.some((outcome) => holds(test, outcome))
    case 'forall':
      return all.every((outcome) => holds(test, outcome))
  }
}
