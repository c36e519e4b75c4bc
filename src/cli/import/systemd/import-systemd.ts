import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PetitError } from "../../../domain/errors.ts";
import { uniqueId } from "../crontab/job-name.ts";
import { currentUser, homeOf } from "../crontab/owner.ts";
import type { Fate, Imported, ImportedFile, Importer, ImportProblem, ImportRequest } from "../imported.ts";
import { idOfName } from "../job-id.ts";
import { Remarks } from "../remarks.ts";
import { unitJob } from "./job.ts";
import {
  enabledTimers,
  findUnitFile,
  isMasked,
  type LoadedUnit,
  listFolder,
  readUnit,
  realName,
  unitFolders,
} from "./unit/folders.ts";
import { lastOf, listOf } from "./unit/parse.ts";
import { nameParts } from "./unit/specifiers.ts";

/** A timer to import: its name, its file if it has one, and where its service is looked for. */
type TimerSource = {
  readonly name: string;
  readonly file: string | null;
  readonly folders: readonly string[];
  readonly isEnabled: boolean;
};

/** Imports timers of systemd and their services: those that are named, of files or folders, or all that are enabled. */
export const importSystemd: Importer = async (request): Promise<Imported> => {
  const { as, isUser, context } = request;
  if (as !== undefined && homeOf(as) === null)
    throw new PetitError("invalid_request", `--as is '${as}'; expected a user of this machine`);
  const machine = unitFolders(context.environment, { isUser });
  const { timers, aliases } = withoutAliases(timersOf(request, machine));
  const result: Result = { files: [], fates: [...aliases], problems: [], ids: new Set() };
  for (const timer of timers)
    importTimer(timer, result, { as: as ?? (isUser ? currentUser() : "root"), isUser, now: context.clock.now() });
  return { files: result.files, fates: result.fates, problems: result.problems, gone: [] };
};

type Result = {
  readonly files: ImportedFile[];
  readonly fates: Fate[];
  readonly problems: ImportProblem[];
  readonly ids: Set<string>;
};

/** Returns the timers that the arguments stand for. */
const timersOf = ({ sources, isUser }: ImportRequest, machine: readonly string[]): readonly TimerSource[] => {
  const enabled = enabledTimers(machine);
  const ofMachine = (name: string): TimerSource => ({
    name,
    file: findUnitFile(name, machine),
    folders: machine,
    isEnabled: enabled.includes(name),
  });
  if (sources.length > 0) return sources.flatMap((source) => timersOfSource(source, ofMachine));
  if (enabled.length === 0)
    throw new PetitError(
      "not_found",
      `no timer is enabled in ${machine.join(", ")}; expected the name of a timer, a file or a folder${isUser ? "" : ", or --user for your own"}`,
    );
  return enabled.map(ofMachine);
};

