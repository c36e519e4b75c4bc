// A scenario is a file of test/vm, and scripts/test-vm NAME runs it:
//
//   const { machine, petit } = await startService({ jobs: { hello: "id: hello\ntasks: [{id: t, type: shell, script: 'id -un'}]\n" } });
//   expect(await runToEnd(petit, "hello")).toMatchObject({ status: "completed" });
//   expect(await machine.must("systemctl is-active petit")).toBe("active\n");
//
// All scenarios of a run of scripts/test-vm share one machine, and petit starts anew with each call. What works with a petit that has `fetch`
// works with this one (`test/support/petit/api.ts`, `endOf`). `machine.must` runs a shell script as root, throws if it fails and returns its
// stdout; `machine.run` also returns its status and stderr. petit's executable is PETIT, and its state is in /var/lib/petit. The machine has
// cgroup v2, 768 MiB of memory and two slow processors: give what is waited for SLOW_MS. It has no udev, no logind until somebody asks D-Bus
// for it, and no network but the port of petit. `scripts/vm/image` says which packages it has.

import { Database } from "bun:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { atEnd } from "../at-end.ts";
import { ask } from "../petit/api.ts";
import { ledgerViolations } from "../torture/invariants.ts";
import { eventually } from "../torture/run.ts";
import { VirtualMachine } from "./vm.ts";

/** The executable, on a disk of its own. */
export const PETIT = "/opt/petit/petit";

export const UNIT = "/etc/systemd/system/petit.service";

/** How long anything may take in an emulated machine, also on a busy one. */
export const SLOW_MS = 300_000;

/** Tests poll. A request takes the emulated machine so long that polling at once would slow down what is waited for. */
const BETWEEN_POLLS_MS = 100;

let booted: Promise<VirtualMachine> | null = null;

/** Returns the machine that all tests share. A boot takes long. The machine ends after the last test. */
export const sharedMachine = (): Promise<VirtualMachine> => {
  booted ??= bootShared();
  return booted;
};

const bootShared = async (): Promise<VirtualMachine> => {
  const image = process.env.PETIT_VM_IMAGE;
  if (image === undefined) throw new Error("PETIT_VM_IMAGE is not set; run these tests with scripts/test-vm");
  const machine = new VirtualMachine(image);
  atEnd(() => machine[Symbol.asyncDispose]());
  await machine.boot();
  return machine;
};

/** petit as a service of the machine. */
export type Service = { fetch(path: string, init?: RequestInit): Promise<Response> };

export type ServiceOptions = {
  /** The job files by id. */
  readonly jobs: Readonly<Record<string, string>>;
  /** A drop-in of the unit, such as `[Service]\nEnvironment=PETIT_MAX_TASKS=1\n`. Default none. */
  readonly dropIn?: string;
};

/**
 * Boots the machine that all tests share, unless it runs, and starts petit as its service, with an empty database and these job files. Nothing
 * that ran in the service before is left.
 */
export const startService = async ({
  jobs,
  dropIn = "",
}: ServiceOptions): Promise<{ readonly machine: VirtualMachine; readonly petit: Service }> => {
  const machine = await sharedMachine();
  const files = Object.entries(jobs).map(([id, text]) => writing(`/etc/petit/jobs/${id}.yaml`, text));
  await machine.must(`
    systemctl stop petit || :
    systemctl kill --signal=KILL petit || :
    rm -rf /var/lib/petit/* /etc/petit/jobs
    mkdir -p /etc/petit/jobs ${UNIT}.d
    ${files.join("\n")}
    ${writing(`${UNIT}.d/test.conf`, SLOW + dropIn)}
    if [ -e ${UNIT} ]; then
      systemctl daemon-reload
      systemctl start petit
    else
      ${PETIT} service install --api-host 0.0.0.0 --token
    fi`);
  const petit = await readyService(machine);
  const { body } = await ask(petit, "/api/jobs");
  const loaded = new Set(body.jobs.map(({ id }: { readonly id: string }) => id));
  const refused = Object.keys(jobs).filter((id) => !loaded.has(id));
  if (refused.length > 0) throw new Error(`petit refuses ${refused}: ${JSON.stringify(body)}`);
  return { machine, petit };
};

/** An emulated machine on a busy one can stand still for longer than the watchdog waits. */
export const SLOW = "[Service]\nWatchdogSec=10min\n";

/** Returns a shell command that writes a file. */
export const writing = (path: string, text: string): string =>
  `echo ${Buffer.from(text).toString("base64")} | base64 -d > ${path}`;

/** Returns the installed petit when it is ready, such as after a boot. */
export const readyService = async (machine: VirtualMachine): Promise<Service> => {
  const token = (await machine.must("cat /etc/credstore/petit-token")).trim();
  const service: Service = {
    fetch: async (path, init = {}) => {
      if (init.method === undefined) await sleep(BETWEEN_POLLS_MS);
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${token}`);
      return await fetch(machine.url + path, { ...init, headers });
    },
  };
  await eventually("petit is ready", async () => ((await isReady(service)) ? true : null), SLOW_MS);
  return service;
};

const isReady = async (service: Service): Promise<boolean> => {
  try {
    return (await service.fetch("/api/health", { signal: AbortSignal.timeout(5_000) })).status === 200;
  } catch {
    return false;
  }
};

export type Occurrence = {
  readonly scheduled_for: number;
  readonly outcome: "fired" | "skipped" | "missed";
  readonly reason: string | null;
  readonly run_id: string | null;
};

/** Returns the ledger of a job, oldest first. */
export const ledgerOf = async (service: Service, jobId: string): Promise<readonly Occurrence[]> => {
  const pages: Occurrence[][] = [];
  for (let before = ""; ; ) {
    const { body } = await ask(service, `/api/jobs/${jobId}/occurrences?limit=1000${before}`);
    const page: Occurrence[] = body.occurrences;
    pages.push(page);
    const oldest = page.at(-1);
    if (oldest === undefined || page.length < 1000) return pages.flat().toReversed();
    before = `&before=${oldest.scheduled_for}`;
  }
};

/** Returns the instants, in ms, before which a ledger has a gap or which it has twice. */
export const wrongSteps = (ledger: readonly Occurrence[], stepMs: number): readonly number[] =>
  ledger
    .slice(1)
    .flatMap(({ scheduled_for: at }, index) => (at - (ledger[index]?.scheduled_for ?? 0) === stepMs ? [] : [at]));

/** Pauses petit, and checks a copy of its database when no run is left. Returns a sentence for each violation. */
export const violationsOf = async (
  machine: VirtualMachine,
  petit: Service,
  accepted: ReadonlySet<string>,
): Promise<readonly string[]> => {
  await ask(petit, "/api/scheduler/pause", { method: "POST" });
  await eventually("all runs have ended", async () => ((await isIdle(petit)) ? true : null), SLOW_MS);
  const file = "/var/lib/petit/checked.db";
  await machine.must(`${PETIT} backup ${file} --db /var/lib/petit/petit.db`);
  const copy = await machine.must(`gzip -c ${file} | base64 -w 0; rm ${file}`);
  await ask(petit, "/api/scheduler/resume", { method: "POST" });
  const db = Database.deserialize(gunzipSync(Buffer.from(copy, "base64")));
  try {
    return ledgerViolations(db, accepted);
  } finally {
    db.close();
  }
};

const isIdle = async (petit: Service): Promise<boolean> => {
  const statuses = ["pending", "running"].map((status) => ask(petit, `/api/runs?status=${status}&limit=1`));
  return (await Promise.all(statuses)).every(({ body }) => body.count === 0);
};
