/** What is wrong, with what to do about it. */
import type { Alert } from '@kith/api';
import type { JSX } from 'preact';
import { Prose } from './report.tsx';

export function Alerts({ alerts }: { readonly alerts: readonly Omit<Alert, 'about'>[] }): JSX.Element | null {
  if (alerts.length === 0) return null;
  return (
    <ul aria-label="Alerts" style={{ padding: 0, listStyle: 'none' }}>
      {alerts.map(({ severity, text, mend }) => (
        <li key={text} class={`notice ${severity === 'error' ? 'bad' : severity === 'info' ? 'info' : ''}`}>
          <strong>{text}</strong>
          <p>
            <Prose text={mend} />
          </p>
        </li>
      ))}
    </ul>
  );
}
