/** Errors of the face: who may see and change things from a browser. */
import { type ErrorEntry, NETWORK, PERMISSION, REFUSED, STATE } from './entry.ts';

export type FaceCode =
  'FACE_TOKEN' | 'FACE_ORIGIN' | 'FACE_STRANGER' | 'FACE_RIGHTS' | 'FACE_BUSY' | 'FACE_PAGES' | 'FACE_NO_GATEWAY';

export const FACE_ERRORS: Readonly<Record<FaceCode, ErrorEntry>> = {
  FACE_TOKEN: {
    meaning: 'The page does not know the token of this machine, or knows an old one.',
    advice: 'Open the link that `kith web` prints.',
    exit: PERMISSION,
  },
  FACE_ORIGIN: {
    meaning: 'A page from elsewhere, or one under a name that is not this machine, asked.',
    advice: 'Open the link that `kith web` prints, and nothing that leads here from another site.',
    exit: PERMISSION,
  },
  FACE_STRANGER: {
    meaning: 'Whoever asks is no member of a network of this machine.',
    advice: 'Come through the network: it tells members by their addresses.',
    exit: PERMISSION,
  },
  FACE_RIGHTS: {
    meaning: 'Members may look; only admins, and the owner on the machine itself, may change things.',
    advice: 'Ask an admin of the network, or use the machine itself.',
    exit: PERMISSION,
  },
  FACE_BUSY: {
    meaning: 'More questions came from one place than a page asks.',
    advice: 'Wait a moment; if it was no mistake, look who asks in the log.',
    exit: REFUSED,
  },
  FACE_PAGES: {
    meaning: 'The pages are not built.',
    advice: 'Build them with `npm run compile` in the folder of the sources.',
    exit: STATE,
  },
  FACE_NO_GATEWAY: {
    meaning: 'This machine is no gateway, or its keeper does not run.',
    advice: 'Start it with `kith gateway apply`.',
    exit: NETWORK,
  },
};
