import { requestArguments } from "../engine/attempt/http/request-command.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** Returns whether this is the process of an `http` task. */
export const isRequestProcess = ([command]: readonly string[]): boolean => command === requestArguments[0];

/** Sends the request of an `http` task. Returns the exit status. Loads nothing else of petit. */
export const runRequestProcess = async (runtime: Runtime): Promise<number> => {
  const { send } = await import("../engine/attempt/http/send.ts");
  return send(runtime);
};
