import { walkTests } from '../support/walks.js'

walkTests('srsw')
