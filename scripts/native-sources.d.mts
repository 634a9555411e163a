/** @param folder the package with binding.gyp in it */
export function hashOfSources(folder: string): string;
