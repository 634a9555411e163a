/** What a person can do something about: no rights, a missing program, a name used twice, a command that failed. */
export class LabError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'LabError';
  }
}
