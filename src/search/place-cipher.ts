import { createHmac } from "node:crypto";

/** Numbers of runs are less than this. */
const MAX_NUMBER = 2 ** 32;
/** Enciphered numbers are less than this. A forged one is as good as never the number of a run. */
const MAX_PLACE = 2 ** 48;

/**
 * Enciphers the numbers of runs, from which somebody who is limited to some jobs could tell how many runs others have. The key is different
 * for each run, so the same number is never enciphered twice with one key.
 */
export class PlaceCipher {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  encipher(runId: string, number: number): number {
    return (number + this.#keyOf(runId)) % MAX_PLACE;
  }

  /** Returns null if it is no number of a run. */
  decipher(runId: string, place: number): number | null {
    const number = (place - this.#keyOf(runId) + MAX_PLACE) % MAX_PLACE;
    return number < MAX_NUMBER ? number : null;
  }

  #keyOf(runId: string): number {
    return createHmac("sha256", this.#secret).update(runId).digest().readUIntBE(0, 6);
  }
}
