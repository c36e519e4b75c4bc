import { nkeys } from "@nats-io/transport-node";

/** Makes an nkey of a NATS user. The seed is its private part. */
export const makeUserKey = (): { readonly publicKey: string; readonly seed: string } => {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
};

/** Returns the public nkey of a seed. Throws if the text is not one. */
export const publicUserKey = (seed: string): string =>
  nkeys.fromSeed(new TextEncoder().encode(seed.trim())).getPublicKey();
