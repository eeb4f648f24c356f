import { walkTests } from '../support/walks.js'

walkTests('mrsw-dynamic')
