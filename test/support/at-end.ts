const ends: (() => Promise<unknown>)[] = [];

/** Calls a function after the last test of the process. Programs other than tests never call it. */
export const atEnd = (end: () => Promise<unknown>): void => void ends.push(end);

/** Calls the functions, in order. */
export const end = async (): Promise<void> => {
  for (const each of ends.splice(0)) await each();
};
