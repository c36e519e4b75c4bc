import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { escapeUnprintable } from "../text.ts";

/**
 * Returns the process that listens on a TCP port of this machine as `name, process PID`, or null if it is not known: another user's
 * process, a system without /proc. The tables are described in proc_net_tcp(5).
 */
export const listeningProcess = (port: number): string | null => {
  const sockets = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listeningSockets(table, port)));
  if (sockets.size === 0) return null;
  const pid = namesIn("/proc").find((name) => /^\d+$/.test(name) && hasSocket(name, sockets));
  if (pid === undefined) return null;
  const name = attempt(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim()) ?? "";
  return `${escapeUnprintable(name)}, process ${pid}`;
};

const LISTEN = "0A";

const listeningSockets = (table: string, port: number): readonly string[] =>
  (attempt(() => readFileSync(table, "utf8")) ?? "")
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
      return state === LISTEN && Number.parseInt(local.split(":")[1] ?? "", 16) === port ? [`socket:[${inode}]`] : [];
    });

const hasSocket = (pid: string, sockets: ReadonlySet<string>): boolean =>
  namesIn(`/proc/${pid}/fd`).some((fd) => sockets.has(attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? ""));

const namesIn = (folder: string): readonly string[] => attempt(() => readdirSync(folder)) ?? [];

/** Processes end, and other users' processes can't be read. */
const attempt = <T>(read: () => T): T | null => {
  try {
    return read();
  } catch {
    return null;
  }
};
