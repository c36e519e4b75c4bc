import { PetitError } from "../../../domain/errors.ts";
import { WORKER_NAME_PATTERN } from "../../../domain/workers/labels.ts";
import { formatSigningKey, generateSigningKey } from "../../../lib/wire/signing.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { readAction } from "../../positionals.ts";
import { writeSecret } from "../../secret-file.ts";
import { changeWorkers } from "../../worker/change.ts";
import { natsConfig } from "../../worker/nats-config.ts";
import { runWorkerHere, WORKER_SETTINGS } from "../../worker/run.ts";

const ACTIONS = ["keygen", "nats-config", "drain", "resume", "forget"] as const;
type Action = (typeof ACTIONS)[number];

export const worker = defineCommand({
  name: "worker",
  summary: "Run tasks of petit on another machine, and set that up",
  description:
    "Without an action, runs a worker in the foreground until SIGTERM or SIGINT: it takes the tasks whose runs_on asks for its " +
    "labels from `petit run --nats`, and runs them on this machine. Tasks continue when the connection is lost, and the worker " +
    "hands over their output and outcomes later. Nothing listens on a worker. 'keygen' makes the key that signs work for workers: it " +
    "writes the private key to FILE, which only its owner can read, for " +
    "`petit run --nats-signing-key`, and prints the public key, for `petit worker --trust`. 'nats-config' prints a " +
    "configuration for nats-server with a user for petit and one for each NAME, who can only do its own part. With --keys, it " +
    "creates an nkey for each of them in DIR, unless DIR has one: the files for --nats-creds. Otherwise they have random passwords. " +
    "'drain' tells a worker of the running petit to claim nothing more, which holds once the command returns, until 'resume'. " +
    "'forget' removes a worker that is gone from the list.",
  usage: [
    "petit worker --nats URL --trust KEY --label LABEL [FLAGS]",
    "petit worker keygen FILE",
    "petit worker nats-config NAME… [--keys DIR]",
    "petit worker drain|resume|forget NAME…",
  ],
  args: {
    ACTION: {
      type: "positional",
      required: false,
      description: "keygen, nats-config, drain, resume or forget. [default: run a worker]",
    },
    NAME: {
      type: "positional",
      required: false,
      description: "The file to create, or the names of the workers.",
    },
    keys: { type: "string", valueHint: "DIR", description: "The folder of the nkeys for `nats-config`." },
  },
  choices: ACTIONS,
  repeatsLast: true,
  settings: WORKER_SETTINGS,
  examples: [
    "petit worker --nats nats://nats:4222 --nats-creds box7.nk --trust ed25519:… --name box7 --label gpu --slots 2",
    "petit worker keygen petit.key",
    "petit worker nats-config box1 box2 --keys nats-keys > nats.conf",
  ],
  run: async (args, context) => {
    const [given, ...names] = args._;
    if (given === undefined) {
      if (args.keys !== undefined) throw new PetitError("invalid_request", "--keys is for 'petit worker nats-config'");
      return await runWorkerHere(context);
    }
    return await HANDLERS[readAction(given, ACTIONS, "petit worker")]({ names, keys: args.keys ?? null }, context);
  },
});

type WorkerArgs = { readonly names: readonly string[]; readonly keys: string | null };

const keygen = async ({ names: [file, extra], keys }: WorkerArgs, { terminal, json }: Context): Promise<ExitStatus> => {
  if (file === undefined) throw new PetitError("invalid_request", "FILE is missing: petit worker keygen FILE");
  if (extra !== undefined)
    throw new PetitError("invalid_request", `unexpected argument '${extra}': petit worker keygen FILE`);
  if (keys !== null) throw new PetitError("invalid_request", "--keys is for 'petit worker nats-config'");
  const key = generateSigningKey();
  writeSecret(file, formatSigningKey(key));
  terminal.out.write(json ? `${JSON.stringify({ file, public_key: key.publicKey })}\n` : `${key.publicKey}\n`);
  terminal.err.write(`
Wrote the private key to ${file}. Use the pair with:
  petit run --nats nats://HOST:4222 --nats-signing-key ${file}
  petit worker --nats nats://HOST:4222 --trust ${key.publicKey}
`);
  return EXIT.DONE;
};

const WORKER_NAME = new RegExp(WORKER_NAME_PATTERN);

const printConfig = async ({ names, keys }: WorkerArgs, context: Context): Promise<ExitStatus> => {
  const wrong = names.find((name) => !WORKER_NAME.test(name));
  if (wrong !== undefined)
    throw new PetitError(
      "invalid_request",
      `'${wrong}' can't be the name of a worker; expected 1 to 63 letters, digits, '_' and '-', the first one a letter or a digit`,
    );
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new PetitError("invalid_request", `the worker '${twice}' is named twice`);
  return await natsConfig({ names, keys }, context);
};

const changer =
  (action: "drain" | "resume" | "forget") =>
  ({ names, keys }: WorkerArgs, context: Context): Promise<ExitStatus> => {
    if (keys !== null) throw new PetitError("invalid_request", "--keys is for 'petit worker nats-config'");
    return changeWorkers({ action, names }, context);
  };

const HANDLERS = {
  keygen,
  "nats-config": printConfig,
  drain: changer("drain"),
  resume: changer("resume"),
  forget: changer("forget"),
} as const satisfies Record<Action, (args: WorkerArgs, context: Context) => Promise<ExitStatus>>;
