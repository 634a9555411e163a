/** IPv4 subnets of the lab: which addresses a switch may hand out, and which it already has. */
import { LabError } from './error.ts';

/** `203.0.113.10/24`, taken apart. */
export interface Cidr {
  readonly address: string;
  readonly length: number;
}

function toNumber(address: string): number {
  const parts = address.split('.');
  const valid = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  if (!valid) throw new LabError(`"${address}" is not an IPv4 address: write it like 203.0.113.10`);
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/**
 * Parses `address/length`.
 * @throws LabError when it is not IPv4 in that form, or the length is outside 8..30.
 */
export function parseCidr(text: string): Cidr {
  const [address = '', digits = '', ...rest] = text.split('/');
  const length = Number(digits);
  if (!/^\d{1,2}$/.test(digits) || rest.length > 0 || length < 8 || length > 30) {
    throw new LabError(`"${text}" is not an address with a length of 8..30: write it like 203.0.113.10/24`);
  }
  toNumber(address);
  return { address, length };
}

/** One subnet: the gateway has the first address, machines get the tenth and up unless they ask for one. */
export class Subnet {
  readonly length: number;
  readonly #base: number;
  readonly #size: number;
  readonly #taken = new Set<number>();

  constructor(text: string) {
    const { address, length } = parseCidr(text);
    this.length = length;
    this.#size = 2 ** (32 - length);
    const value = toNumber(address);
    this.#base = value - (value % this.#size);
    if (this.#base !== value) throw new LabError(`"${text}" has host bits: the subnet is ${this.prefix}`);
    this.#taken.add(1);
  }

  get prefix(): string {
    return `${toText(this.#base)}/${this.length}`;
  }

  get gateway(): string {
    return toText(this.#base + 1);
  }

  /** Whether the address is one a machine of this subnet could have. */
  holds(address: string): boolean {
    const offset = toNumber(address) - this.#base;
    return offset > 0 && offset < this.#size - 1;
  }

  /** The machine's number inside the subnet: the same number ends its IPv6 address. */
  numberOf(address: string): number {
    return toNumber(address) - this.#base;
  }

  /**
   * Takes an address, the wish or the next free one.
   * @throws LabError when the wish is taken or not of this subnet, or the subnet is full.
   */
  claim(wish?: string): string {
    if (wish !== undefined) {
      const { address, length } = wish.includes('/') ? parseCidr(wish) : { address: wish, length: this.length };
      if (length !== this.length || !this.holds(address)) throw new LabError(`${wish} is not in ${this.prefix}`);
      const offset = this.numberOf(address);
      if (this.#taken.has(offset)) throw new LabError(`${address} is taken: choose another address of ${this.prefix}`);
      this.#taken.add(offset);
      return address;
    }
    for (let offset = Math.min(10, this.#size - 2); offset < this.#size - 1; offset++) {
      if (this.#taken.has(offset)) continue;
      this.#taken.add(offset);
      return toText(this.#base + offset);
    }
    throw new LabError(`${this.prefix} is full: give the router a larger LAN`);
  }

  release(address: string): void {
    this.#taken.delete(this.numberOf(address));
  }
}
