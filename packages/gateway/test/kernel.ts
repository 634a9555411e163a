/** A host as far as a plan is concerned: what goes down with a link goes down, and a journal is kept. */
import {
  type Change,
  type Item,
  type ItemKey,
  keyOf,
  type Observed,
  type Owned,
  owning,
  type Plan,
} from '@kith/gateway';

export class Kernel {
  readonly #items: Map<ItemKey, Item>;
  #owned: Map<ItemKey, Owned>;
  /** What was asked of the host that it cannot do. */
  readonly complaints: string[] = [];

  constructor(observed: Observed = { found: new Map(), owned: new Map() }) {
    this.#items = new Map(observed.found);
    this.#owned = new Map(observed.owned);
  }

  observe(): Observed {
    return { found: new Map(this.#items), owned: new Map(this.#owned) };
  }

  /** @param steps how many of the changes are made before the power fails */
  apply(plan: Plan, steps: number = plan.changes.length): this {
    for (const key of plan.forgotten) this.#owned.delete(key);
    for (const change of plan.changes.slice(0, steps)) {
      this.#make(change);
      this.#owned = owning(this.#owned, change);
    }
    return this;
  }

  /** The power fails between the journal and the change that it is about, whichever of them comes first. */
  tear(change: Change): void {
    if (change.operation === 'remove' || change.operation === 'restore') this.#make(change);
    else this.#owned = owning(this.#owned, change);
  }

  /** Somebody else takes a thing away. */
  lose(key: ItemKey): void {
    if (key.startsWith('link ')) this.#removeLink(key.slice('link '.length));
    else this.#items.delete(key);
  }

  #make(change: Change): void {
    const { key, after, operation } = change;
    if (operation === 'rebuild' && key.startsWith('link ')) this.#removeLink(key.slice('link '.length));
    if (after === null) {
      if (key.startsWith('link ')) this.#removeLink(key.slice('link '.length));
      this.#items.delete(key);
      return;
    }
    this.#check(after);
    this.#items.set(key, this.#merged(after, operation === 'change' ? this.#items.get(key) : undefined));
  }

  /** What is not kith's to say stays as it is. */
  #merged(after: Item, before: Item | undefined): Item {
    if (after.kind !== 'link' || before?.kind !== 'link') return after;
    const { mac, mtu } = before.value;
    return { ...after, value: { ...after.value, mac: after.value.mac ?? mac, mtu: after.value.mtu ?? mtu } };
  }

  #check(item: Item): void {
    const devices: (string | null)[] = [];
    if (item.kind === 'link') devices.push(item.value.master, item.value.type === 'vxlan' ? item.value.underlay : null);
    if (item.kind === 'address' || item.kind === 'forwarding') devices.push(item.value.device);
    if (item.kind === 'route') devices.push(item.value.device);
    if (item.kind === 'batman' || item.kind === 'wireguard') devices.push(item.name);
    for (const device of devices) {
      const known =
        device === null || this.#items.has(`link ${device}`) || !/^(?:br|bat|dum|fd|wg|vx|vg)-/.test(device);
      if (!known) this.complaints.push(`${keyOf(item)} needs ${device}`);
    }
  }

  #removeLink(name: string): void {
    this.#items.delete(`link ${name}`);
    for (const [key, item] of [...this.#items]) {
      if (item.kind === 'link' && item.value.type === 'vxlan' && item.value.underlay === name)
        this.#removeLink(item.name);
      else if (item.kind === 'link' && item.value.master === name) {
        this.#items.set(key, { ...item, value: { ...item.value, master: null, port: null } });
      } else if (livesIn(item, name)) this.#items.delete(key);
    }
  }
}

function livesIn(item: Item, link: string): boolean {
  switch (item.kind) {
    case 'address':
    case 'forwarding':
    case 'route':
      return item.value.device === link;
    case 'batman':
    case 'wireguard':
      return item.name === link;
    case 'sysctl':
      return item.name.includes(`/${link}/`);
    default:
      return false;
  }
}
