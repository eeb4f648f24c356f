/** Direct barriers at their manager: when it offers that processes meet by themselves. */

/** After how many episodes of the same processes that is offered, unless gshmd is told (--barrier-direct). */
export const DIRECT_AFTER = 16
export const DIRECT_AFTER_MAX = 65_536
/** Nodes of a direct barrier, at most. */
export const DIRECT_MAX = 8
