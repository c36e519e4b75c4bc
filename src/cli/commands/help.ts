import { suggest } from "../../lib/suggest.ts";
import { usageError } from "../argv.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { rootHelp, topicHelp } from "../help/help.ts";
import { TOPICS } from "../help/topics/topics.ts";

export const help = defineCommand({
  name: "help",
  summary: "Explain a topic or a command",
  description: "Explains a topic, or shows the help of a command. Without an argument, lists both.",
  args: {
    TOPIC: { type: "positional", required: false, description: "A topic or a command." },
  },
  choices: TOPICS.map(({ name }) => name),
  settings: [],
  examples: ["petit help job-files", "petit help run"],
  reference: () => ({ title: "Topics", rows: TOPICS.map(({ name, summary }) => [name, summary]) }),
  run: async ({ TOPIC }, context) => {
    const { out } = context.terminal;
    const topic = TOPICS.find(({ name }) => name === TOPIC);
    if (topic !== undefined) out.write(topicHelp(await topic.sections(context), out));
    else if (TOPIC === undefined) out.write(rootHelp(context.commands, out));
    else throw unknownTopic(TOPIC, [...TOPICS, ...context.commands]);
    return EXIT.DONE;
  },
});

const unknownTopic = (word: string, known: readonly { readonly name: string }[]) => {
  const near = suggest(
    word,
    known.map(({ name }) => name),
  );
  return usageError(`there is no command or topic '${word}'`, near === null ? null : `'petit help ${near}'`, "petit");
};
