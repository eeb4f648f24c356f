/** Segments' modes: a matrix of users, in real processes, on another node than the owner's; and what the kernel says of
 * System V shared memory of the same modes. */
import { readdirSync, readlinkSync, truncateSync } from 'node:fs'
import t from 'tap'
import { pages, processes, segments, unlink } from '../../ts/client/inspect.js'
import { fields, frame, Hostile, hello, words } from '../support/hostile.js'
import { Probe, type Reply } from '../support/probe.js'
import { runProgram } from '../support/program.js'
import { clusterForUsers, GROUP, probeOf, type User } from '../support/users.js'

const P = 4096
const OWNER = { uid: 54_321, gid: 54_321, groups: [GROUP] }
/** The owner first; each may reach the socket, and one is in the owner's group besides. */
const USERS = {
  owner: OWNER,
  group: { uid: 54_322, gid: OWNER.gid, groups: [GROUP] },
  member: { uid: 54_323, gid: GROUP, groups: [OWNER.gid] },
  other: { uid: 54_324, gid: GROUP },
  root: { uid: 0, gid: 0 },
} as const satisfies Record<string, User>
type Name = keyof typeof USERS
const NAMES = Object.keys(USERS) as Name[]
const VISITOR = 4

/** By mode, as it is written: what each may do with System V shared memory. */
async function kernelSays(): Promise<Map<string, readonly string[]>> {
  const words = Object.values(USERS).map(({ uid, gid, ...rest }) => [
    uid,
    gid,
    ...('groups' in rest ? rest.groups : []),
  ])
  const { status, stdout } = await runProgram(
    undefined,
    'sysv_rights',
    words.map((word) => word.join(':')),
  )
  t.equal(status, 0)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  return new Map(lines.map(([mode, ...rights]) => [mode!, rights]))
}

function letter(one: string, reply: Reply): string {
  if (reply.is === 'err' && reply.text.startsWith('ERR_GSHM_ACCESS: ')) return '-'
  return reply.is === 'ok' ? one : JSON.stringify(reply)
}

for (const api of ['C', 'TypeScript'] as const) {
  t.test(`${api}: who opens, asks and unlinks is let or refused as with System V shared memory`, async (t) => {
    const says = await kernelSays()
    t.equal(says.size, 63, 'every mode but 0, which is the default')
    const cluster = await clusterForUsers(t, 2)
    const owner = await probeOf(t, OWNER, cluster.socket(0), api)
    const users = await Promise.all(NAMES.map((name) => probeOf(t, USERS[name], cluster.socket(1), api)))
    for (const [mode, rights] of says) {
      const make = async (): Promise<string> => `${await owner.ok('createWith', 's', P, 0, `mode=${mode}`)}`
      let made = await make()
      const got: string[] = []
      for (const user of users) {
        const opened = await user.send('open', 's', 0)
        const again = await user.send('create', 's', P, 1)
        t.equal(again.is, opened.is, 'open or create: as open')
        if (opened.is === 'ok' && again.is === 'ok')
          for (const reply of [opened, again]) await user.ok('close', reply.text)
        const told = await user.send('stat', 's')
        const removed = await user.send('unlink', 's')
        got.push(letter('a', opened) + letter('s', told) + letter('r', removed))
        if (removed.is !== 'ok') continue
        await owner.ok('close', made)
        made = await make()
      }
      t.same(got, rights, mode)
      await owner.ok('unlink', 's')
      await owner.ok('close', made)
    }
  })

  t.test(`${api}: who may open may all the rest; the error tells mode, owner and who asks`, async (t) => {
    const cluster = await clusterForUsers(t, 2)
    const owner = await probeOf(t, OWNER, cluster.socket(0), api)
    await owner.ok('createWith', 'ours', 16 * P, 0, 'mode=0660', `maxSize=${32 * P}`)
    await owner.ok('createWith', 'read', P, 0, 'mode=0644')
    for (const name of ['owner', 'group', 'member', 'root'] as const) {
      const user = await probeOf(t, USERS[name], cluster.socket(1), api)
      const segment = await user.ok('open', 'ours', 0)
      const at = await user.ok('map', segment, 0, 0, 0)
      const block = await user.ok('alloc', segment, 64)
      await user.ok('put', at, 7)
      t.equal(await user.ok('get', at), 7n)
      await user.ok('free', segment, block)
      await user.ok('resize', segment, (17 + NAMES.indexOf(name)) * P)
      await user.ok('close', segment)
    }
    const other = await probeOf(t, USERS.other, cluster.socket(1), api)
    const theirs = "'ours' \\(mode 0660, uid 54321, gid 54321\\) does not let uid 54324, gid 54320,"
    const refused = (text: string) => ({ is: 'err', errno: 13, text: new RegExp(`^ERR_GSHM_ACCESS: ${text}`) })
    t.match(await other.send('open', 'ours', 0), refused(`open: ${theirs} read it`))
    t.match(await other.send('create', 'ours', 16 * P, 0), { is: 'err', text: /^ERR_GSHM_EXISTS: / })
    t.match(await other.send('stat', 'ours'), refused(`stat: ${theirs} read it`))
    t.match(await other.send('unlink', 'ours'), refused("'ours' belongs to uid 54321: only it and root may unlink it"))
    t.match(await other.send('open', 'read', 0), refused("open: 'read' .* write it, and views that only read are not"))
    t.equal(await other.ok('stat', 'read'), BigInt(P))
    for (const mode of ['1777', '4600', '37777777777'])
      t.match(await other.send('createWith', 'no', P, 0, `mode=${mode}`), {
        is: 'err',
        text: /^ERR_GSHM_INVALID: .*mode/,
      })
    t.equal(await other.ok('createWith', 'mine', P, 0, 'mode=0400'), 0n, 'its maker has it, whatever its mode')
    t.match(await other.send('open', 'mine', 0), { is: 'err', errno: 13 })
  })
}

