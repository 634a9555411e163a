/** Small marks that say a state in colour and in words. */
import type { ComponentChildren, JSX } from 'preact';

export type Tone = 'good' | 'fair' | 'bad' | 'quiet' | 'plain';

export function Mark({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }): JSX.Element {
  return (
    <span class={`mark ${tone}`}>
      <span class="dot" aria-hidden="true" />
      {children}
    </span>
  );
}

export function Bar({ part, label }: { readonly part: number; readonly label: string }): JSX.Element {
  return (
    <progress class="bar" max={1} value={Math.min(1, Math.max(0, part))} aria-label={label}>
      {label}
    </progress>
  );
}

export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
