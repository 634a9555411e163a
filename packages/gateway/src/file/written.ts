/** The section `gateway` as it was written: checked, addresses parsed, nothing filled in yet. */
import type { Address, Label, Prefix } from '@kith/core';

export type FastdMethod = 'salsa2012+umac' | 'null+salsa2012+umac' | 'null@l2tp' | 'null';
export type Algorithm = 'BATMAN_IV' | 'BATMAN_V';

export interface WrittenCommunity {
  readonly name: string;
  readonly code?: string | undefined;
  readonly contact?: string | undefined;
  readonly location?: { readonly latitude: number; readonly longitude: number } | undefined;
  readonly country?: string | undefined;
  readonly timezone?: string | undefined;
}

export interface WrittenExit {
  readonly interface?: string | undefined;
  readonly via?: readonly Address[] | undefined;
  readonly members?: readonly Label[] | undefined;
  readonly offer?: boolean | undefined;
  readonly nat?: boolean | undefined;
  readonly nat6?: boolean | undefined;
  readonly mtu?: number | undefined;
  readonly block?: readonly number[] | undefined;
  readonly reach?: readonly Prefix[] | undefined;
}

export interface WrittenDomain {
  readonly title?: string | undefined;
  readonly interfaces?: string | readonly string[] | undefined;
  readonly prefix4?: Prefix | undefined;
  readonly prefix6?: Prefix | undefined;
  readonly next_node?:
    | {
        readonly name?: Label | undefined;
        readonly ip4?: Address | undefined;
        readonly ip6?: Address | undefined;
        readonly mac?: string | undefined;
      }
    | undefined;
  readonly lease?: number | undefined;
  readonly mesh?:
    | {
        readonly algorithm?: Algorithm | undefined;
        readonly interval?: number | undefined;
        readonly hop_penalty?: number | undefined;
      }
    | undefined;
}

export interface WrittenFastd {
  readonly port?: number | undefined;
  readonly methods?: readonly FastdMethod[] | undefined;
  readonly mtu?: number | undefined;
  readonly accept?: 'all' | 'known' | undefined;
  readonly peers?: string | undefined;
  readonly limit?: number | undefined;
}

export interface WrittenWireGuard {
  readonly port?: number | undefined;
  readonly mtu?: number | undefined;
  readonly peers?: readonly string[] | undefined;
}

export interface WrittenRegistration {
  readonly port?: number | undefined;
  readonly approve?: 'hand' | 'all' | undefined;
  readonly limit?: number | undefined;
}

export interface WrittenGateway {
  readonly slot?: number | undefined;
  readonly endpoints?: string | readonly string[] | undefined;
  readonly fastd?: string | undefined;
  readonly wireguard?: string | undefined;
}

export interface WrittenFirmware {
  readonly radio?:
    | {
        readonly ssid?: string | undefined;
        readonly channel24?: number | undefined;
        readonly channel5?: number | undefined;
      }
    | undefined;
  readonly branch?: string | undefined;
  readonly mirrors?: readonly string[] | undefined;
  readonly keys?: readonly string[] | undefined;
  readonly signatures?: number | undefined;
  readonly release?: string | undefined;
}

export interface Written {
  readonly community: string | WrittenCommunity;
  readonly clients?: string | readonly string[] | undefined;
  readonly exit: string | WrittenExit;
  readonly domains?: Readonly<Record<string, WrittenDomain | null>> | undefined;
  readonly gateways?: Readonly<Record<string, WrittenGateway | null>> | undefined;
  readonly slots?: number | undefined;
  readonly bandwidth?: { readonly down: number; readonly up: number } | undefined;
  readonly vpn?:
    | 'fastd'
    | 'wireguard'
    | {
        readonly fastd?: WrittenFastd | undefined;
        readonly wireguard?: WrittenWireGuard | undefined;
        readonly registration?: WrittenRegistration | undefined;
      }
    | undefined;
  readonly dns?:
    | {
        readonly zone?: Label | undefined;
        readonly upstreams?: readonly Address[] | undefined;
        readonly records?: Readonly<Record<string, Address | readonly Address[]>> | undefined;
      }
    | undefined;
  readonly ntp?: { readonly upstreams?: readonly string[] | undefined } | undefined;
  readonly services?: Readonly<Record<string, string>> | undefined;
  readonly bans?:
    | false
    | {
        readonly attempts?: number | undefined;
        readonly window?: number | undefined;
        readonly time?: number | undefined;
        readonly allow?: readonly Prefix[] | undefined;
      }
    | undefined;
  readonly statistics?: boolean | { readonly port?: number | undefined } | undefined;
  readonly map?: boolean | { readonly interval?: number | undefined } | undefined;
  readonly gluon?: WrittenFirmware | undefined;
}