t.test(
  'without a mode a segment is its owner’s and root’s; every user sees names and modes, as ipcs shows them',
  async (t) => {
    const cluster = await clusterForUsers(t, 1)
    const owner = await probeOf(t, OWNER, cluster.socket(0))
    await owner.ok('create', 'own', P, 0)
    t.match(segments(cluster.socket(0)), [{ name: 'own', mode: 0o600, uid: OWNER.uid, gid: OWNER.gid }])
    t.match(pages(cluster.socket(0), 'own'), { name: 'own' }, 'root')
    for (const name of ['group', 'member', 'other'] as const) {
      const user = await probeOf(t, USERS[name], cluster.socket(0))
      t.match(await user.send('open', 'own', 0), { is: 'err', errno: 13 }, name)
    }
    unlink(cluster.socket(0), 'own')
    t.match(segments(cluster.socket(0)), [{ name: 'own', linked: false }])
  },
)

t.test('a process stays who it was when it attached, and a child is who its parent is', async (t) => {
  const cluster = await clusterForUsers(t, 1)
  const root = await Probe.start(cluster.socket(0))
  t.teardown(() => root.kill())
  const owner = await probeOf(t, OWNER, cluster.socket(0))
  await owner.ok('create', 'own', P, 0)
  await root.ok('become', USERS.other.uid, GROUP)
  await root.ok('open', 'own', 0)
  const child = await root.fork()
  t.teardown(() => child.kill())
  t.match(await child.send('open', 'own', 0), { is: 'err', errno: 13 }, 'which has connected as who it is')
  await root.ok('detach')
  await root.ok('attach', cluster.socket(0))
  t.match(await root.send('open', 'own', 0), { is: 'err', errno: 13 })
})

