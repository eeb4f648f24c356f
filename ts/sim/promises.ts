/**
 * What a protocol promises to threads, as something to look at between any two events. Each throws a
 * Violation. That no thread reads old bytes is checked at each read besides (accesses.ts).
 */
import type { Page } from '../base/ids.js'
import type { Face } from './face.js'
import { Violation } from './violation.js'

/** @param latest by page, the number of its last write */
export type Promised = (faces: readonly Face[], latest: readonly number[]) => void

/** Sequential consistency: one writer or many readers, and a readable copy holds the last write. */
export const oneWriterOrManyReaders: Promised = (faces, latest) => {
  forEachCopy(faces, latest, (page, at, access, others) => {
    const wrong = access === 'write' ? others.length > 0 : others.some((other) => canWrite(faces[other]!, page))
    if (wrong) throw new Violation(`node ${at} can ${access} p${page}, node ${others.at(-1)} can use it too`)
  })
}

/** srsw: at most one node can use a page at all. */
export const oneCopy: Promised = (faces, latest) => {
  forEachCopy(faces, latest, (page, at, access, others) => {
    if (others.length > 0) throw new Violation(`node ${at} can ${access} p${page}, node ${others[0]} can use it too`)
  })
}

/** @param visit gets the lower nodes that can use the page too */
function forEachCopy(
  faces: readonly Face[],
  latest: readonly number[],
  visit: (page: Page, at: number, access: 'read' | 'write', others: readonly number[]) => void,
): void {
  for (let page = 0; page < latest.length; page++) {
    const others: number[] = []
    for (let at = 0; at < faces.length; at++) {
      const { access, bytes } = faces[at]!.pages[page]!
      if (access === 'none') continue
      visit(page, at, access, others)
      if (bytes !== latest[page]) throw new Violation(`node ${at} can read old bytes of p${page}`)
      others.push(at)
    }
  }
}

function canWrite({ pages }: Face, page: Page): boolean {
  return pages[page]!.access === 'write'
}

/**
 * lrc: who writes without twin and notices has the page alone, but for copies that an acquire drops; and
 * there is a twin wherever a page is written beside others. What reads may see is the oracle's affair.
 */
export const exclusiveIsAlone: Promised = (faces, latest) => {
  for (let page = 0; page < latest.length; page++) {
    const states = faces.map(({ alive, pages }) => (alive ? pages[page]!.state : 'I'))
    const alone = states.indexOf('E')
    const other = states.findIndex((state, at) => at !== alone && /^(R|RU|W|WS|E)$/.test(state))
    if (alone >= 0 && other >= 0) throw new Violation(`node ${alone} has p${page} alone, node ${other} has it too`)
    states.forEach((state, at) => {
      const { busy, pages } = faces[at]!
      if (busy) return
      const should = /^WS?$/.test(state) && !pages[page]!.home
      if (pages[page]!.twin !== should) throw new Violation(`node ${at} has p${page} ${state}: twin ${!should}`)
    })
  }
}
