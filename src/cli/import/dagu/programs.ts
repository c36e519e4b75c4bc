import { homedir } from "node:os";
import { isAbsolute } from "node:path";
import type { MapNode, Node } from "../../../jobfile/parse/node.ts";
import type { Json } from "../../../lib/json.ts";
import { parallelOf, passedParams } from "./calls.ts";
import { type Fields, OPEN, textOf, valueText } from "./fields.ts";
import { dynamicText, isDynamic, shellTask, splitLine } from "./shell.ts";
import type { DagContext, DagStep, StepContext } from "./step.ts";

type Program = { readonly program: Readonly<Record<string, Json>>; readonly output: string | null };

/** Translates what a step runs, by its type. */
export const programOf = (step: DagStep, context: StepContext): Program => {
  const { fields } = step;
  const executor = executorOf(fields);
  const call = fields.text("call", "run");
  const own = fields.take("container");
  const container =
    own === null
      ? context.dag.container
      : own.value.kind === "map"
        ? fields.source.fields(own.value)
        : textOf(own.value)?.trim() || null;
  const type = executor.type ?? (call !== null ? "dag" : own !== null ? "docker" : defaultType(context.dag));
  switch (type) {
    case "dag":
    case "subworkflow":
    case "parallel":
      return callProgram(step, call, context);
    case "docker":
    case "container":
      return containerProgram(step, executor.config ?? container, context);
    case "ssh":
      return sshProgram(step, executor.config ?? context.dag.ssh, context);
    case "http":
      return httpProgram(step, executor.config, context);
    case "jq":
      return jqProgram(step, context);
    case "hitl":
    case "approval":
      return { program: { type: "approval" }, output: null };
    case "command":
    case "shell":
      return scriptProgram(step, context);
    default:
      return placeholder(step, `a step of type ${type}`);
  }
};

const defaultType = ({ container, ssh }: DagContext): string =>
  container !== null ? "docker" : ssh !== null ? "ssh" : "shell";

type Executor = { readonly type: string | null; readonly config: Fields | null };

/** Reads `type` with `with`, or the older `executor`. */
const executorOf = (fields: Fields): Executor => {
  if (!SUPPORTED.has(typeIn(fields.map) ?? "shell")) return { type: typeIn(fields.map), config: null };
  const entry = fields.take("executor");
  const type = fields.text("type");
  const config = fields.child("with", "config");
  if (entry === null) return { type, config };
  if (entry.value.kind !== "map") return { type: textOf(entry.value), config };
  const map = fields.source.fields(entry.value);
  return { type: map.text("type"), config: map.child("config", "with") };
};

const SUPPORTED = new Set(
  "dag subworkflow parallel docker container ssh http jq hitl approval command shell".split(" "),
);

/** Returns the type that a step names, without using the field. */
const typeIn = (map: MapNode): string | null => {
  const of = (node: MapNode, name: string): Node | undefined => node.entries.find(({ key }) => key === name)?.value;
  const executor = of(map, "executor");
  const type = executor?.kind === "map" ? of(executor, "type") : (executor ?? of(map, "type"));
  return type === undefined ? null : textOf(type);
};

/** The fields that say what a step runs. */
const PROGRAM_FIELDS =
  "type executor with config call run params parallel command cmd script exec args output container shell stdout stderr".split(
    " ",
  );

