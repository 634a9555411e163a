/** A network of thousands, drawn from a seed: routers in towns, each linked with a few near it. */
import type { Router, RouterLink, RouterMap } from '../../src/web/routers.ts';

/** A generator of numbers in [0, 1) that repeats itself from its seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function crowd(nodes: number, links: number, now: number): RouterMap {
  const random = seeded(7);
  const towns = Array.from({ length: 40 }, () => [48 + random() * 6, 7 + random() * 7] as const);
  const routers = Array.from({ length: nodes }, (_, index): Router => {
    const [latitude, longitude] = towns[index % towns.length] ?? [50, 10];
    return {
      id: index.toString(16).padStart(12, '0'),
      name: `router-${index}`,
      domain: `town-${index % towns.length}`,
      online: random() > 0.1,
      firstSeen: now - random() * 1e10,
      lastSeen: now - random() * 1e9,
      addresses: [`fd00::${(index + 1).toString(16)}`],
      clients: Math.floor(random() * 20),
      firmware: '2023.2.3',
      model: 'TP-Link TL-WR841N/ND v9',
      location: { latitude: latitude + (random() - 0.5) * 0.2, longitude: longitude + (random() - 0.5) * 0.3 },
    };
  });
  const pairs = new Map<string, RouterLink>();
  while (pairs.size < links) {
    const from = Math.floor(random() * nodes);
    // Of the same town, now and then of another.
    const to =
      random() < 0.97 ? (from + towns.length * (1 + Math.floor(random() * 4))) % nodes : Math.floor(random() * nodes);
    const [a, b] = [routers[Math.min(from, to)], routers[Math.max(from, to)]];
    if (a !== undefined && b !== undefined && a !== b) {
      pairs.set(`${a.id} ${b.id}`, { a: a.id, b: b.id, quality: 0.3 + random() * 0.7 });
    }
  }
  return { routers, links: [...pairs.values()] };
}
