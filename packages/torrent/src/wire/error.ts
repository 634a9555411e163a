/** A peer broke the protocol, or a limit: its connection ends with `message` as reason. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WireError';
  }
}
