/** What a program asks for and cannot have: one clear error in either API, and nothing is lost. */
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startNode, type TestCluster } from '../support/cluster.js'
import { Probe, type Api, type Reply } from '../support/probe.js'

const P = 4096
const PAGES = 64
const MEMORY = 1024 * P

interface Client {
  node: TestCluster
  p: Probe
  segment: bigint
  at: bigint
  /** The command is refused with exactly this error, by a text that says what was wrong. */
  refused: (what: string, code: string, text: RegExp, ...words: (string | number | bigint)[]) => Promise<void>
}

/** Runs `body` for a client of each API that has a segment mapped and a word written. */
function claim(name: string, body: (t: Test, client: Client, api: Api) => Promise<void>): void {
  t.test(name, async (t) => {
    for (const api of ['C', 'TypeScript'] as const) {
      await t.test(api, async (t) => {
        const node = await startNode(t, { memory: MEMORY })
        const p = await Probe.start(node.socket(0), {}, api)
        t.teardown(() => p.kill())
        const segment = await p.ok('create', 'shared', PAGES * P, 0)
        const at = await p.ok('map', segment, 0, 0, 0)
        await p.ok('put', at, 77)
        const refused: Client['refused'] = async (what, code, text, ...words) => {
          const reply: Reply = await p.send(...words)
          t.match(reply, { is: 'err', text: new RegExp(`^ERR_GSHM_${code}: `) }, what)
          if (reply.is === 'err') t.match(reply.text, text, `${what}: the text tells`)
        }
        await body(t, { node, p, segment, at, refused }, api)
        t.equal(await p.ok('get', at), 77n, 'what was written before is there')
        await p.ok('put', at + BigInt(P), 1)
        t.equal(status(node.socket(0)).processes, 1, 'the daemon goes on')
      })
    }
  })
}

claim('segments: names and sizes that cannot be', async (t, { p, refused }) => {
  await refused('missing', 'NOT_FOUND', /'nowhere'/, 'open', 'nowhere', 0)
  await refused('missing', 'NOT_FOUND', /'nowhere'/, 'stat', 'nowhere')
  await refused('missing', 'NOT_FOUND', /'nowhere'/, 'unlink', 'nowhere')
  await refused('it exists', 'EXISTS', /'shared'/, 'create', 'shared', PAGES * P, 0)
  await refused('another size', 'SIZE_MISMATCH', /262144 bytes, not 4096/, 'create', 'shared', P, 1)
  for (const command of ['create', 'open', 'stat', 'unlink']) {
    const rest = command === 'create' ? [P, 0] : []
    await refused(`${command}: too long`, 'NAME_TOO_LONG', /64 bytes.* 63/, command, 'x'.repeat(64), ...rest)
    await refused(`${command}: empty`, 'NAME_INVALID', /1 to 63 bytes/, command, "''", ...rest)
    await refused(`${command}: a slash`, 'NAME_INVALID', /'\/'/, command, 'a/b', ...rest)
    await refused(`${command}: a control character`, 'NAME_INVALID', /control/, command, 'a\x07b', ...rest)
  }
  await refused('no bytes', 'INVALID', /size (is )?0/, 'create', 'none', 0, 0)
  await refused('2^63 bytes', 'INVALID', /9223372036854775808/, 'create', 'big', 2n ** 63n, 0)
  await refused('read-only', 'UNSUPPORTED', /read-only/, 'open', 'shared', 1)
  const longest = 'x'.repeat(63)
  await p.ok('create', longest, 1, 0)
  t.equal(await p.ok('stat', longest), BigInt(P), 'the longest name, and a size rounded up to a page')
})

