/** dlclose of the library while its process goes on: by then threads, signals and forks are its business, so it stays. */
import t from 'tap'
import { built, compiled } from '../../ts/launch/paths.js'
import { startNode } from '../support/cluster.js'

t.test('dlopen and dlclose of libgshm: the program goes on, attached or not', async (t) => {
  const node = await startNode(t)
  for (const trap of ['userfaultfd', 'mprotect'])
    for (const how of ['attached', 'detached']) {
      const end = await node.run(0, 'unload', [built('libgshm.so'), how], { env: { GSHM_TRAP: trap } })
      t.match(end, { status: 0, stdout: 'on\n', stderr: '' }, `${trap}, ${how}`)
    }
})

t.test('Node.js: the only thread that has loaded the addon ends, its process goes on', async (t) => {
  const node = await startNode(t)
  const script = `
    import { Worker } from 'node:worker_threads'
    const source = \`import(${JSON.stringify(compiled('ts/index.js'))}).then(({ attach }) => {
      const g = attach()
      g.create('worker', 4096, { openOrCreate: true }).view(Uint8Array)[0] = 1
    })\`
    for (let n = 0; n < 3; n++) await new Promise((end) => new Worker(source, { eval: true }).once('exit', end))
    globalThis.gc()
    console.log('on')`
  for (const trap of ['userfaultfd', 'mprotect']) {
    const words = ['--expose-gc', '--input-type=module', '-e', script]
    const end = await node.run(0, process.execPath, words, { env: { GSHM_TRAP: trap } })
    t.match(end, { status: 0, stdout: 'on\n', stderr: '' }, trap)
  }
})
