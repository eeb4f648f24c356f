import t from 'tap'
import { parseMaps } from '../../kmod-sim/proc-maps.js'

t.test('maps: memfd mappings are found with their offsets, everything else is passed over', async (t) => {
  const text = [
    '55d0c0000000-55d0c0001000 r--p 00000000 fe:00 1234                       /usr/bin/cat',
    '7f0000000000-7f0000004000 rw-s 00002000 00:01 77                         /memfd:gshm:3 (deleted)',
    '7f0000004000-7f0000005000 ---s 00000000 00:01 78                         /memfd:other (deleted)',
    '7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]',
    '',
  ].join('\n')
  t.same(parseMaps(text), [
    { start: 0x7f0000000000, end: 0x7f0000004000, offset: 0x2000, readable: true, name: 'gshm:3' },
    { start: 0x7f0000004000, end: 0x7f0000005000, offset: 0, readable: false, name: 'other' },
  ])
})
