/** Data plane: TUN and UDP below the contract of `@kith/mesh`, and the primitives of OpenSSL. */
export * from './portable/index.ts';
