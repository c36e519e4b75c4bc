import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { makeUserKey } from "../../../src/nats/credentials.ts";
import { serverConfig, type UserProof } from "../../../src/nats/server-config.ts";
import { tempDir } from "../temp-dir.ts";
import { type NatsServer, type NatsVersion, natsProgram, startNats } from "./server.ts";

/** A server with the configuration that `petit worker nats-config a b --keys DIR` prints. */
export type SecuredNats = AsyncDisposable & {
  readonly nats: NatsServer;
  /** Returns the file with the nkey of `scheduler`, `a` or `b`. */
  readonly keyOf: (user: string) => string;
};

export const startSecuredNats = async (version: NatsVersion): Promise<SecuredNats> => {
  const dir = tempDir();
  const proof = (user: string): UserProof => {
    const { publicKey, seed } = makeUserKey();
    writeFileSync(dir.file(user), `${seed}\n`, { mode: 0o600 });
    return { kind: "nkey", publicKey, file: dir.file(user) };
  };
  const workers = ["a", "b"].map((name) => ({ name, proof: proof(name) }));
  const text = serverConfig({ scheduler: proof("scheduler"), workers });
  writeFileSync(dir.file("nats.conf"), text);
  execFileSync(natsProgram(version), ["-t", "-c", dir.file("nats.conf")], { stdio: "pipe" });
  // The test has its own port and folder.
  const config = text.replace(/^listen: .*$/m, "").replace(/^jetstream \{[^}]*\}$/m, "");
  const nats = await startNats({ version, config });
  return {
    nats,
    keyOf: (user) => dir.file(user),
    [Symbol.asyncDispose]: async () => {
      await nats[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
};
