/** Opens a database as petit does, and ends: a process that can be killed in the middle of it. Its argument is the path. */
import { openRuntime } from "#runtime";
import { openStore } from "../../src/store/database/open.ts";

openStore({ path: process.argv[2] ?? "", runtime: openRuntime() })[Symbol.dispose]();
