import { spawn } from 'node:child_process';
import { type Address, KithError } from '@kith/core';

/** Takes an address from an interface. @throws KithError INTERFACE_FAILED */
export function dropAddress(name: string, address: Address, length: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('ip', ['address', 'delete', `${address}/${length}`, 'dev', name], { stdio: 'ignore' });
    child.on('error', (cause) =>
      reject(new KithError('INTERFACE_FAILED', `\`ip\` does not start: ${cause.message}`, { cause })),
    );
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else
        reject(new KithError('INTERFACE_FAILED', `${address} cannot be taken from ${name}: \`ip\` ended with ${code}`));
    });
  });
}
