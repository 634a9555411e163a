/** Where somebody was in a film, for as long as the tab lives: through a reload, and when its bytes begin to come from elsewhere. */

export function placeIn(film: string): number {
  try {
    return Number(sessionStorage.getItem(`place ${film}`) ?? 0);
  } catch {
    // Browsers may be told to keep nothing.
    return 0;
  }
}

/** @param seconds from its beginning */
export function keepPlace(film: string, seconds: number): void {
  try {
    sessionStorage.setItem(`place ${film}`, seconds.toFixed(1));
  } catch {
    // As above; or there is no room for a number.
  }
}
