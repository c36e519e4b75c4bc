import { readdirSync, readFileSync } from "node:fs";

/** Returns the pids of the living task processes of a database. Their environment contains its spool folder. */
export const taskProcesses = (dbPath: string): readonly number[] => {
  const mark = `PETIT_OUTPUT=${dbPath}-spool/`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(mark))
    .map(Number)
    .filter((pid) => pid !== process.pid);
};

/** Returns the environment of a process, which is empty for a zombie. */
const environmentOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
};

/** Returns the run, the task with its item, and the attempt of a process, as the records of tasks name them. */
export const recordedName = (pid: number): string => {
  const environment = environmentOf(String(pid)).split("\0");
  const variable = (name: string): string | undefined =>
    environment.find((each) => each.startsWith(`PETIT_${name}=`))?.slice(`PETIT_${name}=`.length);
  const item = variable("ITEM_INDEX");
  return `${variable("RUN_ID")} ${variable("TASK_ID")}${item === undefined ? "" : `/${item}`} ${variable("ATTEMPT")}`;
};

/** Returns the process group of a process, or null if it has ended. */
export const groupOf = (pid: number): number | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
  } catch {
    return null;
  }
};
