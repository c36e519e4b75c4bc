import type { Message } from "./message.ts";
import { plainText } from "./plain.ts";

/** Returns the subject and the text of an email. Plain text, so that nothing in it is markup. */
export const emailText = (message: Message): { readonly subject: string; readonly text: string } => ({
  subject: `petit: ${message.title}`,
  text: `${plainText(message, message.longOutput === "" ? message.output : message.longOutput, { links: true })}\n`,
});
