import { readdirSync, readFileSync } from "node:fs";

/** Processes of the tasks of one database that live now: their environment names its spool folder. */
export const taskProcesses = (dbPath: string): readonly number[] => {
  const mark = `PETIT_OUTPUT=${dbPath}-spool/`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(mark))
    .map(Number)
    .filter((pid) => pid !== process.pid);
};

/** Of a zombie it is empty. */
const environmentOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
};

/** The process group of a process; null where it is gone. */
export const groupOf = (pid: number): number | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
  } catch {
    return null;
  }
};
