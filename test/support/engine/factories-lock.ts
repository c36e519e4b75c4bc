import { openRuntime } from "#runtime";
import { lockDatabase } from "../../../src/store/database/lock.ts";
import { openStore } from "../../../src/store/database/open.ts";

/** Locks a database until it is killed: `bun factories-lock.ts PATH PID [URL]`. */
const [path = "", pid = "", url] = process.argv.slice(2);
const runtime = openRuntime();
const lock = lockDatabase(runtime, path);
const store = openStore({ path, runtime });
store.scheduler.setOwner({ pid: Number(pid), url: url ?? null });
console.log("held");
setInterval(() => [lock, store], 60_000);
