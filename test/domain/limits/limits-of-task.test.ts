import { expect, test } from "bun:test";
import type { Container, Task } from "../../../src/domain/job.ts";
import { limitsOfTask } from "../../../src/domain/limits/limits-of-task.ts";

const SHELL = { type: "shell", script: "x", shell: ["/bin/sh"] } as const;
const DEFAULTS = { memoryBytes: 100, cpus: 2, pids: 50, nice: 5, io: "idle" } as const;

const container = (own: Partial<Container>): Container => ({
  image: "x",
  engine: null,
  volumes: [],
  user: null,
  network: null,
  pull: null,
  memory: null,
  cpus: null,
  entrypoint: null,
  ...own,
});

test("a task has the defaults that it does not replace", () => {
  expect(limitsOfTask({ program: SHELL }, DEFAULTS)).toEqual(DEFAULTS);
  expect(limitsOfTask({ program: SHELL, limits: { memoryBytes: 7, nice: 0 } }, DEFAULTS)).toEqual({
    ...DEFAULTS,
    memoryBytes: 7,
    nice: 0,
  });
  expect(limitsOfTask({ program: SHELL }, {})).toEqual({});
});

test("a container has the defaults that its engine enforces, unless it limits itself", () => {
  const of = (own: Partial<Container>, limits: Task["limits"] = {}) =>
    limitsOfTask({ program: SHELL, container: container(own), limits }, DEFAULTS);
  expect(of({})).toEqual({ memoryBytes: 100, cpus: 2, pids: 50 });
  expect(of({ memory: "1g" })).toEqual({ pids: 50 });
  expect(of({ cpus: "1" }, { pids: 3 })).toEqual({ pids: 3 });
});

test("a request and a script on another machine have no limits", () => {
  const ssh = {
    type: "ssh",
    host: "h",
    user: null,
    port: null,
    identityFile: null,
    knownHosts: null,
    jump: null,
  } as const;
  expect(limitsOfTask({ program: { ...ssh, script: "x" } }, DEFAULTS)).toEqual({});
});
