/** Litmus tests of the literature, in herd's format, written for this project. */
import { parseLitmus, type Litmus } from '../../ts/litmus/index.js'

/** Threads as columns: each a list of instructions. */
export function litmusText(name: string, threads: string[][], condition: string, initial = 'uint64_t x;'): string {
  const rows = Math.max(...threads.map((thread) => thread.length))
  const row = (cells: string[]) => ` ${cells.join(' | ')} ;`
  const code = Array.from({ length: rows }, (_, i) => row(threads.map((thread) => thread[i] ?? '')))
  return [`X86_64 ${name}`, `{ ${initial} }`, row(threads.map((_, t) => `P${t}`)), ...code, condition, ''].join('\n')
}

const W = (location: string, value: number) => `movq $${value},(${location})`
const R = (location: string, register: string) => `movq (${location}),%${register}`
const F = 'mfence'

/** name: threads, the outcome that the test is known for. */
export const KNOWN = {
  SB: [
    [
      [W('x', 1), R('y', 'rax')],
      [W('y', 1), R('x', 'rax')],
    ],
    '0:rax=0 /\\ 1:rax=0',
  ],
  'SB+mfences': [
    [
      [W('x', 1), F, R('y', 'rax')],
      [W('y', 1), F, R('x', 'rax')],
    ],
    '0:rax=0 /\\ 1:rax=0',
  ],
  MP: [
    [
      [W('x', 1), W('y', 1)],
      [R('y', 'rax'), R('x', 'rbx')],
    ],
    '1:rax=1 /\\ 1:rbx=0',
  ],
  LB: [
    [
      [R('x', 'rax'), W('y', 1)],
      [R('y', 'rax'), W('x', 1)],
    ],
    '0:rax=1 /\\ 1:rax=1',
  ],
  '2+2W': [
    [
      [W('x', 1), W('y', 2)],
      [W('y', 1), W('x', 2)],
    ],
    'x=1 /\\ y=1',
  ],
  S: [
    [
      [W('x', 2), W('y', 1)],
      [R('y', 'rax'), W('x', 1)],
    ],
    '1:rax=1 /\\ x=2',
  ],
  R: [
    [
      [W('x', 1), W('y', 1)],
      [W('y', 2), R('x', 'rax')],
    ],
    'y=2 /\\ 1:rax=0',
  ],
  CoRR: [[[W('x', 1)], [R('x', 'rax'), R('x', 'rbx')]], '1:rax=1 /\\ 1:rbx=0'],
  CoWW: [[[W('x', 1), W('x', 2)]], 'x=1'],
  IRIW: [
    [[W('x', 1)], [W('y', 1)], [R('x', 'rax'), R('y', 'rbx')], [R('y', 'rax'), R('x', 'rbx')]],
    '2:rax=1 /\\ 2:rbx=0 /\\ 3:rax=1 /\\ 3:rbx=0',
  ],
  WRC: [[[W('x', 1)], [R('x', 'rax'), W('y', 1)], [R('y', 'rax'), R('x', 'rbx')]], '1:rax=1 /\\ 2:rax=1 /\\ 2:rbx=0'],
  /** Sewell et al., section 2: a thread sees its own store before others do. */
  n6: [
    [
      [W('x', 1), R('x', 'rax'), R('y', 'rbx')],
      [W('y', 2), W('x', 2)],
    ],
    '0:rax=1 /\\ 0:rbx=0 /\\ x=1 /\\ y=2',
  ],
  'SB+xchgs': [
    [
      ['movq $1,%rbx', 'xchgq %rbx,(x)', R('y', 'rax')],
      ['movq $1,%rbx', 'xchgq %rbx,(y)', R('x', 'rax')],
    ],
    '0:rax=0 /\\ 1:rax=0',
  ],
} as const satisfies Record<string, readonly [readonly (readonly string[])[], string]>

export type KnownName = keyof typeof KNOWN

export function knownText(name: KnownName): string {
  const [threads, asked] = KNOWN[name]
  const locations = 'uint64_t x; uint64_t y;'
  return litmusText(
    name,
    threads.map((thread) => [...thread]),
    `exists (${asked})`,
    name.startsWith('Co') ? 'uint64_t x;' : locations,
  )
}

export function known(name: KnownName): Litmus {
  return parseLitmus(knownText(name), `${name}.litmus`)
}