const timersOfSource = (source: string, ofMachine: (name: string) => TimerSource): readonly TimerSource[] => {
  const stats = statSync(source, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return timersOfFolder(source);
  const name = basename(source);
  if (stats !== undefined || source.includes("/")) {
    const file = stats === undefined ? findUnitFile(name, [dirname(source)]) : source;
    if (file === null) throw new PetitError("not_found", `there is no file ${source}; expected a timer`);
    if (!name.endsWith(".timer"))
      throw new PetitError("invalid_request", `${source} is not a timer; expected a file NAME.timer`);
    return [{ name, file, folders: [dirname(source)], isEnabled: true }];
  }
  const unit =
    /\.[a-z]+$/.test(source) && !source.endsWith(".service") ? source : `${source.replace(/\.service$/, "")}.timer`;
  if (!unit.endsWith(".timer"))
    throw new PetitError("invalid_request", `'${source}' is not a timer; expected NAME.timer`);
  const timer = ofMachine(unit);
  if (timer.file === null)
    throw new PetitError("not_found", `there is no timer ${unit} in ${timer.folders.join(", ")}`);
  return [timer];
};

/** All timers of a folder, and the instances that its `.wants` folders name. */
const timersOfFolder = (dir: string): readonly TimerSource[] => {
  const names = [
    ...new Set([...listFolder(dir).filter((name) => name.endsWith(".timer")), ...enabledTimers([dir])]),
  ].sort();
  if (names.length === 0) throw new PetitError("not_found", `${dir} has no timers; expected files NAME.timer`);
  const instances = new Set(
    names.filter((name) => nameParts(name).instance !== "").map((name) => nameParts(name).prefix),
  );
  const isUsed = (name: string): boolean => name.includes("@.") && instances.has(nameParts(name).prefix);
  return names
    .filter((name) => !isUsed(name))
    .map((name) => ({ name, file: findUnitFile(name, [dir]) ?? join(dir, name), folders: [dir], isEnabled: true }));
};

/** Aliases stand for the timer that they are links to, which becomes one job, whatever its names. */
const withoutAliases = (
  sources: readonly TimerSource[],
): { readonly timers: readonly TimerSource[]; readonly aliases: readonly Fate[] } => {
  const timers = new Map<string, TimerSource>();
  const aliases: Fate[] = [];
  for (const source of sources) {
    const { name: given, file, folders } = source;
    const name = file === null || isMasked(file) ? given : realName(given, file, folders);
    if (name !== given && file !== null)
      aliases.push({ file, line: 1, outcome: "setting", jobId: null, notes: [`it is another name of ${name}`] });
    const known = timers.get(name);
    timers.set(name, {
      name,
      file: known?.file ?? (name === given ? file : findUnitFile(name, folders)),
      folders,
      isEnabled: source.isEnabled || (known?.isEnabled ?? false),
    });
  }
  return { timers: [...timers.values()], aliases };
};

type TimerContext = { readonly as: string; readonly isUser: boolean; readonly now: number };

const importTimer = (source: TimerSource, result: Result, context: TimerContext): void => {
  const pair = pairOf(source);
  if ("why" in pair) {
    const { line, why } = pair;
    result.fates.push({ file: source.file ?? source.name, line, outcome: "left_out", jobId: null, notes: [why] });
    return;
  }
  const { timer, service } = pair;
  const problems = [...timer.problems, ...service.problems];
  result.problems.push(...problems);
  if (problems.length > 0) return;
  const id = uniqueId(idOfName(nameParts(timer.name).bare.replaceAll("\\x2d", "-"), "timer"), result.ids);
  const remarks = new Remarks();
  const text = unitJob({
    id,
    timer,
    service,
    remarks,
    isEnabled: source.isEnabled,
    as: context.as,
    isUser: context.isUser,
    now: context.now,
  });
  result.files.push({ path: `${id}.yaml`, text });
  result.fates.push({ file: timer.file, line: 1, outcome: "job", jobId: id, notes: [] }, ...remarks.fates());
};

/** A timer and what it starts, or why it becomes no job. */
type Pair =
  | { readonly timer: LoadedUnit; readonly service: LoadedUnit }
  | { readonly line: number; readonly why: string };

const pairOf = ({ name: given, file, folders }: TimerSource): Pair => {
  if (file === null) return { line: 1, why: "there is no such file" };
  if (isMasked(file)) return { line: 1, why: "it is masked" };
  const name = withDefaultInstance(given, file, folders);
  if (name === null)
    return {
      line: 1,
      why: `it is a template; expected the name of an instance, such as ${given.replace("@.", "@NAME.")}`,
    };
  const timer = readUnit(name, file, folders);
  const unit = lastOf(timer.directives, "Timer", "Unit");
  const line = unit?.line ?? 1;
  const started = unit === null ? name.replace(/\.timer$/, ".service") : withoutSpecifiers(unit.value, name);
  if (!started.endsWith(".service")) return { line, why: `it starts ${started}; only services become jobs` };
  const startedFile = findUnitFile(started, folders);
  if (startedFile === null) return { line, why: `there is no ${started} in ${folders.join(", ")}` };
  const serviceName = isMasked(startedFile) ? started : realName(started, startedFile, folders);
  const serviceFile = findUnitFile(serviceName, folders) ?? startedFile;
  const service = readUnit(serviceName, serviceFile, folders);
  if (service.problems.length === 0 && listOf(service.directives, "Service", "ExecStart").length === 0)
    return { line: 1, why: `${serviceFile} has no ExecStart=, so there is nothing to run` };
  return { timer, service };
};

const withoutSpecifiers = (text: string, unit: string): string => {
  const { prefix, instance, bare } = nameParts(unit);
  const values: Readonly<Record<string, string>> = { "%i": instance, "%p": prefix, "%N": bare, "%%": "%" };
  return text.replace(/%[ipN%]/g, (specifier) => values[specifier] ?? specifier);
};

/** Returns the name of the instance that a template has by default; null if it has none. */
const withDefaultInstance = (name: string, file: string, folders: readonly string[]): string | null => {
  if (!name.includes("@.")) return name;
  const instance = lastOf(readUnit(name, file, folders).directives, "Install", "DefaultInstance")?.value;
  return instance === undefined ? null : name.replace("@.", `@${instance}.`);
};
