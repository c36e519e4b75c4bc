/** A volume of a container, as for `docker run --volume`. */
export type Volume = {
  /** The path on this machine, which may be relative. Null for a volume of the engine, with or without a name. */
  readonly source: string | null;
  /** The path in the container. */
  readonly target: string;
  readonly options: readonly string[];
};

/** Splits a volume into its parts. A text without a slash or a dot at its start, such as `data`, names a volume of the engine. */
export const splitVolume = (volume: string): Volume => {
  const [, source = "", target, options] = /^([^:]*):([^:]*)(?::(.*))?$/s.exec(volume) ?? [];
  if (target === undefined) return { source: null, target: volume, options: [] };
  const isPath = source.startsWith("/") || source.startsWith(".");
  return { source: isPath ? source : null, target, options: options === undefined ? [] : options.split(",") };
};
