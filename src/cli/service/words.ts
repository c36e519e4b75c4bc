import type { Unit } from "../../app/systemd/unit-file.ts";
import type { Context } from "../command.ts";
import type { Installed } from "./install.ts";
import type { Uninstalled } from "./uninstall.ts";

/** What was installed, on stdout, and what comes next. */
export const afterInstall = (installed: Installed, { terminal: { out, err }, json }: Context): void => {
  const { unit, jobsDir, database, user, started, done } = installed;
  const data = { unit, jobs_dir: jobsDir, database, user, started, done };
  const steps = nextSteps(installed);
  const width = Math.max(...steps.map(([command]) => command.length));
  out.write(json ? `${JSON.stringify(data, null, 2)}\n` : `${done.join("\n")}\n`);
  err.write(`
Its job files are in ${jobsDir}, its database is ${database}.

Next:
${steps.map(([command, what]) => `  ${command.padEnd(width)}  ${what}\n`).join("")}`);
};

const nextSteps = ({ jobsDir, user, started, health }: Installed): readonly (readonly [string, string])[] => {
  const own = user === null ? " --user" : "";
  return [
    [`petit init ${shellWord(jobsDir)}`, "a first job, if there is none"],
    ...(started ? [] : [[`systemctl${own} start petit`, "it was not started yet"] as const]),
    [`systemctl${own} status petit`, "how it is"],
    [`journalctl${own} -u petit -f`, "what it does"],
    ...(health === null ? [] : [[`curl ${health}`, "whether it answers"] as const]),
    ...(user === null ? [["loginctl enable-linger", "to have it run while you are logged out"] as const] : []),
  ];
};

const shellWord = (text: string): string =>
  /^[\w/.:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** What was removed, on stdout, and what was not. */
export const afterUninstall = (
  removed: Uninstalled,
  { scope, context }: { readonly scope: Unit["scope"]; readonly context: Context },
): void => {
  const { out, err } = context.terminal;
  const { unit, command, stateDir, stopped, dropIns, left } = removed;
  const data = { unit, command, state_dir: stateDir, stopped, drop_ins: dropIns, left };
  if (context.json) out.write(`${JSON.stringify(data, null, 2)}\n`);
  else out.write(`${stopped ? "stopped petit\n" : ""}removed ${unit}\n`);
  const goingOn = left === 0 ? "" : `Processes of its tasks that go on, and end by themselves: ${left}.\n`;
  err.write(`
${goingOn}What it had is still there: the database in ${stateDir}, and what its command named:
  ${command}
${dropIns === null ? "" : `Its drop-ins are in ${dropIns}.\n`}${scope === "system" ? "To be rid of all: rm -r /var/lib/petit /etc/petit && userdel petit\n" : ""}`);
};
