import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { startSecuredNats } from "../../support/nats/secured.ts";
import { NATS_VERSIONS } from "../../support/nats/server.ts";
import { start } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf } from "../../support/torture/run.ts";
import { startWorkerProcess } from "../../support/workers/worker-process.ts";

const JOB = `id: build
runs_on: gpu
tasks:
  - {id: make, type: python, script: make.py}
  - {id: use, type: shell, script: 'test "$ROWS" = 42', environment: {ROWS: "\${{ tasks.make.outputs.rows }}"}, depends_on: [make]}
`;

const SCRIPT = `import os
open(os.environ["PETIT_OUTPUT"], "a").write("rows=42\\n")
open(os.path.join(os.environ["PETIT_ARTIFACTS"], "report.txt"), "w").write("made there")
`;

test.each(NATS_VERSIONS)(
  "a job runs on a worker under the permissions of 'petit worker nats-config', nats-server %s",
  async (version) => {
    using dir = tempDir();
    const key = generateSigningKey();
    writeFileSync(dir.file("key"), formatSigningKey(key), { mode: 0o600 });
    await using secured = await startSecuredNats(version);
    const { nats, keyOf } = secured;
    const access = ["--nats", nats.url, "--nats-signing-key", dir.file("key"), "--nats-creds", keyOf("scheduler")];
    await using petit = await startPetit({ jobs: { "build.yaml": JOB, "make.py": SCRIPT }, args: access });
    const worker = (name: string, creds: readonly string[]) =>
      startWorkerProcess({ dir: dir.path, nats: nats.url, trust: key.publicKey, name, args: creds });
    await using _worker = worker("a", ["--nats-creds", keyOf("a")]);
    const runId = await start(petit, "build");
    expect(await endOf(petit, runId)).toMatchObject({ status: "completed" });
    const artifact = await petit.fetch(`/api/runs/${runId}/artifacts/make/report.txt`);
    expect(await artifact.text()).toBe("made there");

    await using nobody = worker("b", []);
    expect(await nobody.exited).not.toBe(0);
    expect(nobody.log()).toContain("NATS refuses the credentials");
    await using impostor = worker("a2", ["--nats-creds", keyOf("b")]);
    expect(await impostor.exited).not.toBe(0);
    expect(impostor.log()).toContain("petit.control.a2");
  },
  60_000,
);
