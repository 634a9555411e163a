/** What a person has to know about how the page fares: what it is, why, and what to do next. */
import type { EngineReport } from '../engine/messages.ts';
import type { Direct, Visit } from './visit.ts';

export interface Notice {
  readonly id: string;
  readonly tone: 'info' | 'fair' | 'bad';
  readonly what: string;
  readonly next: string;
}

export function noticesOf(visit: Visit, host: string): Notice[] {
  if (visit.kind === 'direct') return [directNotice(visit.direct, host)];
  if (visit.kind !== 'engine' || visit.report === undefined) return [];
  const { report, gone } = visit;
  return [errorNotice(report, host), nodeNotice(report, gone, host), keptNotice(report), rtcNotice(report)].filter(
    (notice) => notice !== undefined,
  );
}

function directNotice(direct: Direct, host: string): Notice {
  switch (direct.why) {
    case 'insecure':
      return {
        ...{ id: 'insecure', tone: 'info', what: `Everything here comes straight from ${host}.` },
        next: 'Browsers let a page keep files and pass them on over https or on the machine itself only. To help others, take it with kith get.',
      };
    case 'no-service-worker':
      return {
        ...{ id: 'no-service-worker', tone: 'info' },
        what: `Everything here comes straight from ${host}, and others get nothing from this page: ${direct.detail}.`,
        next: 'A window that is not private, or another browser, can do both.',
      };
    case 'no-metainfo':
      return {
        ...{
          id: 'no-metainfo',
          tone: 'fair',
          what: `${host} does not give the torrent file, so files come straight from it.`,
        },
        next: 'Load the page again in a while.',
      };
    case 'failed':
      return {
        ...{ id: 'failed', tone: 'fair' },
        what: `The engine of this page did not start, so files come straight from ${host}: ${direct.detail}`,
        next:
          direct.code === 'STORAGE_FULL'
            ? 'A window that is not private has more room. Others get nothing from this page.'
            : 'Load the page again, or try another browser. Others get nothing from this page.',
      };
  }
}

function errorNotice({ state, error }: EngineReport, host: string): Notice | undefined {
  if (state !== 'error' || error === null) return undefined;
  const full = error.code === 'STORAGE_FULL';
  return {
    ...{ id: full ? 'full' : 'error', tone: 'bad' },
    what: `${error.message} From here on files come straight from ${host}.`,
    next: full
      ? 'Delete what it keeps of other shares, here, or of other sites, in its settings.'
      : 'Load the page again; if it stays, delete what this browser keeps of the share.',
  };
}

function nodeNotice({ node, peers, state }: EngineReport, gone: boolean, host: string): Notice | undefined {
  if (node !== 'away') return undefined;
  const others = peers.filter(({ kind }) => kind === 'browser').length;
  const from = others === 1 ? 'another browser' : `${others} other browsers`;
  const rest = state === 'downloading' ? 'The rest' : 'Nothing is missing; more';
  return {
    ...{ id: 'away', tone: others > 0 ? 'fair' : 'bad' },
    what: gone ? `${host} no longer shares this.` : `${host} does not answer.`,
    next:
      others > 0
        ? `${rest} comes from ${from} that opened this link.`
        : 'What is loaded can still be played. The rest goes on by itself once it is back: leave this page open.',
  };
}

function keptNotice({ kept }: EngineReport): Notice | undefined {
  if (kept.place === 'disk') return undefined;
  const tab = kept.because === 'other-tab';
  return {
    ...{ id: 'memory', tone: 'info' },
    what: tab
      ? 'Another tab of this browser has the same link open, so this one keeps what it loads in memory.'
      : 'This browser gives the page no space on its disk, so what is loaded is kept in memory.',
    next: tab ? 'Close one of them.' : 'It is gone when the page is closed: save what you want to have.',
  };
}

function rtcNotice({ meeting }: EngineReport): Notice | undefined {
  if (meeting !== null) return undefined;
  return {
    ...{
      id: 'no-webrtc',
      tone: 'info',
      what: 'This browser has no WebRTC, so it cannot reach the other browsers here.',
    },
    next: 'Everything comes from the node, which others still get it from. Nothing has to be done.',
  };
}
