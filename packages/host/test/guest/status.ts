/** Prints what batman-adv knows in the namespace that this runs in, as JSON. */
import { batmanStatus } from '@kith/host';

process.stdout.write(JSON.stringify(await batmanStatus(process.argv[2] ?? '')));
