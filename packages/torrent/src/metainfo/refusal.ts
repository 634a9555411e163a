/** Why a torrent is refused; becomes a `KithError` with the name of the torrent where parsing began. */
export class Refusal extends Error {
  readonly code: 'TORRENT_INVALID' | 'TORRENT_UNSUPPORTED' | 'TORRENT_LIMIT' | 'TORRENT_INCONSISTENT';

  constructor(code: Refusal['code'], reason: string) {
    super(reason);
    this.name = 'Refusal';
    this.code = code;
  }
}

export function invalid(reason: string): Refusal {
  return new Refusal('TORRENT_INVALID', reason);
}

export function refuseOver(limit: number, value: number, what: string): void {
  if (value > limit) throw new Refusal('TORRENT_LIMIT', `${what}: ${value} is over the limit of ${limit}`);
}
