/** Returns a function that computes a value at its first call, and returns the same value from then on. */
export const once = <Value>(compute: () => Value): (() => Value) => {
  let computed: { readonly value: Value } | null = null;
  return () => {
    computed ??= { value: compute() };
    return computed.value;
  };
};
