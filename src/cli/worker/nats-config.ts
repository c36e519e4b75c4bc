import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errorMessage } from "../../lib/error-message.ts";
import type { UserProof } from "../../nats/server-config.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus, Failure } from "../exit.ts";
import { writeSecret } from "../secret-file.ts";

/** Without names, the configuration has one worker as an example. */
const EXAMPLE = "box1";

/** The file of the scheduler's nkey. The name is not one of a worker. */
const SCHEDULER_FILE = "_scheduler.nk";

/** Prints a configuration for nats-server. `keys` is the folder of the nkeys, or null for passwords. */
export const natsConfig = async (
  { names, keys }: { readonly names: readonly string[]; readonly keys: string | null },
  { terminal, json }: Context,
): Promise<ExitStatus> => {
  // Loaded here because the client of NATS is large.
  const { serverConfig } = await import("../../nats/server-config.ts");
  const proof = keys === null ? password : await nkeysIn(keys);
  const workers = (names.length === 0 ? [EXAMPLE] : names).map((name) => ({ name, proof: proof(`${name}.nk`) }));
  const config = serverConfig({ scheduler: proof(SCHEDULER_FILE), workers });
  terminal.out.write(json ? `${JSON.stringify({ config })}\n` : config);
  return EXIT.DONE;
};

const password = (): UserProof => ({ kind: "password", password: randomBytes(24).toString("base64url") });

/** Returns the nkey of each file, which is created if it is missing. */
const nkeysIn = async (folder: string): Promise<(name: string) => UserProof> => {
  const { makeUserKey, publicUserKey } = await import("../../nats/credentials.ts");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return (name) => {
    const file = join(folder, name);
    const known = readText(file);
    if (known !== null) return { kind: "nkey", publicKey: asSeed(file, () => publicUserKey(known)), file };
    const { publicKey, seed } = makeUserKey();
    writeSecret(file, `${seed}\n`);
    return { kind: "nkey", publicKey, file };
  };
};

const asSeed = (file: string, read: () => string): string => {
  try {
    return read();
  } catch (cause) {
    throw new Failure(EXIT.FAILED, `${file} is not the seed of an nkey; remove it, or choose another folder`, {
      cause,
    });
  }
};

const readText = (file: string): string | null => {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    const why = errorMessage(error);
    throw new Failure(EXIT.FAILED, `${file} can't be read: ${why}`, { cause: error });
  }
};
