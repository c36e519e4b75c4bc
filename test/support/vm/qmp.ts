import { connect } from "node:net";
import { createInterface } from "node:readline";

/** Sends a command to QEMU over its control socket. Returns what it answers when the command is carried out. */
export const sendQmp = async (path: string, command: string): Promise<unknown> => {
  const socket = connect(path);
  try {
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const next = async (): Promise<Record<string, unknown>> => {
      const line = await lines.next();
      if (line.done) throw new Error("QEMU has closed its control socket");
      const message = JSON.parse(line.value);
      return "event" in message ? await next() : message;
    };
    await next();
    const ask = async (execute: string): Promise<unknown> => {
      socket.write(`${JSON.stringify({ execute })}\n`);
      const answer = await next();
      if ("error" in answer) throw new Error(`QEMU refuses ${execute}: ${JSON.stringify(answer.error)}`);
      return answer.return;
    };
    await ask("qmp_capabilities");
    return await ask(command);
  } finally {
    socket.destroy();
  }
};
