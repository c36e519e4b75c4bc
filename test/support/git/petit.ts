import { removeFolder } from "../../../src/app/git/checkout.ts";
import { type Petit, startPetit } from "../petit/petit.ts";
import { tempDir } from "../temp-dir.ts";
import { type Changes, createOrigin, type Origin } from "./origin.ts";

/** A petit, and the repository that its job files are from: in its folder jobs. */
export type PetitOfRepository = Petit & { readonly origin: Origin };

/** Starts petit with a repository of one commit. It fetches only when it is told to, unless `poll` says how often. `flags` are more flags. */
export const startWithRepository = async (
  changes: Changes,
  poll = "1h",
  flags: readonly string[] = [],
): Promise<PetitOfRepository> => {
  const dir = tempDir();
  const origin = createOrigin(dir.path);
  origin.push(changes);
  const args = ["--jobs-git-path", "jobs", "--jobs-git-poll", poll, ...flags];
  const petit = await startPetit({ repository: origin.url, dir: dir.path, args });
  return {
    ...petit,
    origin,
    [Symbol.asyncDispose]: async () => {
      await petit[Symbol.asyncDispose]();
      removeFolder(dir.file("petit.db-git/commits"));
      dir[Symbol.dispose]();
    },
  };
};