/** A task that fails, because nothing of petit does what the step does. */
const placeholder = ({ fields, id }: DagStep, what: string): Program => {
  fields.release(PROGRAM_FIELDS);
  fields.whyUnused = `petit has nothing like ${what}; the task of the step fails until you write it`;
  const script = `echo ${JSON.stringify(`${id}: ${what} was not imported`).replace(/[$`]/g, "\\$&")} >&2\nexit 1\n`;
  return { program: { type: "shell", script }, output: null };
};

/** The command lines of a step; a list is several commands, or one with its arguments, as older versions of Dagu read it. */
const commandOf = (fields: Fields): string | null => {
  const exec = fields.child("exec");
  if (exec !== null) return [exec.text("command") ?? "", ...exec.texts("args")].map(wordOf).join(" ");
  const entry = fields.take("command", "cmd");
  const args = fields.texts("args");
  if (entry === null) return null;
  if (entry.value.kind !== "list")
    return [textOf(entry.value) ?? valueText(entry.value), ...args.map(wordOf)].join(" ").trim();
  const items = entry.value.items.map(valueText);
  if (items.length === 1 || /\s/.test(items[0] ?? "")) return items.join("\n");
  fields.note(entry, "it is one command with its arguments; newer versions of Dagu run each item as a command");
  return items.map(wordOf).join(" ");
};

const wordOf = (word: string): string => {
  if (isDynamic(word)) return dynamicText(word);
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
};

/** A script without an interpreter of its own runs by the first line `#!`, or by the shell. */
const bodyOf = (
  fields: Fields,
  shell: readonly string[] | null,
): { readonly interpreter: readonly string[] | null; readonly body: string } => {
  const lines = commandOf(fields);
  const isScript = lines?.includes("\n") === true && lines.startsWith("#!");
  const script = fields.text("script") ?? (isScript ? lines : null);
  const command = isScript ? null : lines;
  const own = fields.take("shell");
  const args = fields.texts("shell_args");
  const given =
    own === null
      ? shell
      : own.value.kind === "list"
        ? own.value.items.map(valueText)
        : [...splitLine(textOf(own.value) ?? ""), ...args];
  const isPlain = given === null || /^(?:(?:\/usr)?\/bin\/sh|sh|direct|none|)$/.test(given.join(" "));
  const interpreter = isPlain ? null : given.filter((word) => word !== "-c");
  if (script === null || script.trim() === "")
    return { interpreter, body: command === null || command.trim() === "" ? "true" : command };
  if (command !== null && command !== "") return { interpreter: splitLine(command), body: script };
  const line = /^#!\s*(.*)\n/.exec(script)?.[1];
  if (own === null && line !== undefined && !/^(?:\/usr)?\/bin\/sh(?: -e)?$/.test(line))
    return { interpreter: splitLine(line), body: script };
  return { interpreter, body: script };
};

