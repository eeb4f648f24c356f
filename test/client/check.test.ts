import t from 'tap'
import * as check from '../../ts/client/check.js'

t.test('options: a name that there is none of is refused, and told with those that there are', async (t) => {
  const known = { manager: true, unit: true } as const
  const options = (given: object | undefined) =>
    check.options<{ manager?: string; unit?: number }>('options', given, known)
  t.same(options(undefined), {})
  t.same(options({ unit: 8192 }), { unit: 8192 })
  t.throws(() => options({ unit: 8192, manger: 'central' }), {
    code: 'ERR_GSHM_INVALID',
    message: "options has 'manger': there are manager, unit",
  })
  t.throws(() => options({ toString: undefined }), { code: 'ERR_GSHM_INVALID', message: /'toString'/ })
  t.throws(() => options(null as never), { name: 'GshmError', code: 'ERR_GSHM_INVALID' })
})
