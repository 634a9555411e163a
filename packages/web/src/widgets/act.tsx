/** A button that changes something: it asks where that cannot be undone, and says what came of it. */
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError } from '../lib/api.ts';
import { useLive } from '../lib/live.ts';

export function Act({
  path,
  body,
  question,
  done,
  kind = '',
  label,
  children,
}: {
  readonly path: string;
  readonly body: unknown;
  /** Asked before; nothing is asked without it. */
  readonly question?: string;
  readonly done?: () => void;
  readonly kind?: '' | 'small' | 'danger';
  /** For those who do not see what stands around the button. */
  readonly label?: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  const { api, session } = useLive();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const act = async (): Promise<void> => {
    if (question !== undefined && !confirm(question)) return;
    setBusy(true);
    setProblem(null);
    try {
      await api.post(path, body);
      done?.();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <span class="act">
      <button
        type="button"
        class={kind}
        disabled={busy || !session.mayAct}
        title={session.mayAct ? undefined : 'Members may look; admins and the owner change things.'}
        aria-label={label}
        onClick={() => void act()}
      >
        {children}
      </button>
      {problem !== null && (
        <span class="problem" role="alert">
          {problem.message}
        </span>
      )}
    </span>
  );
}