const scriptProgram = (step: DagStep, context: StepContext): Program => {
  const { fields } = step;
  const { interpreter, body } = bodyOf(fields, context.dag.shell);
  const output = outputOf(fields);
  const folder = folderOf(fields, context.dag);
  const prelude = [
    ...context.prelude.filter((line) => !line.startsWith("set -- ") || /\$[1-9@*#]|\$\{[1-9]/.test(body)),
    ...folder.prelude,
    ...redirects(fields),
  ];
  noteReferences(step, body, interpreter !== null);
  const task = shellTask({ prelude, interpreter, body, output });
  return { program: { ...withoutOpenTemplate(task), ...folder.fields }, output };
};

/** Templates are not allowed in a script, so one with `${{` is an argument. */
const withoutOpenTemplate = (task: ReturnType<typeof shellTask>): Readonly<Record<string, Json>> => {
  const { script, shell = ["/bin/sh", "-e"] } = task;
  if (!script.includes(OPEN)) return task;
  const [command = "/bin/sh", ...args] = shell;
  return { type: "command", command, args: [...args, "-c", script] };
};

const folderOf = (
  fields: Fields,
  { workingDir }: DagContext,
): { readonly prelude: readonly string[]; readonly fields: Readonly<Record<string, Json>> } => {
  const dir = fields.text("working_dir", "dir");
  const folder =
    dir === null ? workingDir : isAbsolute(dir) || isDynamic(dir) || dir.startsWith("~") ? dir : `${workingDir}/${dir}`;
  if (folder.startsWith("~"))
    return { prelude: [`cd "$HOME"${folder === "~" ? "" : dynamicText(folder.slice(1))}`], fields: {} };
  return isDynamic(folder)
    ? { prelude: [`cd ${dynamicText(folder)}`], fields: {} }
    : { prelude: [], fields: { working_dir: folder } };
};

const redirects = (fields: Fields): readonly string[] =>
  (["stdout", "stderr"] as const).flatMap((name) => {
    const entry = fields.take(name);
    if (entry === null) return [];
    const path = textOf(entry.value);
    if (path === null) {
      fields.leaveOut(entry, "it is not a path");
      return [];
    }
    fields.note(entry, "it goes to the file, and not to petit");
    return [`exec ${name === "stdout" ? ">" : "2>"}${dynamicText(path)}`];
  });

/** Reads `output`: a name, or a map with `name`. */
const outputOf = (fields: Fields): string | null => {
  const entry = fields.take("output");
  if (entry === null) return null;
  const map = entry.value.kind === "map" ? fields.source.fields(entry.value) : null;
  const name = (map === null ? textOf(entry.value) : map.text("name"))?.replace(/^\$\{?|\}$/g, "") ?? null;
  const key = map?.take("key") ?? null;
  if (key !== null && textOf(key.value) !== name) map?.leaveOut(key, "an output of petit has the name of its variable");
  map?.take("omit");
  if (name !== null && /^[A-Za-z_]\w*$/.test(name)) return name;
  fields.leaveOut(entry, "petit has outputs that a task writes to $PETIT_OUTPUT, and none of this form");
  return null;
};

/** Names what a script refers to and petit does not have. */
const noteReferences = ({ fields }: DagStep, body: string, isOtherLanguage: boolean): void => {
  const entry =
    fields.map.entries.find(({ key }) => key === "script") ?? fields.map.entries.find(({ key }) => key === "command");
  if (entry === undefined) return;
  const paths = [...new Set([...body.matchAll(/\$\{[A-Za-z_]\w*\.[^}]*\}/g)].map(([reference]) => reference))];
  if (paths.length > 0)
    fields.leaveOut(
      entry,
      `${paths.slice(0, 3).join(", ")}: petit has no such references; a template in \`environment\` can read JSON`,
    );
  if (isOtherLanguage && /\$\{[A-Za-z_]\w*\}/.test(body))
    fields.note(entry, "Dagu replaces ${…} in it before it runs, petit does not: the variables are in its environment");
  const special = [
    ...new Set([...body.matchAll(/\bDAG_RUN_(?:LOG_FILE|STEP_\w+|WORK_DIR|ARTIFACTS_DIR)\b/g)].map(([name]) => name)),
  ];
  if (special.length > 0) fields.leaveOut(entry, `${special.join(", ")}: petit sets no such variable`);
};

/** Replaces the variables of a text by templates, where no shell does it. */
const templateText = (
  text: string,
  { fields }: DagStep,
  { dag: { params, environment }, outputs: before }: StepContext,
  hasItem = false,
): string => {
  const outputs = new Map(before.map(({ name, task }) => [name, task]));
  const missing: string[] = [];
  const replaced = text.replace(/\$\{([A-Za-z_][\w.]*)\}|\$([A-Za-z_]\w*)/g, (all, braced?: string, plain?: string) => {
    const name = braced ?? plain ?? "";
    if (hasItem && (name === "ITEM" || name.startsWith("ITEM."))) return `\${{ item${name.slice(4)} }}`;
    if (outputs.has(name)) return `\${{ tasks.${outputs.get(name)}.outputs.${name} }}`;
    if (params.has(name)) return `\${{ params.${name} }}`;
    const fixed = environment[name];
    if (typeof fixed === "string" && !fixed.includes("${{")) return fixed;
    missing.push(all);
    return all;
  });
  const entry = fields.map.entries[0];
  if (missing.length > 0 && entry !== undefined)
    fields.leaveOut(entry, `${missing.join(", ")}: petit replaces only params, outputs and fixed variables here`);
  return replaced;
};

const callProgram = (step: DagStep, call: string | null, context: StepContext): Program => {
  const { fields } = step;
  if (call === null) return placeholder(step, "a DAG without a name");
  const passed = passedParams(fields);
  const outputs = new Map(context.outputs.map(({ name, task }) => [name, task]));
  const items = parallelOf(fields, outputs, context.dag.params);
  if (items === null && fields.map.entries.some(({ key }) => key === "parallel"))
    return placeholder(step, "items that are not known before");
  const withItem = items === null || passed.length > 0 ? passed : itemParams(items);
  const params = withItem.map(([name, value]) => [name, templateText(value, step, context, items !== null)] as const);
  const found = context.dag.jobOf(
    call,
    params.map(([name]) => name),
  );
  if ("why" in found) return placeholder(step, `the DAG '${call}' (${found.why})`);
  const output = fields.take("output");
  if (output !== null) fields.leaveOut(output, "a job passes only its `outputs` to the job that runs it");
  return {
    program: {
      type: "job",
      job: found.job,
      ...(params.length === 0 ? {} : { params: Object.fromEntries(params) }),
      ...items,
    },
    output: null,
  };
};

/** Without params of its own, a DAG gets the item, or the fields of one that is a map. */
const itemParams = ({ foreach }: Readonly<Record<string, Json>>): readonly (readonly [string, string])[] => {
  const first = Array.isArray(foreach) ? foreach[0] : null;
  if (typeof first !== "object" || first === null || Array.isArray(first)) return [["ITEM", "${ITEM}"]];
  return Object.keys(first).map((name) => [name, `\${ITEM.${name}}`] as const);
};

const containerProgram = (step: DagStep, config: Fields | string | null, context: StepContext): Program => {
  const { fields } = step;
  const image = typeof config === "string" ? config : (config?.text("image") ?? null);
  if (image === null || image === "") return placeholder(step, "a command in a container that runs already");
  const { interpreter, body } = bodyOf(fields, null);
  const output = outputOf(fields);
  const map = typeof config === "string" ? null : config;
  const pull = map?.text("pull_policy", "pull")?.toLowerCase() ?? null;
  const pulls: Readonly<Record<string, string>> = {
    always: "always",
    never: "never",
    missing: "missing",
    ifnotpresent: "missing",
    true: "always",
    false: "never",
  };
  const policy = pull === null ? undefined : pulls[pull];
  if (pull !== null && policy === undefined) map?.release(["pull_policy", "pull"]);
  const volumes = map?.texts("volumes") ?? [];
  const folder = map?.text("working_dir") ?? null;
  const user = map?.text("user") ?? null;
  const network = map?.text("network") ?? null;
  map?.take("auto_remove");
  const container: Readonly<Record<string, Json>> = {
    image: templateText(image, step, context),
    ...(volumes.length === 0 ? {} : { volumes: volumes.map((each) => templateText(each, step, context)) }),
    ...(user === null ? {} : { user }),
    ...(network === null ? {} : { network }),
    ...(policy === undefined ? {} : { pull: policy }),
  };
  const prelude = folder === null ? [] : [`cd ${dynamicText(folder)}`];
  const task = shellTask({ prelude, interpreter, body, output });
  return {
    program: {
      ...withoutOpenTemplate(task),
      container: Object.keys(container).length === 1 ? (container.image ?? "") : container,
    },
    output,
  };
};

const sshProgram = (step: DagStep, config: Fields | null, context: StepContext): Program => {
  const { fields } = step;
  const host = config?.text("host", "ip") ?? null;
  if (config === null || host === null) return placeholder(step, "a command by ssh without a host");
  const { body } = bodyOf(fields, null);
  const output = outputOf(fields);
  const key = config.take("key", "identity_file");
  const keyFile = key === null ? null : (textOf(key.value) ?? "");
  if (key !== null && keyFile?.startsWith("~")) config.note(key, "~ is the folder of the user who imports");
  const user = config.text("user");
  const port = config.number(1, "port");
  const knownHosts = config.text("known_host_file");
  const { script } = shellTask({ prelude: [], interpreter: null, body, output });
  return {
    program: {
      type: "ssh",
      host: templateText(host, step, context),
      ...(user === null ? {} : { user: templateText(user, step, context) }),
      ...(port === null ? {} : { port }),
      ...(keyFile === null
        ? {}
        : { identity_file: templateText(keyFile.replace(/^~(?=\/)/, homedir()), step, context) }),
      ...(knownHosts === null ? {} : { known_hosts: knownHosts }),
      script,
    },
    output,
  };
};

const METHODS = /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+(\S+)$/i;

const httpProgram = (step: DagStep, config: Fields | null, context: StepContext): Program => {
  const { fields } = step;
  const command = commandOf(fields) ?? "";
  const script = fields.text("script");
  const [, method, url] = METHODS.exec(command.trim()) ?? [];
  if (method === undefined || url === undefined || !/^https?:\/\/|^\$/.test(url))
    return placeholder(step, "a request without an address");
  const body = config?.text("body") ?? script;
  const timeout = config?.number(1, "timeout") ?? null;
  const headers = config?.child("headers") ?? null;
  const query = config?.child("query") ?? null;
  const pairs = (map: Fields | null): readonly (readonly [string, string])[] =>
    (map?.map.entries ?? []).map(({ key, value }) => {
      map?.take(key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
      return [key, templateText(valueText(value), step, context)] as const;
    });
  const search = pairs(query).map(
    ([name, value]) => `${encodeURIComponent(name)}=${value.includes("${{") ? value : encodeURIComponent(value)}`,
  );
  const head = pairs(headers);
  const output = fields.take("output");
  if (output !== null) fields.leaveOut(output, "a request has `outputs` of single values of its answer");
  config?.take("silent");
  const json = config?.take("json") ?? null;
  if (json !== null && textOf(json.value) === "true")
    config?.leaveOut(json, "petit prints the body of the answer, without its status and headers");
  return {
    program: {
      type: "http",
      url:
        templateText(url, step, context) +
        (search.length === 0 ? "" : `${url.includes("?") ? "&" : "?"}${search.join("&")}`),
      method: method.toUpperCase(),
      ...(head.length === 0 ? {} : { headers: Object.fromEntries(head) }),
      ...(body === null || body === "" ? {} : { body: templateText(body, step, context) }),
      ...(timeout === null ? {} : { timeout: `${timeout}s` }),
    },
    output: null,
  };
};

/** The program jq, with the script as its input. */
const jqProgram = (step: DagStep, context: StepContext): Program => {
  const { fields } = step;
  const filter = commandOf(fields) ?? ".";
  const input = fields.text("script") ?? "null";
  const output = outputOf(fields);
  const folder = folderOf(fields, context.dag);
  const body = `printf '%s' ${dynamicText(input)} | jq '${filter.replaceAll("'", "'\\''")}'`;
  const task = shellTask({
    prelude: [...context.prelude.filter((line) => !line.startsWith("set -- ")), ...folder.prelude],
    interpreter: null,
    body,
    output,
  });
  return { program: { ...withoutOpenTemplate(task), ...folder.fields }, output };
};
