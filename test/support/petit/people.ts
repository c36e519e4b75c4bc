import { petit as command } from "../cli.ts";
import { eventually } from "../torture/run.ts";
import { ask } from "./api.ts";
import type { Petit } from "./petit.ts";

/** A petit as one person asks it. */
export type AsPerson = Pick<Petit, "fetch"> & { readonly token: string };

/** Creates a token, and returns petit as whoever has it asks it. `args` are those of `petit tokens create`. */
export const createPerson = async (
  petit: Pick<Petit, "dbPath" | "fetch">,
  name: string,
  args: readonly string[],
): Promise<AsPerson> => {
  const made = await command(["tokens", "create", name, ...args, "--db", petit.dbPath]);
  if (made.status !== 0) throw new Error(made.stderr);
  const token = made.stdout.trim();
  const person: AsPerson = {
    token,
    fetch: (path, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${token}`);
      return petit.fetch(path, { ...init, headers });
    },
  };
  await eventually("petit knows the token", async () =>
    (await ask(person, "/api/session")).body.name === name ? true : null,
  );
  return person;
};
