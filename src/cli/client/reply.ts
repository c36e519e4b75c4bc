import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";

/** Writes petit's reply to stdout: its message, or all of it with --json. Returns the exit status. */
export const writeReply = (reply: { readonly message: string }, { terminal, json }: Context): ExitStatus => {
  terminal.out.write(json ? `${JSON.stringify(reply, null, 2)}\n` : `${reply.message}\n`);
  return EXIT.DONE;
};
