/** The arguments of petit for the process of an `http` task. The command is not for people, so the help does not list it. */
export const requestArguments: readonly string[] = ["http-request"];
