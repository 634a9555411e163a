/** Where in the page somebody is: the fragment, so that any view has an address and the way back works. */
import { useEffect, useState } from 'preact/hooks';

export interface Place {
  readonly view: string;
  /** What follows the view, as written: ids and labels. */
  readonly rest: readonly string[];
}

function placeNow(): Place {
  const [view = '', ...rest] = location.hash.replace(/^#\/?/, '').split('/').map(decoded);
  return { view: view === '' ? 'overview' : view, rest };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function samePlace(a: Place, b: Place): boolean {
  return a.view === b.view && a.rest.join('/') === b.rest.join('/');
}

export function hrefTo(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

export function usePlace(): Place {
  const [place, setPlace] = useState(placeNow);
  useEffect(() => {
    const look = (): void => setPlace((known) => (samePlace(known, placeNow()) ? known : placeNow()));
    addEventListener('hashchange', look);
    // Somebody may have gone elsewhere between the first drawing and this moment.
    look();
    return () => removeEventListener('hashchange', look);
  }, []);
  return place;
}
