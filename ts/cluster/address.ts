/** Addresses of nodes: HOST:PORT as users and messages write them, [HOST]:PORT for IPv6. */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { GshmError } from '../base/errors.js'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** undefined when the text is no HOST:PORT; it may have come from a peer. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^:[\]\s]{1,253})):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host !== undefined && port >= 1 && port <= 65535 ? { host, port } : undefined
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const wildcard = new BlockList()
wildcard.addAddress('0.0.0.0', 'ipv4')
wildcard.addAddress('::', 'ipv6')

function within(list: BlockList, ip: string): boolean {
  return list.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')
}

export function isLoopback(ip: string): boolean {
  return within(loopback, ip)
}

/**
 * The numeric address to listen on, after the rules: without a secret loopback only, and a wildcard
 * needs an address that others can use. @throws GshmError INVALID, naming the option
 */
export async function checkedListen(listen: Endpoint, secret: boolean, advertise: boolean): Promise<Endpoint> {
  const { address } = await lookup(listen.host).catch((error: Error) => {
    throw new GshmError('INVALID', `--listen: no address for ${listen.host}: ${error.message}`)
  })
  if (!secret && !isLoopback(address)) {
    throw new GshmError('INVALID', `--listen ${listen.host} is reachable from other machines: --secret-file is needed`)
  }
  if (within(wildcard, address) && !advertise) {
    throw new GshmError('INVALID', `--listen ${listen.host} is no address others can connect to: --advertise is needed`)
  }
  return { host: address, port: listen.port }
}
