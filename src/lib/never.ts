/** Marks the branch that no value reaches: a new member of a union is then an error of the compiler, and of the run. */
export const assertNever = (value: never): never => {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
};
