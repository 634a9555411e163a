/** Figures of the conversation with the routers: asked, believed, refused, answered. */
import { Family } from '@kith/gateway';
import type { CollectorSnapshot } from '../respondd/collector.ts';
import type { ResponderSnapshot } from '../respondd/responder.ts';

export function respondText(collector: CollectorSnapshot | null, responder: ResponderSnapshot | null): string {
  const refused = new Family('kith_respondd_refused_total', 'counter', 'Answers that were not taken, by reason.');
  for (const [reason, times] of Object.entries(collector?.refused ?? {})) refused.add(times, { reason });
  const ignored = new Family('kith_respondd_ignored_total', 'counter', 'Questions that got no answer, by reason.');
  for (const [reason, times] of Object.entries(responder?.ignored ?? {})) ignored.add(times, { reason });
  const families = [
    new Family('kith_respondd_questions_total', 'counter', 'Questions to routers.').add(collector?.questions),
    new Family('kith_respondd_answers_total', 'counter', 'Answers of routers that were taken.').add(collector?.answers),
    refused,
    new Family('kith_respondd_answered_total', 'counter', 'Questions that this gateway answered.').add(
      responder?.answered,
    ),
    ignored,
  ];
  return families.map(({ text }) => text).join('');
}
