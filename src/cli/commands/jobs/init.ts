import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SETTINGS } from "../../../app/settings/settings.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { defineCommand } from "../../command.ts";
import { EXIT, Failure } from "../../exit.ts";
import { paint } from "../../terminal/terminal.ts";
import FIRST_JOB from "./first-job.yaml" with { type: "text" };

export const init = defineCommand({
  name: "init",
  summary: "Write an example job with comments",
  description: "Creates the folder DIR and, in it, hello.yaml: an example job with comments. Overwrites nothing.",
  args: {
    DIR: { type: "positional", required: false, description: `The folder. [default: ${SETTINGS.jobsDir.default}]` },
  },
  settings: [],
  examples: ["petit init", "petit init my/jobs"],
  run: async ({ DIR }, { terminal: { out, err }, settings, json }) => {
    const dir = DIR ?? settings.jobsDir;
    const file = join(dir, "hello.yaml");
    if (!(await writeNew(file, FIRST_JOB))) {
      err.write(`${paint(err, "red", "petit:")} ${file} already exists and was not changed\n`);
      return EXIT.FAILED;
    }
    out.write(json ? `${JSON.stringify({ written: [file] })}\n` : `wrote ${file}\n`);
    err.write(nextSteps(dir));
    return EXIT.DONE;
  },
});

/** Creates a file and its folder. Returns false if the file exists. */
const writeNew = async (file: string, text: string): Promise<boolean> => {
  try {
    await mkdir(dirname(file), { recursive: true });
  } catch (error) {
    throw writeFailure(`the folder ${dirname(file)} can't be created`, error);
  }
  try {
    await writeFile(file, text, { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw writeFailure(`${file} can't be written`, error);
  }
};

const writeFailure = (what: string, cause: unknown): Failure => {
  const reason = errorMessage(cause);
  return new Failure(EXIT.FAILED, `${what}: ${reason}; choose another folder`, { cause });
};

const nextSteps = (dir: string): string => `
Next:
  petit validate ${dir}
  petit trigger ${dir} hello --param name=you
  petit run ${dir}
`;
