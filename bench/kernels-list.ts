/** The application kernels (bench/kernels, a file each): their sizes, their models, and what is expected of them. */
import type { Consistency } from '../ts/base/consistency.js'

export interface Kernel {
  readonly name: string
  readonly what: string
  /** The numbers that the program takes, for a whole run and for a quick one. */
  readonly sizes: readonly number[]
  readonly quick: readonly number[]
  /** Which promise it needs: the first is the one it is measured with, for the reason that its file gives. */
  readonly models: readonly Consistency[]
  /** How results are compared with the plain program's. */
  readonly compared: string
  /** One process on each of two nodes, against the plain program: the speed-up that is wanted, at the sizes of a whole run. */
  readonly target?: number
}

const EXACT = 'every value, to the bit'

export const KERNELS: readonly Kernel[] = [
  {
    name: 'barnes',
    what: "gravity by Barnes's and Hut's algorithm",
    sizes: [65_536, 4],
    quick: [8192, 2],
    models: ['mrsw', 'lrc'],
    compared: EXACT,
    target: 1.4,
  },
  {
    name: 'fft',
    what: 'six-step Fourier transform, 2^m complex numbers',
    sizes: [22],
    quick: [18],
    models: ['mrsw', 'lrc'],
    compared: EXACT,
  },
  {
    name: 'lu',
    what: 'blocked LU factors without pivoting',
    sizes: [2048, 64],
    quick: [768, 64],
    models: ['mrsw', 'lrc'],
    compared: EXACT,
    target: 1.8,
  },
  {
    name: 'matrix',
    what: 'blocked matrix multiplication',
    sizes: [1536],
    quick: [512],
    models: ['mrsw', 'lrc'],
    compared: EXACT,
    target: 1.8,
  },
  {
    name: 'ocean',
    what: "Poisson's equation by multigrid",
    sizes: [2048, 10],
    quick: [512, 4],
    models: ['mrsw', 'lrc'],
    compared: EXACT,
    target: 1.6,
  },
  {
    name: 'radix',
    what: 'radix sort of 32-bit keys',
    sizes: [2 ** 24],
    quick: [2 ** 20],
    models: ['mrsw', 'lrc'],
    compared: EXACT,
  },
  {
    name: 'sor',
    what: 'red-black successive over-relaxation',
    sizes: [4096, 50],
    quick: [1024, 20],
    models: ['mrsw', 'lrc'],
    compared: EXACT,
    target: 1.8,
  },
  {
    name: 'strassen',
    what: "Strassen's matrix multiplication",
    sizes: [1536],
    quick: [512],
    models: ['mrsw', 'lrc'],
    compared: EXACT,
  },
  {
    name: 'tsp',
    what: 'shortest round trip by branch and bound',
    sizes: [14],
    quick: [12],
    models: ['mrsw'],
    compared: 'the length, exactly; the trip, by its length',
    target: 1.8,
  },
  {
    name: 'water',
    what: 'molecular dynamics of water by pairs',
    sizes: [1728, 20],
    quick: [512, 5],
    models: ['mrsw', 'lrc'],
    compared: 'places and speeds, to 1e-9 of their size or of 1: sums are in another order',
    target: 1.87,
  },
]

/** Processes, and nodes that they are on. */
export interface Layout {
  readonly processes: number
  readonly nodes: number
}

export const LAYOUTS: readonly Layout[] = [
  { processes: 1, nodes: 1 },
  { processes: 2, nodes: 1 },
  { processes: 4, nodes: 1 },
  { processes: 2, nodes: 2 },
  { processes: 4, nodes: 2 },
  { processes: 4, nodes: 3 },
  { processes: 4, nodes: 4 },
]
/** Of all layouts. */
export const NODES = 4

/** One registered process may take so many times what the plain program takes. */
export const REGISTERED_TARGET = 1.03

export function layoutName({ processes, nodes }: Layout): string {
  const several = (count: number, one: string, more: string) => `${count} ${count === 1 ? one : more}`
  return `${several(processes, 'process', 'processes')} on ${several(nodes, 'node', 'nodes')}`
}

/** Neighbouring ranks share a node. */
export function nodeOfRank(rank: number, { processes, nodes }: Layout): number {
  return Math.floor((rank * nodes) / processes)
}
