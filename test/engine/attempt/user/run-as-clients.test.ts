import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync } from "node:fs";
import type { Task } from "../../../../src/domain/job.ts";
import { findAccount } from "../../../../src/lib/system/accounts.ts";
import { findTool } from "../../../../src/lib/system/tools.ts";
import { http, job, shell } from "../../../support/engine/factories.ts";
import { startEngine } from "../../../support/engine/started-engine.ts";
import { serveHttp } from "../../../support/engine/test-server.ts";
import { hasSshd, startSshd } from "../../../support/ssh/sshd.ts";
import { tempDir } from "../../../support/temp-dir.ts";

const NOBODY = findAccount("nobody");
const isReady = process.geteuid?.() === 0 && findTool("setpriv") !== null && NOBODY !== null;

const run = async (task: Task) => {
  using dir = tempDir();
  chmodSync(dir.path, 0o711);
  const jobs = [job("only", { tasks: [task] })];
  await using started = await startEngine({ jobs, settings: { runAsAllowed: ["nobody"] }, dir: dir.path });
  return await started.run("only");
};

describe.skipIf(!isReady)("a client of a server with run_as (needs root, setpriv and the user nobody)", () => {
  test.skipIf(!hasSshd)("connects by ssh as that user, and brings the outputs", async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o711);
    await using sshd = await startSshd(dir.path);
    // ssh refuses a key that others can read, and another user can't read that of root.
    if (NOBODY !== null) chownSync(sshd.identityFile, NOBODY.uid, NOBODY.gid);
    const ssh = {
      type: "ssh",
      host: "127.0.0.1",
      user: "root",
      port: sshd.port,
      identityFile: sshd.identityFile,
      knownHosts: sshd.knownHosts,
      jump: null,
      script: 'id -un; echo a=1 >> "$PETIT_OUTPUT"',
    } as const;
    const task = { ...shell("only", "", { runAs: "nobody" }), program: ssh };
    const ran = await run(task);
    expect(ran.output()).toBe("root\n");
    expect(ran.tasks.only).toMatchObject({ status: "completed", outputs: { a: "1" } });
  });

  test("sends a request as that user, who can't read files of root", async () => {
    await using server = await serveHttp((_, response) => response.end("answer"));
    expect((await run(http("only", server.origin, { runAs: "nobody", workingDir: "/" }))).output()).toContain("answer");
    const body = { kind: "file", path: "/etc/shadow" } as const;
    const ran = await run(http("only", server.origin, { runAs: "nobody", workingDir: "/", method: "POST", body }));
    expect(ran.summary).toStartWith("only failed");
    expect(ran.tasks.only?.error).toContain("/etc/shadow");
  });
});
