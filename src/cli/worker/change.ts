import { PetitError } from "../../domain/errors.ts";
import { openClient, writeReply } from "../client/client.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";

type WorkerChange = { readonly action: "drain" | "resume" | "forget"; readonly names: readonly string[] };

/** Drains, resumes or forgets workers of the running petit, one after the other. */
export const changeWorkers = async ({ action, names }: WorkerChange, context: Context): Promise<ExitStatus> => {
  if (names.length === 0) throw new PetitError("invalid_request", `NAME is missing: petit worker ${action} NAME…`);
  const client = openClient(context);
  for (const name of names) {
    const params = { name };
    const reply =
      action === "forget"
        ? await client.delete("/api/workers/:name", { params })
        : await client.post(`/api/workers/:name/${action}`, { params });
    writeReply(reply, context);
  }
  return EXIT.DONE;
};
