/** Marks an unreachable branch: a union member that is not handled is an error of the compiler, and throws at run time. */
export const assertNever = (value: never): never => {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
};
