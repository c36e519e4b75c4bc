import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, constants, fstatSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { openRegular, readStart } from "../../lib/files/regular-file.ts";
import { restrictMode } from "../../store/database/ownership.ts";
import type { EngineOptions } from "../options.ts";

const KEY_BYTES = 32;

/**
 * The key by which petit recognizes, after a restart, the secrets that it gave to an attempt: the spool of an attempt has an HMAC of
 * each. The key is in a file of its own, so that a copy of the database, of a spool or of a backup does not help to guess secrets.
 */
export class SecretKey {
  readonly #file: string | null;
  #key: Buffer | null = null;

  /** `file`: where the key is kept; null to keep it in memory only. The file is created when the first attempt gets a secret. */
  constructor(file: string | null) {
    this.#file = file;
  }

  /** Returns the HMAC of a text, and creates the key if there is none. Null if that fails, for example on a full disk. */
  sign(text: string): string | null {
    this.#key ??= this.#load() ?? this.#create();
    return this.#key === null ? null : hmac(this.#key, text);
  }

  /** Returns whether an HMAC is that of a text. False also if the key is not the same any more. */
  verify(text: string, signed: string): boolean {
    this.#key ??= this.#load();
    if (this.#key === null) return false;
    const [own, given] = [hmac(this.#key, text), signed].map((each) => createHash("sha256").update(each).digest());
    return own !== undefined && given !== undefined && timingSafeEqual(own, given);
  }

  #load(): Buffer | null {
    if (this.#file === null) return null;
    restrictMode(this.#file);
    try {
      const fd = openRegular(this.#file, constants.O_RDONLY | constants.O_NOFOLLOW);
      if (fd === null) return null;
      try {
        const key = fstatSync(fd).size === KEY_BYTES ? readStart(fd, KEY_BYTES) : null;
        return key?.length === KEY_BYTES ? key : null;
      } finally {
        closeSync(fd);
      }
    } catch {
      return null;
    }
  }

  #create(): Buffer | null {
    const key = randomBytes(KEY_BYTES);
    if (this.#file === null) return key;
    try {
      rmSync(this.#file, { force: true });
      const fd = openSync(this.#file, "wx", 0o600);
      try {
        writeSync(fd, key);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      return key;
    } catch {
      return null;
    }
  }
}

/** Returns the key of an engine or a worker. */
export const secretKeyOf = ({
  secretKeyFile,
  spoolDir,
}: Pick<EngineOptions, "secretKeyFile" | "spoolDir">): SecretKey =>
  new SecretKey(secretKeyFile === undefined ? `${spoolDir}-key` : secretKeyFile);

const hmac = (key: Buffer, text: string): string => createHmac("sha256", key).update(text).digest("base64url");
