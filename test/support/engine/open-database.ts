/** Opens a database as petit does, and exits. Tests kill it meanwhile: `bun open-database.ts PATH`. */
import { openRuntime } from "#runtime";
import { openStore } from "../../../src/store/database/open.ts";

openStore({ path: process.argv[2] ?? "", runtime: openRuntime() })[Symbol.dispose]();
