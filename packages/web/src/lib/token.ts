/** The owner's token: it comes in the fragment, which no server sees, and stays with this tab. */
const KEY = 'kith-token';

/** Takes it out of the address, so that nobody copies it with the address. */
export function takeToken(): string | null {
  const given = /^#token=([\w-]{22})$/.exec(location.hash)?.[1];
  if (given !== undefined) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, '', `${location.pathname}${location.search}#/`);
  }
  return sessionStorage.getItem(KEY);
}
