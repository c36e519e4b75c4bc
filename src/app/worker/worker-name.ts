import { hostname } from "node:os";
import { PetitError } from "../../domain/errors.ts";
import { WORKER_NAME_PATTERN } from "../../domain/workers/labels.ts";
import type { Settings } from "../settings/settings.ts";

/** Returns the name of the worker: the setting, otherwise the first part of the host name, such as `box7` for `box7.example.org`. */
export const workerNameOf = ({ workerName }: Pick<Settings, "workerName">): string => {
  if (workerName !== null) return workerName;
  const host = hostname();
  const [name = ""] = host.split(".");
  if (WORKER_NAME.test(name)) return name;
  throw new PetitError(
    "invalid_request",
    `the host name '${host}' can't be the name of a worker; give it one with --name`,
  );
};

const WORKER_NAME = new RegExp(WORKER_NAME_PATTERN);