claim('options: models, units and homes that cannot be', async (t, { p, refused }) => {
  const create = ['createWith', 'x', P, 0] as const
  await refused(
    'unknown model',
    'INVALID',
    /consistency is 'none': .*'srsw', 'mrsw' or 'lrc'/,
    ...create,
    'consistency=none',
  )
  await refused('no model', 'INVALID', /consistency is ''/, ...create, 'consistency=')
  await refused(
    'a long model',
    'INVALID',
    /consistency is 'x+': .* 15 bytes/,
    ...create,
    `consistency=${'x'.repeat(16)}`,
  )
  await refused('unknown manager', 'INVALID', /manager is 'none': .*'central'/, ...create, 'manager=none')
  const dynamic = ['consistency=lrc', 'manager=dynamic']
  await refused('dynamic with lrc', 'INVALID', /manager is 'dynamic': .*'mrsw'.*'lrc'/, ...create, ...dynamic)
  for (const unit of [1, 2048, 6144, 2 ** 17]) {
    await refused('no unit', 'INVALID', new RegExp(`unit is ${unit}: .*power of two`), ...create, `unit=${unit}`)
  }
  await refused('a negative unit', 'INVALID', /unit is /, ...create, 'unit=-4096')
  await refused('no such node', 'INVALID', /home is 1: the cluster's nodes are 0$/, ...create, 'home=1')
  await refused('no node', 'INVALID', /home is 65535/, ...create, 'home=65535')
  await refused('no node', 'INVALID', /home( is|)/, ...create, `home=${2 ** 40}`)
  await refused('a negative home', 'INVALID', /home is -1/, ...create, 'home=-1')
  await refused('nothing was made', 'NOT_FOUND', /'x'/, 'open', 'x', 0)

  await p.ok(...create, 'manager=central', 'home=0', 'unit=4096')
  t.match(await p.send('model', 'x'), { is: 'ok', text: 'mrsw central 4096 1 0' })
  const again = ['createWith', 'x', P, 1] as const
  await p.ok(...again, 'manager=central')
  await refused('another manager', 'OPTION_MISMATCH', /'x' has manager central, not fixed/, ...again)
  await refused('another manager', 'OPTION_MISMATCH', /'x' has manager central, not fixed/, 'create', 'x', P, 1)
  await refused(
    'another unit',
    'OPTION_MISMATCH',
    /'x' has unit 4096, not 8192/,
    ...again,
    'manager=central',
    'unit=8192',
  )
  await refused('another size', 'SIZE_MISMATCH', /4096 bytes, not 8192/, 'createWith', 'x', 2 * P, 1, 'manager=central')
})

claim('views: ranges that cannot be mapped', async (_t, { p, segment, at, refused }, api) => {
  const map = ['map', segment] as const
  await refused('longer than the segment', 'BEYOND_END', /266240.*262144/, ...map, 0, 0, (PAGES + 1) * P)
  await refused('from its end', 'BEYOND_END', /262144/, ...map, 0, PAGES * P, P)
  await refused('from beyond its end, to the end', 'BEYOND_END', /end/, ...map, 0, 2 * PAGES * P, 0)
  await refused('an odd offset', 'MISALIGNED', /multiples of 4096/, ...map, 0, 100, P)
  await refused('an odd length', 'MISALIGNED', /multiples of 4096/, ...map, 0, 0, 100)
  await refused('an odd address', 'MISALIGNED', /multiples of 4096/, ...map, 0x600000000123n, 0, P)
  await refused('over a view', 'OVERLAP', /in the 4096 bytes at/, ...map, at + BigInt(P), 0, P)
  await refused('outside the address space', 'INVALID', /address/, ...map, 2n ** 63n, 0, P)
  await refused('no view', 'NOT_MAPPED', /0x600000000000/, 'address', 0x600000000000n)
  await refused('no view', 'NOT_MAPPED', /0x/, 'pointer', 99n << 44n)
  if (api === 'C') {
    const taken = await p.ok('mmap', 0, 16 * P)
    await refused('over another mapping', 'OVERLAP', /in the 4096 bytes at/, ...map, taken, 0, P)
    await p.ok('put', taken, 5)
    await refused('no view', 'NOT_MAPPED', /no view starts at/, 'unmap', at + BigInt(P))
  }
  await p.ok('unmap', await p.ok(...map, 0x600000000000n, 0, 0))
})

claim('acquire and release: ranges that cannot be', async (t, { p, segment, refused }, api) => {
  const lazy = await p.ok('createWith', 'lazy', 2 * P, 0, 'consistency=lrc')
  for (const command of ['acquire', 'release']) {
    await refused('from the end', 'BEYOND_END', /262144 bytes/, command, segment, PAGES * P, 0)
    await refused('beyond the end', 'BEYOND_END', /8192 bytes/, command, lazy, 1, 2 * P)
    if (api === 'C') await refused('2^64', 'BEYOND_END', /end beyond/, command, lazy, 2n ** 64n - 1n, 1)
    else await refused('2^64', 'INVALID', /offset is/, command, lazy, 2n ** 64n - 1n, 1)
    t.match(await p.send(command, segment, PAGES * P - 1, 1), { is: 'ok' }, 'the last byte')
    t.match(await p.send(command, lazy, 100, 0), { is: 'ok' }, 'to the end')
  }
  if (api === 'C') return
  await p.ok('close', lazy)
  for (const command of ['acquire', 'release']) await refused('closed', 'INVALID', /not open/, command, lazy, 0, 0)
})

claim('heap: what cannot be allocated or freed', async (t, { p, segment, refused }) => {
  const alloc = ['alloc', segment] as const
  await refused('no bytes', 'INVALID', /size (is )?0/, ...alloc, 0)
  await refused('more than the segment', 'HEAP_FULL', /does not fit.* 262144 bytes/, ...alloc, PAGES * P + 1)
  await refused('more than --memory, too', 'HEAP_FULL', /262144 bytes/, ...alloc, 2 * MEMORY)
  const block = await p.ok(...alloc, 100)
  await refused('into the block', 'NOT_ALLOCATED', /not the start/, 'free', segment, block + 16n)
  await refused('beside any block', 'NOT_ALLOCATED', /not the start/, 'free', segment, block + BigInt(8 * P))
  await refused('no address of the segment', 'NOT_ALLOCATED', /not an address in segment/, 'free', segment, 0n)
  await refused('in another segment', 'NOT_ALLOCATED', /not an address in/, 'free', segment, 99n << 44n)
  await refused('realloc into it', 'NOT_ALLOCATED', /not the start/, 'realloc', segment, block + 16n, 8)
  await refused('realloc to nothing', 'INVALID', /size (is )?0/, 'realloc', segment, block, 0)
  await refused('realloc beyond', 'HEAP_FULL', /does not fit/, 'realloc', segment, block, PAGES * P + 1)
  await p.ok('free', segment, block)
  await refused('twice', 'NOT_ALLOCATED', /not the start/, 'free', segment, block)
  t.equal(await p.ok(...alloc, PAGES * P), await p.ok('at', segment, 0), 'the heap is whole')
  for (const offset of [PAGES * P, 2n ** 44n]) {
    t.match(await p.send('at', segment, offset), { is: 'err', text: /BEYOND_END/ }, 'it would name another segment')
  }
})

claim('heap: a small block is freed once, by whoever frees it', async (t, { node, p, segment, refused }) => {
  const other = await Probe.start(node.socket(0))
  t.teardown(() => other.kill())
  await other.ok('open', 'shared', 0)
  const [block, kept] = [await p.ok('alloc', segment, 48), await p.ok('alloc', segment, 48)]
  t.equal(kept, block + 48n, 'beside each other')
  for (const inside of [1n, 16n, 47n]) {
    await refused('interior', 'NOT_ALLOCATED', /not the start/, 'free', segment, block + inside)
    t.match(await other.send('free', 0, block + inside), { is: 'err', text: /NOT_ALLOCATED: .*not the start/ })
  }
  await refused('behind the last', 'NOT_ALLOCATED', /not the start/, 'free', segment, block + 85n * 48n)
  await other.ok('free', 0, block)
  await refused('freed by another', 'NOT_ALLOCATED', /not the start/, 'free', segment, block)
  await refused('freed by another', 'NOT_ALLOCATED', /not the start/, 'realloc', segment, block, 100)
  t.match(await other.send('free', 0, block), { is: 'err', text: /NOT_ALLOCATED: .*not the start/ }, 'twice')
  await p.ok('free', segment, kept)
  await other.kill()
  await becomes(1, () => status(node.socket(0)).processes)
  t.equal(await p.ok('alloc', segment, PAGES * P), await p.ok('at', segment, 0), 'the heap is whole')
})

claim('heap: places that cannot be had', async (t, { p, segment, refused }, api) => {
  const alloc = ['allocWith', segment] as const
  for (const align of [3, 24, 4097]) {
    await refused(
      'no power of two',
      'INVALID',
      new RegExp(`align is ${align}: .*power of two`),
      ...alloc,
      64,
      `align=${align}`,
    )
  }
  if (api === 'C') await refused('2^64 - 1', 'INVALID', /power of two/, ...alloc, 64, `align=${2n ** 64n - 1n}`)
  await refused('no bytes', 'INVALID', /size (is )?0/, ...alloc, 0, 'align=64')
  await refused(
    '2^63',
    '(HEAP_FULL|INVALID)',
    / 92233720368547\d+ |is 9223372036854775808/,
    ...alloc,
    2n ** 63n,
    'apart=1',
  )
  await refused('no such node', 'INVALID', /home is 1: /, ...alloc, 64, 'home=1')
  await refused('no node', 'INVALID', /home( is|)/, ...alloc, 64, `home=${2n ** 40n}`)
  await refused('a negative home', 'INVALID', /home is -1/, ...alloc, 64, 'home=-1')
  const most = 2n ** 52n
  const first = await p.ok(...alloc, 64, `align=${most}`)
  t.equal(first, await p.ok('at', segment, 0), 'only one place in a segment is aligned so')
  await refused('and it is taken', 'HEAP_FULL', /does not fit/, ...alloc, 64, `align=${most}`)
  await p.ok('free', segment, first)
  const blocks: bigint[] = []
  for (const align of [1, 2, 16, 64, 256, 4096, 65536]) {
    for (const options of [[`align=${align}`], [`align=${align}`, 'apart=1'], [`align=${align}`, 'home=0']]) {
      const block = await p.ok(...alloc, 40, ...options)
      t.equal(block % BigInt(align), 0n, options.join(' '))
      blocks.push(block)
    }
  }
  const apart = blocks.filter((_, i) => i % 3 === 1).map((block) => block / BigInt(P))
  for (const page of apart) t.equal(blocks.filter((block) => block / BigInt(P) === page).length, 1, 'alone in its unit')
  for (const block of blocks) await p.ok('free', segment, block)
  t.equal(await p.ok('alloc', segment, PAGES * P), await p.ok('at', segment, 0), 'the heap is whole')
})

claim('heap: an allocation of 2^63 bytes', async (_t, { segment, refused }) => {
  await refused(
    '2^63',
    '(HEAP_FULL|INVALID)',
    / 92233720368547\d+ |is 9223372036854775808/,
    'alloc',
    segment,
    2n ** 63n,
  )
})

claim('memory: create beyond --memory', async (t, { p, refused }) => {
  await refused('create', 'MEMORY', /--memory 4194304/, 'create', 'huge', MEMORY + 1, 0)
  t.match(await p.send('create', 'huge', 2 * MEMORY, 0), { errno: 12 }, 'ENOMEM')
  await refused('nothing was made', 'NOT_FOUND', /'huge'/, 'open', 'huge', 0)
})

claim('locks: keys and holders that cannot be', async (_t, { p, refused }) => {
  await refused('not held', 'NOT_HOLDER', /not held/, 'unlock', 'one')
  await refused('an empty name', 'NAME_INVALID', /1 to 63 bytes/, 'lock', "''")
  await refused('too long', 'NAME_TOO_LONG', /64 bytes/, 'lock', 'x'.repeat(64))
  await refused('nobody', 'INVALID', /count/, 'barrier', 'b', 0)
  await p.ok('lock', 'one')
  await p.ok('unlock', 'one')
})

t.test('C: a name that is no UTF-8 is no name: two of them would be one', async (t) => {
  const node = await startNode(t)
  const p = await Probe.start(node.socket(0))
  t.teardown(() => p.kill())
  p.encoding = 'latin1'
  const overlong = '\xc0\xaf'
  const surrogate = '\xed\xa0\x80'
  const beyond = '\xf4\x90\x80\x80'
  for (const bytes of ['\xff', '\xc3', 'a\x80', overlong, surrogate, beyond]) {
    for (const command of [
      ['create', bytes, P, 0],
      ['open', bytes, 0],
      ['stat', bytes],
      ['lock', bytes],
      ['barrier', bytes, 1],
    ]) {
      t.match(await p.send(...command), { is: 'err', text: /^ERR_GSHM_NAME_INVALID: .*UTF-8/ }, `${command}`)
    }
  }
  const good = ['\xc3\xa9', '\xe2\x82\xac', '\xf4\x8f\xbf\xbf']
  for (const bytes of good) {
    await p.ok('create', bytes, P, 0)
    await p.ok('lock', bytes)
  }
})

claim('detached: every call says so', async (t, { node, p, at }) => {
  await p.ok('detach')
  t.match(await p.send('open', 'shared', 0), { is: 'err', text: /^ERR_GSHM_DETACHED/ })
  t.match(await p.send('detach'), { is: 'err', text: /^ERR_GSHM_DETACHED/ })
  await p.ok('attach', node.socket(0))
  t.equal(await p.ok('map', await p.ok('open', 'shared', 0), at, 0, 0), at)
})

claim('sizes: what a segment cannot grow or shrink to', async (t, { p, segment, refused }) => {
  const max = `maxSize=${8 * P}`
  const grows = await p.ok('createWith', 'grows', 2 * P, 0, max)
  t.equal(await p.ok('maxSize', segment), BigInt(PAGES * P), 'by default the size')
  await refused('beyond', 'BEYOND_END', /262145 bytes are beyond the max_size 262144/, 'resize', segment, PAGES * P + 1)
  await refused(
    'beyond',
    'BEYOND_END',
    /32769 bytes are beyond the max_size 32768 .*'grows'/,
    'resize',
    grows,
    8 * P + 1,
  )
  await refused('nothing', 'INVALID', /size (is )?0/, 'resize', grows, 0)
  await refused('2^63', 'INVALID', /9223372036854775808/, 'resize', grows, 2n ** 63n)
  await refused('max below size', 'INVALID', /max_size is 4096/, 'createWith', 'x', 2 * P, 0, `maxSize=${P}`)
  await refused(
    'max of 2^63',
    'INVALID',
    /max_?[sS]ize (is )?9223372036854775808/,
    'createWith',
    'x',
    P,
    0,
    `maxSize=${2n ** 63n}`,
  )
  await p.ok('resize', grows, 2 * P + 1)
  t.equal(await p.ok('size', grows), BigInt(3 * P), 'rounded up')
  await p.ok('resize', grows, 3 * P)
  t.equal(await p.ok('createWith', 'grows', 2 * P, 1, max), grows + 1n, 'open or create: by what it was created with')
  await refused(
    'another size',
    'SIZE_MISMATCH',
    /was made with 8192 bytes, not 12288/,
    'createWith',
    'grows',
    3 * P,
    1,
    max,
  )
  await refused('another max', 'OPTION_MISMATCH', /max_size 32768, not 8192/, 'createWith', 'grows', 2 * P, 1)
  const huge = await p.ok('createWith', 'huge', P, 0, `maxSize=${2n ** 40n}`)
  await refused(
    'memory',
    'MEMORY',
    /^.*resize: 1099511627776 bytes exceed this node's --memory/,
    'resize',
    huge,
    2n ** 40n,
  )
  const block = await p.ok('alloc', grows, 2 * P)
  await refused('the heap', 'BUSY', /in use up to byte 8192/, 'resize', grows, P)
  await p.ok('free', grows, block)
  await p.ok('resize', grows, P)
  await p.ok('unlink', 'grows')
  await p.ok('resize', grows, 2 * P)
  await p.ok('close', grows)
  await p.ok('close', grows + 1n)
  t.equal(await p.ok('stat', 'huge'), BigInt(P))
})