t.test('frames made by hand get nobody further: what is not open is neither mapped, changed, nor locked', async (t) => {
  const cluster = await clusterForUsers(t, 1)
  const owner = await probeOf(t, OWNER, cluster.socket(0))
  await owner.ok('create', 'own', 16 * P, 0)
  const number = segments(cluster.socket(0))[0]!.segment
  const hostile = new Hostile(cluster.socket(0))
  t.teardown(() => hostile.stop())
  t.equal(await hostile.ask(`become ${USERS.other.uid} ${GROUP}`), 'become')
  const connection = await hostile.register()
  const address = fields(3, 0, (BigInt(number) << 44n) + 64n, '')
  const of = fields(number, 0)
  const tries: Record<string, Buffer> = {
    map: Buffer.concat([of, fields(0x7000_0000_0000n, 0n, BigInt(P))]),
    alloc: Buffer.concat([of, fields(64n)]),
    allocWith: Buffer.concat([of, fields(64n, 0n, 0, 0)]),
    realloc: Buffer.concat([of, fields(64n, 128n)]),
    free: Buffer.concat([of, fields(64n)]),
    resize: Buffer.concat([of, fields(BigInt(P))]),
    size: of,
    heap: of,
    span: of,
    acquire: Buffer.concat([of, fields(0n, 0n)]),
    release: Buffer.concat([of, fields(0n, 0n)]),
    lockPages: of,
    lock: Buffer.concat([address, fields(7n, 0, 0)]),
    barrier: Buffer.concat([address, fields(2, 0, 0n)]),
    object: Buffer.concat([address, fields(2, 5, 0n, 1n, 0n, 0, 0)]),
    close: of,
  }
  for (const [op, body] of Object.entries(tries)) {
    t.match(await hostile.exchange(connection, frame(op, body)), { error: 'INVALID', text: /is not open/ }, op)
  }
  const unlock = await hostile.exchange(connection, frame('unlock', Buffer.concat([address, fields(7n, 0, 0)])))
  t.match(unlock, { error: 'NOT_HOLDER' })
  const create = fields(16n * BigInt(P), 1, 0o600, 0, 0)
  const made = Buffer.concat([create, words('', ''), fields('own', 0n)])
  t.match(await hostile.exchange(connection, frame('create', made)), { error: 'ACCESS' })

  const visitor = await hostile.connect()
  t.match(await hostile.exchange(visitor, hello(VISITOR)), { error: 'OK' })
  t.match(await hostile.exchange(visitor, frame('unlink', fields('own'))), { error: 'ACCESS' })
  t.match(await hostile.exchange(visitor, frame('stat', fields('own'))), { error: 'ACCESS' })
  const inspect = (what: number, name: string) => hostile.exchange(visitor, frame('inspect', fields(what, 0, name)))
  t.match(await inspect(3, 'own'), { error: 'ACCESS', text: /^pages: / })
  t.match(await inspect(6, 'on'), { error: 'ACCESS', text: /^trace: / })
  t.match(await inspect(2, ''), { error: 'OK' })
  await owner.ok('open', 'own', 0)
})

t.test('a memfd that its process has named gshm:N is no view of segment N', async (t) => {
  const cluster = await clusterForUsers(t, 1)
  const owner = await probeOf(t, OWNER, cluster.socket(0))
  const at = await owner.ok('map', await owner.ok('create', 'own', P, 0), 0, 0, 0)
  await owner.ok('put', at, 7)
  const { segment } = segments(cluster.socket(0))[0]!
  const hostile = new Hostile(cluster.socket(0))
  t.teardown(() => hostile.stop())
  t.equal(await hostile.ask(`become ${USERS.other.uid} ${GROUP}`), 'become')
  await hostile.register()
  const claimed = await hostile.ask(`claim gshm:${segment}`)
  t.match(claimed, /^0x/)
  t.equal(await hostile.ask(`touch ${claimed}`), 'sigbus')
  t.same(processes(cluster.socket(0)).find(({ uid }) => uid === USERS.other.uid)?.views, [])
  t.equal(await owner.ok('get', at), 7n)
})

t.test('who has a segment’s frames can make them neither longer nor shorter', async (t) => {
  const cluster = await clusterForUsers(t, 1)
  const owner = await probeOf(t, OWNER, cluster.socket(0))
  await owner.ok('map', await owner.ok('create', 'own', 4 * P, 0), 0, 0, 0)
  const { segment } = segments(cluster.socket(0))[0]!
  const all = readdirSync(`/proc/${owner.pid}/fd`).map((fd) => `/proc/${owner.pid}/fd/${fd}`)
  const frames = all.filter((path) => readlinkSync(path).startsWith(`/memfd:gshm:${segment} `))
  t.ok(frames.length > 0)
  for (const path of frames)
    for (const length of [0, P, 8 * P]) t.throws(() => truncateSync(path, length), { code: 'EPERM' })
})
