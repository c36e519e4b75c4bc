import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { raw } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({
    jobs: { "jobs.yaml": "id: hello\ntasks: [{id: only, type: command, command: 'true'}]\n" },
  });
});
afterAll(() => petit[Symbol.asyncDispose]());

const MIB = 1024 * 1024;

const headOf = (line: string, host: string, length: string): string =>
  `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${length}\r\n\r\n`;

/** Returns the answer that a client gets if it reads only after it has sent everything, as many do. */
const answerAfter = (head: string, parts: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(petit.url);
    const socket = connect(Number(port), hostname).pause();
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
    const send = (index: number): void => {
      const part = parts[index];
      if (part === undefined) socket.resume();
      else socket.write(part, () => send(index + 1));
    };
    socket.write(head, () => send(0));
  });

describe("a body that is not read", () => {
  test.each([
    ["POST /api/jobs/hello/trigger", "localhost", 413],
    ["POST /nowhere", "localhost", 404],
    ["POST /", "localhost", 405],
    ["POST /api/scheduler/resume", "example.com", 403],
  ])("does not prevent the sender from reading the answer: %s, %s, %d", async (line, host, status) => {
    const parts = Array.from({ length: 12 }, () => "x".repeat(MIB));
    const head = headOf(line, host, `Content-Length: ${12 * MIB}`);
    expect(await answerAfter(head, parts)).toStartWith(`HTTP/1.1 ${status} `);
  });

  test("in chunks does not prevent it either", async () => {
    const chunk = `100000\r\n${"x".repeat(MIB)}\r\n`;
    const head = headOf("POST /api/jobs/hello/trigger", "localhost", "Transfer-Encoding: chunked");
    expect(await answerAfter(head, [...Array.from({ length: 12 }, () => chunk), "0\r\n\r\n"])).toStartWith(
      "HTTP/1.1 413 ",
    );
  });

  test("is not waited for long if it never arrives", async () => {
    const head = headOf("POST /api/jobs/hello/trigger", "localhost", `Content-Length: ${2 * MIB}`);
    expect(await raw(petit.url, head, (text) => text.endsWith("}"))).toStartWith("HTTP/1.1 413 ");
  });
});
