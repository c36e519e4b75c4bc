import { commandTask } from "./command.ts";
import { EventFields } from "./event-fields.ts";
import { asMap, type PlainMap } from "./export.ts";
import { type PluginTask, requestTask } from "./request.ts";
import { scriptTask } from "./script.ts";

/** Returns what the task of an event runs, by its plugin. */
export const pluginTask = (fields: EventFields, plugin: PlainMap | null): PluginTask => {
  const given = asMap(fields.take("params")) ?? {};
  const { file, line, remarks } = fields;
  const params = new EventFields(withDefaults(given, plugin), { file, line, remarks });
  const command = typeof plugin?.command === "string" ? plugin.command.trim() : "";
  const bundled = BUNDLED[command === "" ? (fields.text("plugin") ?? "") : command];
  fields.take("plugin");
  if (bundled === "request") {
    const task = requestTask(params);
    params.nameTheRest(Object.fromEntries(OF_ALL_REQUESTS.map((name) => [name, "`timeout` is for a whole request"])));
    return task;
  }
  if (bundled === undefined && command === "") {
    fields.leaveOut("plugin", "the export does not have the plugin; the task fails until you write it");
    if (params.names().length > 0) fields.leaveOut("params", "they are those of the plugin");
    return {
      fields: { type: "shell", script: "echo 'the plugin was not imported' >&2\nexit 1\n" },
      timeoutSeconds: null,
    };
  }
  const { environment, ...place } = placeOf(fields, plugin);
  const task = bundled === "script" ? scriptTask(params) : commandTask(fields, { command, params, plugin });
  if (bundled === "script") params.nameTheRest({});
  const variables = { ...environment, ...task.environment };
  return {
    fields: { ...task.fields, ...place, ...(Object.keys(variables).length === 0 ? {} : { environment: variables }) },
    timeoutSeconds: null,
  };
};

/** The plugins that Cronicle has, by id and by command: a copy of one has another id. */
const BUNDLED: Readonly<Record<string, "script" | "request">> = {
  shellplug: "script",
  "bin/shell-plugin.js": "script",
  urlplug: "request",
  "bin/url-plugin.js": "request",
};

/** Cronicle takes a param that the event does not have, and one that is hidden, from the plugin. */
const withDefaults = (given: PlainMap, plugin: PlainMap | null): PlainMap => {
  const params = Array.isArray(plugin?.params) ? plugin.params : [];
  const added = params.flatMap((param) => {
    const { id, type, value = "" } = asMap(param) ?? {};
    if (typeof id !== "string" || OF_ALL_REQUESTS.includes(id)) return [];
    return type === "hidden" || !Object.hasOwn(given, id) ? [[id, value] as const] : [];
  });
  return { ...given, ...Object.fromEntries(added) };
};

/** Params that each request has from its plugin: they are named only where an event has its own. */
const OF_ALL_REQUESTS = ["idle_timeout", "connect_timeout"];

/** Returns the folder and the variables of a plugin. */
const placeOf = (
  fields: EventFields,
  plugin: PlainMap | null,
): { readonly working_dir?: string; readonly environment: Readonly<Record<string, string>> } => {
  const cwd = typeof plugin?.cwd === "string" ? plugin.cwd.trim() : "";
  if (cwd !== "" && !cwd.startsWith("/"))
    fields.leaveOut("plugin", `the plugin has the folder ${cwd}; expected an absolute path`);
  for (const name of ["uid", "gid"]) {
    const value = plugin?.[name];
    if (value !== undefined && value !== null && value !== "")
      fields.leaveOut("plugin", `the plugin has ${name} ${String(value)}; \`run_as\` names a user`);
  }
  return {
    ...(cwd.startsWith("/") ? { working_dir: cwd } : {}),
    environment: variablesOf(fields, asMap(plugin?.env) ?? {}),
  };
};

/** Returns the variables of a plugin that petit can set; the others are named. */
const variablesOf = (fields: EventFields, env: PlainMap): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => {
      if (
        /^[A-Za-z_]\w*$/.test(name) &&
        !name.startsWith("PETIT_") &&
        typeof value !== "object" &&
        !String(value).includes("\0")
      )
        return [[name, String(value)] as const];
      fields.leaveOut("plugin", `the plugin has the variable ${name}; petit can't set it`);
      return [];
    }),
  );
