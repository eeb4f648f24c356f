/**
 * The shape of messages as data, so that ts/wire can encode any message and check any untrusted
 * input without knowing the rooms. Messages are flat on purpose. A room writes
 *   export const X_FIELDS = { ... } as const satisfies MessageFields<XMessage>
 * and a type, field or kind that is missing or wrong does not compile.
 * The order of a type's fields here is their order on the wire.
 */
export type FieldKind = 'string' | 'number' | 'boolean' | 'numbers' | 'bigint'

type KindOf<V> = [V] extends [string]
  ? 'string'
  : [V] extends [number]
    ? 'number'
    : [V] extends [boolean]
      ? 'boolean'
      : [V] extends [readonly number[]]
        ? 'numbers'
        : [V] extends [bigint]
          ? 'bigint'
          : never

type Member<M, T> = M extends { readonly type: infer U } ? (T extends U ? M : never) : never

export type MessageFields<M extends { readonly type: string }> = {
  readonly [T in M['type']]: {
    readonly [F in Exclude<keyof Member<M, T>, 'type'>]: KindOf<Member<M, T>[F]>
  }
}
