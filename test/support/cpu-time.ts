/** Starts to measure. Returns a function that returns the CPU time of this process since then, in ms: a busy machine does not change it much. */
export const measureCpu = (): (() => number) => {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
};
