/** A thread that goes through one size (explore-jobs.ts). */
import { parentPort, workerData } from 'node:worker_threads'
import { exploreSize, type SizeResult } from './explore-size.js'
import type { ExplorerSize } from './sizes.js'

export type Said = { readonly states: number } | { readonly result: SizeResult }

const tell = (said: Said) => parentPort?.postMessage(said)
tell({ result: exploreSize(workerData as ExplorerSize, (states) => tell({ states })) })
