/** The arguments of petit for the process that reads artifacts as the user of a task. The command is not for people. */
export const sendFilesArguments: readonly string[] = ["send-files"];
