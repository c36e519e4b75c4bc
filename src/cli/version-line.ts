/** Returns the output of `petit --version`. This file imports nothing, so that the version is printed as fast as possible. */
export const versionLine = (version: string): string => `petit ${version}\n`;

/** Returns whether the command line is only `--version` or `-V`, without a flag that changes the output. */
export const isVersionRequest = (argv: readonly string[]): boolean =>
  argv.length === 1 && ["--version", "-V"].includes(argv[0] ?? "");
