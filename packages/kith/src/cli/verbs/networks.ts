import { listNetworks } from '../../state/networks.ts';
import type { Result } from '../output.ts';

export function networks(): Result {
  const labels = listNetworks();
  const text =
    labels.length === 0
      ? 'none: create one with `kith init NAME` or join one with `kith join TOKEN`'
      : labels.join('\n');
  return { json: { networks: labels }, text };
}
