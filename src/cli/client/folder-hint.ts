import { ClientError, isUnreachable } from "../../client/error.ts";
import { Failure } from "../failure.ts";
import { exitStatusOf } from "./request-failure.ts";

/** Awaits `request`. If no petit responds, the error also says that `command` can read a folder instead. */
export const withFolderHint = async <Result>(command: string, request: () => Promise<Result>): Promise<Result> => {
  try {
    return await request();
  } catch (error) {
    if (!isUnreachable(error) || !(error instanceof ClientError)) throw error;
    throw new Failure(exitStatusOf(error), `${error.message}, or list the jobs of a folder with '${command}'`, {
      cause: error,
    });
  }
};
