/** Removes escape sequences of terminals (ECMA-48) from a text: control sequences and operating system commands. */
export const removeEscapes = (text: string): string => (text.includes("\u001b") ? text.replaceAll(ESCAPES, "") : text);

const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
