import { SERVICES, type Unit } from "../../app/systemd/unit-file.ts";
import type { Context } from "../command.ts";
import type { Installed } from "./install.ts";
import type { Uninstalled } from "./uninstall.ts";

/** Reports an installation: the changes on stdout, the next steps on stderr. */
export const reportInstall = (installed: Installed, { terminal: { out, err }, json }: Context): void => {
  const { unit, role, jobsDir, database, user, started, access, warnings, done } = installed;
  const state =
    role === "worker" ? { state_dir: database } : { jobs_dir: jobsDir, database, token_file: access?.file ?? null };
  const data = { unit, ...state, user, started, done };
  const steps = nextSteps(installed);
  const width = Math.max(...steps.map(([command]) => command.length));
  out.write(json ? `${JSON.stringify(data, null, 2)}\n` : `${done.join("\n")}\n`);
  for (const warning of warnings) err.write(`warning: ${warning}\n`);
  err.write(`
${jobsDir === null ? `State: ${database}` : `Job files: ${jobsDir}\nDatabase:  ${database}`}
${access === null ? "" : `Access:    ${access.text}\n`}\

Next:
${steps.map(([command, what]) => `  ${command.padEnd(width)}  ${what}\n`).join("")}`);
};

const nextSteps = ({
  role,
  jobsDir,
  user,
  started,
  health,
  access,
}: Installed): readonly (readonly [string, string])[] => {
  const own = user === null ? " --user" : "";
  return [
    ...(jobsDir === null ? [] : [[`petit init ${shellWord(jobsDir)}`, "write a first job"] as const]),
    ...(started ? [] : [[`systemctl${own} start ${SERVICES[role]}`, "start the service"] as const]),
    [`systemctl${own} status ${SERVICES[role]}`, "show its state"],
    [`journalctl${own} -u ${SERVICES[role]} -f`, "follow its log"],
    ...(health === null ? [] : [[`curl ${health}`, "check its health"] as const]),
    ...(health === null || access?.isProtected !== true ? [] : [[curlOf(health, user), "use the API"] as const]),
    ...(user === null ? [["loginctl enable-linger", "keep it running while you are logged out"] as const] : []),
  ];
};

const curlOf = (health: string, user: string | null): string =>
  `curl -H "Authorization: Bearer $(${user === null ? "" : "sudo "}petit token --print)" ${health.replace(/health$/, "jobs")}`;

const shellWord = (text: string): string =>
  /^[\w/.:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

const REMOVALS = {
  scheduler: "rm -rf /var/lib/petit /etc/petit /etc/credstore/petit-token && userdel petit",
  worker: "rm -r /var/lib/petit-worker",
} as const satisfies Record<Unit["role"], string>;

/** Reports a removal: the changes on stdout, what remains on stderr. */
export const reportUninstall = (
  removed: Uninstalled,
  { scope, role, context }: Pick<Unit, "scope" | "role"> & { readonly context: Context },
): void => {
  const { out, err } = context.terminal;
  const { unit, command, stateDir, stopped, dropIns, left } = removed;
  const data = { unit, command, state_dir: stateDir, stopped, drop_ins: dropIns, left };
  if (context.json) out.write(`${JSON.stringify(data, null, 2)}\n`);
  else out.write(`${stopped ? `stopped ${SERVICES[role]}\n` : ""}removed ${unit}\n`);
  const processes = left === 0 ? "" : `Task processes that are still running: ${left}. petit does not end them.\n`;
  err.write(`
${processes}Not removed: the ${role === "worker" ? "state" : "database"} in ${stateDir}, and the files in its command:
  ${command}
${dropIns === null ? "" : `Not removed: the drop-ins in ${dropIns}.\n`}${scope === "system" ? `To remove everything: ${REMOVALS[role]}\n` : ""}`);
};
