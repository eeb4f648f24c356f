/** PARMACS: mistakes of programs, and the ends that they come to. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { compileParmacs, runParmacs } from '../support/parmacs.js'
import { segmentNames } from '../support/ranks.js'
import { hasCommand, skipUnless } from '../support/skip.js'

const HEAD = '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nMAIN_ENV\n'

/** The program of a source that stands in the test. */
async function program(dir: string, name: string, text: string, flags: readonly string[] = []): Promise<string> {
  writeFileSync(join(dir, `${name}.C`), HEAD + text)
  return compileParmacs(dir, join(dir, `${name}.C`), { flags })
}

/** Of two ranks, of which rank 0 says it. */
const complaint = (text: string) => new RegExp(`^\\[0\\] gshm: PARMACS: ${text}`)

t.test('PARMACS: mistakes end the program with a line that says which', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const cluster = await startCluster(t, 2)
  const dir = cluster.dir
  const main = (text: string, before = '') => `${before}\nint main(void) { MAIN_INITENV() ${text} MAIN_END }\n`
  for (const [name, source, text] of [
    ['stack', main('LOCKDEC(l) LOCK(l)'), 'LOCK of something at 0x[0-9a-f]+, which is memory of this rank alone'],
    ['twice', main('LOCK(l) LOCK(l)', 'LOCKDEC(l)'), 'LOCK: ERR_GSHM_DEADLOCK'],
    ['never', main('UNLOCK(l)', 'LOCKDEC(l)'), 'UNLOCK: ERR_GSHM_NOT_HOLDER'],
    ['count', main('BARINIT(b) BARRIER(b)', 'BARDEC(b)'), 'BARRIER: 0 processes'],
    ['queue', main('DELAY(m, 8)', 'MONDEC(m)'), 'DELAY: queue 8: a monitor has queues 0 to 7'],
    ['empty', main('MEXIT(m)', 'MONDEC(m)'), 'MEXIT of a monitor that nobody is in'],
    ['freed', main('int x; G_FREE(&x)'), 'G_FREE of 0x[0-9a-f]+, which G_MALLOC did not give'],
    ['again', main('void *x = G_MALLOC(10); G_FREE(x) G_FREE(x)'), 'G_FREE: ERR_GSHM_NOT_ALLOCATED'],
    ['inner', main('CREATE(f) WAIT_FOR_END(1)', 'void f(void) { CREATE(f) }'), 'CREATE by rank 1'],
  ] as const) {
    const { status, rest } = await runParmacs(cluster, 2, await program(dir, name, source))
    t.equal(status, 1, name)
    t.match(rest[0], new RegExp(`^\\[\\d\\] gshm: PARMACS: ${text}`))
  }
  const dies = await program(dir, 'dies', main('CREATE(f) WAIT_FOR_END(1)', 'void f(void) { abort(); }'))
  t.match(await runParmacs(cluster, 2, dies), { status: 134 }, 'a rank that dies ends the run with its signal')
  const slowly = 'void f(void) { for (int fd = 3; fd < 100; fd++) close(fd); usleep(300000); abort(); }'
  const late = await program(dir, 'late', main('CREATE(f) WAIT_FOR_END(1)', slowly))
  t.match(await runParmacs(cluster, 2, late), { status: 134 }, 'also when its node hears of it before its parent does')
  const ends = await program(
    dir,
    'ends',
    main('CREATE(f) WAIT_FOR_END(1) puts("waited");', 'void f(void) { exit(0); }'),
  )
  t.same(await runParmacs(cluster, 2, ends), { status: 0, out: ['waited'], rest: [] }, 'exit() ends a function, too')
  const idle = await program(dir, 'idle', main('puts("done");'))
  t.same(await runParmacs(cluster, 2, idle), { status: 0, out: ['done'], rest: [] }, 'ranks that nobody wants end')
  const reads = await program(dir, 'reads', main('char s[9]; if (fgets(s, 9, stdin)) puts(s);'))
  t.same(await runParmacs(cluster, 2, reads, [], {}, 'input'), { status: 0, out: ['input'], rest: [] }, 'rank 0 reads')
  const wrong = await runParmacs(cluster, 2, idle, [], { GSHM_CONSISTENCY: 'sequential' })
  t.equal(wrong.status, 1)
  t.match(wrong.rest[0], complaint('G_MALLOC memory .*GSHM_CONSISTENCY.*INVALID'))
  t.same(segmentNames(cluster), [])
})
