import type { Command } from "./command.ts";
import { init } from "./init.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [init];
