import { afterAll } from "bun:test";
import { end } from "./at-end.ts";

// bunfig.toml loads this module before all test files, so Bun calls the hook after the last of them.
afterAll(end);
