/** mrsw: what the names in the cells do. It takes all actions of protocols with homes. */
import { copyActions, homeActions } from '../home-actions.js'

export { copyActions, homeActions }
export type CopyAction = keyof typeof copyActions
export type HomeAction = keyof typeof homeActions
