/** What keeps peers from everything that is shared here, with what to do about it. */
import type { Alert } from '@kith/api';
import type { WebRtcState } from '@kith/share';

/** @param state undefined where WebRTC is not wanted */
export function webrtcProblems(state: WebRtcState | undefined): Omit<Alert, 'about'>[] {
  if (state?.state === 'unavailable') {
    const text = `${state.reason}; browsers get what is shared here by its link, and no other way`;
    const mend = 'Install kith anew: one of the packages node-datachannel and werift has to load.';
    return [{ severity: 'warning', text, mend }];
  }
  if (state?.state === 'waiting') {
    const text = `${state.reason}; browsers get what is shared here by its link until it runs again`;
    const mend = 'It is started again when it is needed. If this stays, run `kith share stop` and `kith share start`.';
    return [{ severity: 'warning', text, mend }];
  }
  if (state?.state === 'running' && state.slow !== undefined) {
    const mend = 'Nothing has to be done. Where node-datachannel is built for this platform, install kith anew.';
    return [{ severity: 'info', text: state.slow, mend }];
  }
  return [];
}
