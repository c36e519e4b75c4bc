/** What `petit --version` says. It stands alone, since it is answered before anything else of petit is read. */
export const versionLine = (version: string): string => `petit ${version}\n`;

/** Whether the version is all that was asked for, without any flag that changes how it is told. */
export const asksVersionAlone = (argv: readonly string[]): boolean =>
  argv.length === 1 && ["--version", "-V"].includes(argv[0] ?? "");
