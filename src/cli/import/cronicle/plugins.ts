import type { Json } from "../../../lib/json.ts";
import { EventFields } from "./event-fields.ts";
import { asMap, type PlainMap } from "./export.ts";

type Fields = Readonly<Record<string, Json>>;

/** Returns what the task of an event runs, by its plugin. */
export const pluginTask = (fields: EventFields, plugin: PlainMap | null): Fields => {
  const given = asMap(fields.take("params")) ?? {};
  const name = fields.text("plugin") ?? "";
  const params = new EventFields(given, { file: fields.file, line: fields.line, remarks: fields.remarks });
  const task = name === "shellplug" ? shellTask(params) : name === "urlplug" ? requestTask(params) : null;
  if (task !== null) {
    params.nameTheRest({});
    return task;
  }
  const own = plugin === null ? null : commandTask(plugin, given, fields);
  if (own !== null) return own;
  fields.leaveOut("plugin", "the export does not have the plugin; the task fails until you write it");
  if (Object.keys(given).length > 0) fields.leaveOut("params", "they are those of the plugin");
  return { type: "shell", script: "echo 'the plugin was not imported' >&2\nexit 1\n" };
};

/** The script runs by its first line, as a file would. */
const shellTask = (params: EventFields): Fields => {
  const script = params.text("script") ?? "true";
  if (params.boolean("annotate")) params.note("annotate", "petit stores the time of each line");
  if (params.boolean("json")) params.leaveOut("json", "petit reads no progress and no results from the output");
  const line = /^#!\s*(\S.*?)\s*(?:\n|$)/.exec(script)?.[1]?.split(/\s+/) ?? ["/bin/sh"];
  if (script.includes("${{"))
    return { type: "command", command: line[0] ?? "/bin/sh", args: [...line.slice(1), "-c", script] };
  return { type: "shell", shell: line, script: script.endsWith("\n") ? script : `${script}\n` };
};

const requestTask = (params: EventFields): Fields => {
  const [method, url, headers, data] = [
    params.text("method"),
    params.text("url"),
    params.text("headers"),
    params.text("data"),
  ];
  const timeout = params.number("timeout");
  for (const name of ["success_match", "error_match"])
    if (params.text(name) !== null) params.leaveOut(name, "petit judges a request by its status");
  if (params.boolean("ssl_cert_bypass"))
    params.leaveOut("ssl_cert_bypass", "petit checks certificates; `ca_file` names others to trust");
  if (params.boolean("follow")) params.take("follow");
  if (url === null || !/^https?:\/\/\S+$/.test(url)) {
    params.leaveOut("url", "expected an http or https URL; the task fails until you write it");
    return { type: "shell", script: "echo 'the request was not imported' >&2\nexit 1\n" };
  }
  if (/\[\//.test(`${url}${headers ?? ""}${data ?? ""}`)) params.leaveOut("url", "petit replaces no [/…] in it");
  const pairs = (headers ?? "").split(/\r?\n/).flatMap((line) => {
    const [, name, value = ""] = /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value] as const];
  });
  return {
    type: "http",
    url,
    ...(method === null || method === "GET" ? {} : { method }),
    ...(pairs.length === 0 ? {} : { headers: Object.fromEntries(pairs) }),
    ...(data === null ? {} : { body: data }),
    ...(timeout === null ? {} : { timeout: `${Math.ceil(timeout)}s` }),
  };
};

/** Any other plugin is a command that gets the params as JSON on its standard input, and as variables. */
const commandTask = (plugin: PlainMap, params: PlainMap, fields: EventFields): Fields | null => {
  const command = typeof plugin.command === "string" ? plugin.command.trim() : "";
  if (command === "") return null;
  fields.note("plugin", "its exit status alone says how it ended; what it prints as JSON is not read");
  for (const name of ["uid", "gid"])
    if (plugin[name] !== undefined && plugin[name] !== "")
      fields.leaveOut("plugin", `the plugin has ${name} ${plugin[name]}; \`run_as\` names a user`);
  const variables = Object.entries(params).flatMap(([name, value]) => {
    const variable = name.toUpperCase().replace(/\W+/g, "_");
    return /^[A-Z_]\w*$/.test(variable) && !variable.startsWith("PETIT_")
      ? [[variable, typeof value === "object" ? JSON.stringify(value) : String(value)] as const]
      : [];
  });
  return {
    type: "shell",
    script: `exec ${command}\n`,
    ...(typeof plugin.cwd === "string" && plugin.cwd.startsWith("/") ? { working_dir: plugin.cwd } : {}),
    ...(variables.length === 0 ? {} : { environment: Object.fromEntries(variables) }),
    stdin: `${JSON.stringify({ params })}\n`,
  };
};
