import { existsSync } from "node:fs";
import type { Runtime } from "../../runtime/runtime.ts";
import { holderOf, isBusy } from "./lock.ts";
import { beside } from "./sibling-file.ts";

/**
 * Who holds a database, such as `process 17 (http://127.0.0.1:8565)`; null where nobody does. It asks for a lock that any
 * number can share, so that it keeps no scheduler from starting for longer than a look takes.
 */
export const findHolder = (runtime: Runtime, path: string): string | null => {
  const file = beside(path, "-lock");
  if (!existsSync(file)) return null;
  const db = runtime.openDatabase(file, { readonly: true });
  try {
    db.exec("PRAGMA busy_timeout = 0");
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return null;
  } catch (error) {
    return isBusy(error) ? holderOf(runtime, path) : null;
  } finally {
    db.close();
  }
};
