/** Typed questions to the face that served this page. */
import { type ErrorBody, FACE_ROUTES } from '@kith/api';

/** What the face, or the way to it, says went wrong. */
export class ApiError extends Error {
  readonly code: string;
  /** What to do. */
  readonly advice: string;

  constructor({ code, message, advice }: { readonly code: string; readonly message: string; readonly advice: string }) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.advice = advice;
  }
}

const UNREACHABLE = {
  code: 'UNREACHABLE',
  message: 'This machine does not answer.',
  advice: 'The page may have ended: start it again with `kith web`. It asks again by itself.',
};

export type Route = keyof typeof FACE_ROUTES;

/** The route's path with its parts filled in. */
export function pathOf(route: Route, parts: Readonly<Record<string, string>> = {}): string {
  return FACE_ROUTES[route].replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(parts[name] ?? ''));
}

export class Api {
  readonly #token: string | null;

  constructor(token: string | null) {
    this.#token = token;
  }

  /** The face is the same program as this page: the shape is not checked again. */
  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#ask<T>(path, signal === undefined ? {} : { signal });
  }

  post<T>(path: string, body: unknown): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    return this.#ask<T>(path, { method: 'POST', body: JSON.stringify(body), headers });
  }

  /** The lines of an event stream as they come. */
  async *lines(path: string, signal: AbortSignal): AsyncGenerator<string> {
    const response = await this.#send(path, { signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (reader === undefined) return;
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  }

  async #ask<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.#send(path, init);
    return (await response.json()) as T;
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== null) headers.set('authorization', `Bearer ${this.#token}`);
    let response: Response;
    try {
      response = await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'omit' });
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
      throw new ApiError(UNREACHABLE);
    }
    if (response.ok) return response;
    throw new ApiError(await errorOf(response));
  }
}

async function errorOf(response: Response): Promise<{ code: string; message: string; advice: string }> {
  try {
    return ((await response.json()) as ErrorBody).error;
  } catch {
    return { ...UNREACHABLE, message: `This machine answers ${response.status}.` };
  }
}
