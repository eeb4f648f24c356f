/** forget-run SOCKET RUN: what `gshm run` does at its end, when it has been killed before it could (launch/leash.ts). */
import { segments, unlink } from '../client/inspect.js'
import { forgetSegments } from './forget.js'

const [socket = '', run = ''] = process.argv.slice(2)
forgetSegments(socket, run, segments, unlink)
