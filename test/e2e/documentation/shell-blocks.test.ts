import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readPages } from "../../../scripts/tables/page.ts";
import { type ShellBlock, shellBlocksOf } from "../../support/documentation.ts";
import { freePort } from "../../support/free-port.ts";
import {
  localPlace,
  machinePlace,
  type Place,
  runIn,
  type Started,
  startIn,
} from "../../support/shell-blocks/place.ts";
import {
  NOT_RUN,
  PETIT,
  ROOT,
  SCENARIOS,
  type Scenario,
  type SharedPetit,
  startShared,
  writeSamples,
} from "../../support/shell-blocks/scenarios.ts";
import type { Machine } from "../../support/systemd/machine.ts";
import { onMachine } from "../../support/systemd/service.ts";
import { tempDir } from "../../support/temp-dir.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const blocks = readPages().flatMap(shellBlocksOf);
const blockOf = (name: string): ShellBlock => {
  const block = blocks.find((each) => each.name === name);
  if (block === undefined) throw new Error(`there is no block '${name}'`);
  return block;
};

const FOLDER: Scenario = { where: "folder" };
const scenarioOf = (name: string): Scenario => SCENARIOS[name] ?? FOLDER;

/** Commands that run until they are ended, and what they print when they are ready. */
const SERVERS: readonly (readonly [start: RegExp, ready: string])[] = [
  [/^(?:petit|scripts\/petit|deno run .*main\.ts) run\b/, "petit is ready"],
  [/^petit worker --/, "connected to NATS"],
  [/^nats-server /, "Server is ready"],
];

const readyTextOf = (command: string): string | null => SERVERS.find(([start]) => start.test(command))?.[1] ?? null;

/** Of the commands with the same name only one runs at a time: a page that starts petit again has ended it before. */
const nameOf = (command: string): string => command.split(" ").slice(0, 2).join(" ");

type Running = {
  readonly place: Place;
  readonly servers: Map<string, Started>;
  /** What stands for a word of the block. */
  readonly words: Map<string, string>;
};

/** Runs the commands of a block in their order. Each has to succeed. */
const runBlock = async (
  { commands }: ShellBlock,
  { place, servers, words }: Running,
  before: Readonly<Record<string, () => Promise<unknown>>> = {},
): Promise<void> => {
  for (const command of commands.filter((each) => !Object.hasOwn(NOT_RUN, each))) {
    await before[command]?.();
    let line = command;
    for (const [word, value] of words) line = line.replaceAll(word, value);
    const ready = readyTextOf(line);
    if (ready === null) {
      const stdout = await runIn(place, line);
      if (line.includes("worker keygen")) words.set("PUBLIC_KEY", stdout.trim());
    } else {
      await servers.get(nameOf(line))?.end();
      servers.set(nameOf(line), await startIn(place, line, ready));
    }
  }
};

type PlaceOptions = {
  readonly place: Place;
  readonly machine: Machine | null;
  /** Is told the address of a petit that the scenario has started. */
  readonly setUrl: (url: string) => void;
  /** What stands for words of every block. */
  readonly given: ReadonlyMap<string, string>;
};

/** Runs a block in its scenario, after the one that it follows. */
const runInScenario = async (name: string, { place, machine, setUrl, given }: PlaceOptions): Promise<void> => {
  const { follows } = scenarioOf(name);
  const servers = new Map<string, Started>();
  let words = new Map(given);
  await using parts = new AsyncDisposableStack();
  try {
    for (const each of follows === undefined ? [name] : [follows, name]) {
      const facts = await scenarioOf(each).prepare?.({ place, machine, parts });
      if (facts?.url !== undefined) setUrl(facts.url);
      // Those of this block come first, because an earlier one may be a part of them.
      words = new Map([...Object.entries(facts?.words ?? {}), ...words]);
      await runBlock(blockOf(each), { place, servers, words }, facts?.before);
    }
  } finally {
    for (const server of [...servers.values()].reverse()) await server.end();
  }
};

const textOf = ({ commands }: ShellBlock): string => commands.join("\n");

/** The commands of the blocks that run as the beginning of another one. */
const beginnings = new Set(
  Object.values(SCENARIOS).flatMap(({ follows }) => (follows === undefined ? [] : [textOf(blockOf(follows))])),
);

/** Returns the blocks that run at these places, each with a title. Of blocks with the same commands, the first one runs. */
const titledBlocks = (...places: readonly Scenario["where"][]): [title: string, name: string][] => {
  const groups = Map.groupBy(
    blocks.filter(({ name }) => places.includes(scenarioOf(name).where)),
    textOf,
  );
  return [...groups].flatMap(([commands, [first, ...others]]) => {
    if (first === undefined || beginnings.has(commands)) return [];
    const { follows } = scenarioOf(first.name);
    const before = follows === undefined ? [] : (groups.get(textOf(blockOf(follows))) ?? []);
    return [[[...before, first, ...others].map(({ name }) => name).join(", "), first.name]];
  });
};

const startsPetit = ({ commands }: ShellBlock): boolean =>
  commands.some((command) => readyTextOf(command) === "petit is ready");

describe("the shell blocks of the documentation", () => {
  test("are found, and have different names", () => {
    expect(blocks.length).toBeGreaterThan(30);
    expect(new Set(blocks.map(({ name }) => name)).size).toBe(blocks.length);
  });

  test("are the ones that the tests prepare for", () => {
    const names = new Set(blocks.map(({ name }) => name));
    expect(Object.keys(SCENARIOS).filter((name) => !names.has(name))).toEqual([]);
  });

  test("contain the commands that do not run here", () => {
    const commands = new Set(blocks.flatMap((block) => block.commands));
    expect(Object.keys(NOT_RUN).filter((command) => !commands.has(command))).toEqual([]);
  });
});

describe("a shell block of the documentation", () => {
  let shared: SharedPetit;
  beforeAll(async () => {
    shared = await startShared();
  });
  afterAll(() => shared[Symbol.asyncDispose]());

  test.each(titledBlocks("folder", "checkout"))("works as it is written: %s", async (_, name) => {
    using folder = tempDir();
    const { where, environment = {} } = scenarioOf(name);
    const isOwn = startsPetit(blockOf(name));
    let url = isOwn ? `http://127.0.0.1:${await freePort()}` : shared.url;
    const place = localPlace({
      folder: folder.path,
      ...(where === "checkout" ? { cwd: ROOT } : {}),
      petit: PETIT,
      environment: () => ({
        PETIT_URL: url,
        TEST_PORT: new URL(url).port,
        PETIT_DB: isOwn ? folder.file("petit.db") : shared.dbPath,
        ...(isOwn ? { PETIT_API_PORT: new URL(url).port } : {}),
        ...environment,
      }),
    });
    if (where === "folder") writeSamples(place);
    const setUrl = (changed: string): void => {
      url = changed;
    };
    await runInScenario(name, { place, machine: null, setUrl, given: shared.words });
  });
});

await onMachine("on a machine with systemd, a shell block of the documentation", (machine) => {
  beforeAll(async () => {
    // The executable of the machine is a mount, which nothing could replace.
    await machine.must("umount", "--lazy", "/usr/local/bin/petit");
    await machine.must("install", "-m", "755", PETIT, "/usr/local/bin/petit");
  });

  let count = 0;
  test.each(titledBlocks("machine"))("works as it is written: %s", async (_, name) => {
    count += 1;
    const { environment = {} } = scenarioOf(name);
    const place = await machinePlace(machine, { folder: `/root/block-${count}`, environment });
    writeSamples(place);
    await runInScenario(name, { place, machine, setUrl: () => {}, given: new Map() });
  });
});
