import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { CommitInfo } from "../../domain/versions/repository.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { formatSize } from "../../lib/size.ts";
import { shortLine } from "../../lib/text.ts";
import { errorOf } from "./fault.ts";
import { GitError } from "./git-error.ts";
import type { Location } from "./location.ts";
import { type GitCall, type GitOutput, type GitPlace, runGit } from "./run-git.ts";
import { parseTree, type Tree } from "./tree.ts";

/** How petit proves to the server who it is, read when it is needed. */
export type Credentials = {
  /** Path of a private key that only petit may read; null for the keys of an agent. */
  readonly keyFile: string | null;
  /** Token for an https server; null for public repositories. */
  readonly token: string | null;
  /** File with the keys of ssh servers; null for that of the user. */
  readonly knownHosts: string | null;
  /** File with the authorities whose certificates https servers may have; null for those of the machine. */
  readonly ca: string | null;
  /** The socket of an ssh agent; null if there is none. */
  readonly agent: string | null;
};

export type RepositoryOptions = {
  /** The folder of petit for the repository and its commits. Created with mode 0700. */
  readonly dir: string;
  /** True if other users may pass through the folder, because they read the files of commits. Default false. */
  readonly isShared?: boolean;
  readonly location: Location;
  /** The search path of petit. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** Default: `LIMITS`. */
  readonly limits?: RepositoryLimits;
};

/** The limits of a repository, of a commit, and of calls that ask the server. */
export type RepositoryLimits = {
  readonly bytes: number;
  readonly files: number;
  readonly lookMs: number;
  readonly fetchMs: number;
};

export const LIMITS: RepositoryLimits = {
  bytes: 512 * 2 ** 20,
  files: 100_000,
  lookMs: 30_000,
  fetchMs: 300_000,
};

const COLLECT_TIMEOUT_MS = 300_000;

/** Maximum length of the name of an author, and of the first line of a message. */
const MAX_AUTHOR = 100;
const MAX_SUBJECT = 200;

/** Maximum size of the list of files of a commit, in bytes. */
const MAX_LIST_BYTES = 64 * 2 ** 20;

const MIN_VERSION = [2, 30] as const;
/** The first version that verifies signatures of ssh keys. */
const MIN_VERSION_TO_VERIFY = [2, 34] as const;

/** A bare copy of a repository, with the history of the ref that petit follows. Every call throws GitError. */
export class Repository {
  readonly #options: RepositoryOptions;
  readonly #place: GitPlace;
  readonly #limits: RepositoryLimits;
  #isReady = false;
  /** The last commit that an allowed signer has signed, and the signers: the commit in use is verified at each fetch. */
  #signed: string | null = null;
  #opening: Promise<void> = Promise.resolve();
  #made = 0;

  constructor(options: RepositoryOptions) {
    this.#options = options;
    const { dir, path, limits = LIMITS } = options;
    this.#limits = limits;
    this.#place = { repository: join(dir, "repository"), home: join(dir, "home"), path };
  }

  /** How often this process has made a new repository, which has no commit at first: it did not exist, or was damaged. */
  get made(): number {
    return this.#made;
  }

  /** Creates the repository if it does not exist. */
  open(): Promise<void> {
    this.#opening = this.#opening.catch(() => {}).then(() => this.#open());
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { repository, home } = this.#place;
    // Somebody can delete it while petit runs.
    if (this.#isReady && existsSync(join(repository, "HEAD")) && existsSync(home)) return;
    this.#isReady = false;
    writing(() => {
      makePrivate(this.#options.dir);
      if (this.#options.isShared === true) chmodSync(this.#options.dir, 0o711);
      rmSync(home, { recursive: true, force: true });
      makePrivate(home);
    });
    await this.#assertVersion(MIN_VERSION, "petit");
    if (existsSync(join(repository, "HEAD"))) removeLeftovers(repository, (path) => path.endsWith(".lock"));
    else {
      rmSync(repository, { recursive: true, force: true });
      await this.#run({ args: ["init", "--quiet", "--bare", "--template=", "--end-of-options", repository] });
      this.#made++;
    }
    writing(() => chmodSync(repository, 0o700));
    this.#isReady = true;
  }

  /** Reads all objects, and returns whether one of them is damaged or missing. */
  async isDamaged(): Promise<boolean> {
    const { status } = await this.#git({
      args: ["fsck", "--full", "--no-dangling", "--no-progress"],
      timeoutMs: COLLECT_TIMEOUT_MS,
      mayFail: true,
    });
    return status !== 0;
  }

  /** Moves the repository aside, and makes a new one. */
  async replace(): Promise<void> {
    const { repository } = this.#place;
    this.removeReplaced();
    writing(() => renameSync(repository, this.#replaced));
    await this.open();
  }

  /** Takes over the commits that `keep` has named in the repository that was moved aside, if they can be read. */
  async salvage(): Promise<void> {
    const args = [
      "fetch",
      "--quiet",
      "--no-tags",
      "--no-write-fetch-head",
      "--end-of-options",
      `file://${this.#replaced}`,
    ];
    await this.#git({ args: [...args, "+refs/petit/commits/*:refs/petit/commits/*"], mayFail: true });
  }

  /** Deletes the repository that was moved aside. */
  removeReplaced(): void {
    writing(() => rmSync(this.#replaced, { recursive: true, force: true }));
  }

  get #replaced(): string {
    return `${this.#place.repository}.damaged`;
  }

  /** Returns the full name and the id of a branch, a tag or a commit at the server. Of two with the same name the branch counts. */
  async look(ref: string, credentials: Credentials): Promise<{ readonly name: string; readonly id: string }> {
    await this.open();
    const { url } = this.#options.location;
    const names = ref.startsWith("refs/") ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
    const { stdout } = await this.#git({
      args: ["ls-remote", "--quiet", "--end-of-options", url, ...names, HEAD],
      environment: this.#access(credentials),
      timeoutMs: this.#limits.lookMs,
    });
    const ids = new Map(
      stdout
        .toString()
        .split("\n")
        .map((line) => line.split("\t"))
        .map(([id = "", name = ""]) => [name, id]),
    );
    const name = names.find((each) => ids.has(each));
    const id = name === undefined ? undefined : ids.get(name);
    if (name !== undefined && id !== undefined) return { name, id };
    const hint = ids.has(HEAD) ? "" : ", and none that is its head; expected the URL of a repository with commits";
    throw new GitError("no_such_ref", `the repository has no branch or tag '${ref}'${hint}`);
  }

  /** Fetches a ref by its full name. Returns what it is, and the id of its commit, which differs from that for an annotated tag. */
  async fetchRef(
    name: string,
    credentials: Credentials,
    as = FETCHED,
  ): Promise<{ readonly id: string; readonly commit: string }> {
    await this.open();
    const removeOwn = (): void => removeLeftovers(this.#place.repository, (path) => path === `${as}.lock`);
    removeOwn();
    try {
      await this.#runFetch(`+${name}:${as}`, credentials);
    } catch (error) {
      removeOwn();
      throw error;
    }
    const { stdout } = await this.#git({ args: ["rev-parse", "--verify", "--end-of-options", as] });
    try {
      return { id: stdout.toString().trim(), commit: await this.find(as) };
    } catch (error) {
      if (!(error instanceof GitError && error.fault === "no_such_commit")) throw error;
      throw new GitError("no_such_ref", `${name} is not a commit; expected a branch, or the tag of a commit`);
    }
  }

  async #runFetch(refspec: string, credentials: Credentials): Promise<void> {
    const { url } = this.#options.location;
    const { bytes: maxBytes } = this.#limits;
    const isTooLarge = (): GitError | null => (sum(fileSizes(this.#objects)) > maxBytes ? tooLarge(maxBytes) : null);
    await this.#git({
      args: [
        "fetch",
        "--quiet",
        "--force",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--end-of-options",
        url,
        refspec,
      ],
      environment: this.#access(credentials),
      timeoutMs: this.#limits.fetchMs,
      maxFileBytes: maxBytes,
      check: isTooLarge,
    });
    // A short fetch ends before it is checked.
    const error = isTooLarge();
    if (error !== null) throw error;
  }

  /** Deletes what no ref leads to and packs the rest: always, or if there is enough of it. Call it after `keep`, and not during a fetch. */
  async collect(when: "now" | "if_needed"): Promise<void> {
    await this.#git({
      args:
        when === "now" || this.#hasGrown
          ? ["gc", "--quiet", "--prune=now"]
          : ["-c", "gc.auto=5000", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet", "--prune=now"],
      timeoutMs: COLLECT_TIMEOUT_MS,
    });
  }

  /** True if the objects that are not in the largest file, which a collection makes, are larger than that. Small repositories need none. */
  get #hasGrown(): boolean {
    const sizes = fileSizes(this.#objects);
    const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
    return sum(sizes) - largest > Math.max(largest, this.#limits.bytes / 16);
  }

  get #objects(): string {
    return join(this.#place.repository, "objects");
  }

  /** Returns the id of the commit that a name or the beginning of an id stands for. Throws `no_such_commit`. */
  async find(revision: string): Promise<string> {
    await this.open();
    const { stdout, status } = await this.#git({
      args: ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`],
      mayFail: true,
    });
    if (status === 0) return stdout.toString().trim();
    throw new GitError("no_such_commit", `the repository has no commit '${revision}'`);
  }

  /** Returns what people know a commit by, each text as one short line without control characters. Throws `no_such_commit`. */
  async describe(id: string): Promise<CommitInfo> {
    // `git show` compares the files with those of the parent even if it prints nothing of that, and there can be too many.
    const { stdout } = await this.#git({
      args: ["log", "--no-walk", `--format=%an%x00%ct%x00%s`, "--end-of-options", id],
    });
    const [author = "", seconds = "", subject = ""] = stdout.toString().trimEnd().split("\0");
    return {
      id,
      author: shortLine(author, MAX_AUTHOR),
      committedAt: Number(seconds) * 1000,
      subject: shortLine(subject, MAX_SUBJECT),
    };
  }

  /**
   * Returns what is wrong with the signature of a commit, as a sentence, or null if one of the allowed signers has signed it. `signers` is
   * the path of a file as ssh-keygen(1) describes it. Signatures of other kinds than ssh don't count.
   */
  async verify(id: string, signers: string): Promise<string | null> {
    await this.#assertVersion(MIN_VERSION_TO_VERIFY, "'verify'");
    const question = `${id} ${readSigners(signers)}`;
    if (this.#signed === question) return null;
    const { status, stderr } = await this.#git({
      args: [
        ...["gpg.format=ssh", `gpg.ssh.allowedSignersFile=${signers}`, "gpg.ssh.program=ssh-keygen"].flatMap(asOption),
        ...["gpg.program=false", "gpg.x509.program=false", "gpg.minTrustLevel=fully"].flatMap(asOption),
        "verify-commit",
        "--raw",
        id,
      ],
      mayFail: true,
    });
    if (status === 0) {
      this.#signed = question;
      return null;
    }
    const [, key] = /signature with (\S+ key \S+)/.exec(stderr) ?? [];
    const line = stderr.split("\n").findLast((each) => each.startsWith(`${signers}:`));
    const [, number, why] = /^:(\d+): (.*)/.exec(line?.slice(signers.length) ?? "") ?? [];
    const hint = why === undefined ? "" : ` (line ${number} of their file: ${shortLine(why)})`;
    if (key !== undefined) return `the commit is signed with ${key}, which is not one of the allowed signers${hint}`;
    if (hint !== "") return `the commit has no signature of an allowed signer${hint}`;
    return /ssh-keygen|cannot run/.test(stderr)
      ? `its signature can't be verified (${shortLine(stderr.trim().split("\n").at(-1) ?? "")})`
      : "the commit has no signature of an allowed signer";
  }

  async #assertVersion(minimum: readonly [number, number], what: string): Promise<void> {
    const { stdout } = await this.#run({ args: ["version"] });
    const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(stdout.toString()) ?? [];
    if (Number(major) > minimum[0] || (Number(major) === minimum[0] && Number(minor) >= minimum[1])) return;
    throw new GitError("too_old", `git ${major}.${minor} is too old; ${what} needs ${minimum.join(".")} or later`);
  }

  /** Lists the files of a commit. Throws `unusable_commit` if there are too many, or if they are too large together. */
  async list(id: string): Promise<Tree> {
    const { files: maxFiles, bytes: maxBytes } = this.#limits;
    const { stdout } = await this.#git({
      // It prints folders, too: a few small trees can have many folders without a file.
      args: ["ls-tree", "-r", "-t", "-z", "-l", "--full-tree", "--end-of-options", id],
      maxBytes: Number.POSITIVE_INFINITY,
      inspect: listLimit(maxFiles),
    });
    const tree = parseTree(stdout);
    if (tree.entries.length + tree.problems.length > maxFiles) throw tooManyFiles(maxFiles);
    const bytes = tree.entries.reduce((sum, { size }) => sum + size, 0);
    if (bytes > maxBytes) throw unusable(`the files of the commit have more than ${formatSize(maxBytes)}`);
    return tree;
  }

  /** Reads the contents of some files, in their order, as they are stored: no attribute of the repository changes them. */
  async read(blobs: readonly string[]): Promise<readonly Buffer[]> {
    if (blobs.length === 0) return [];
    const { stdout } = await this.#git({
      args: ["cat-file", "--batch"],
      input: `${blobs.join("\n")}\n`,
      maxBytes: Number.POSITIVE_INFINITY,
    });
    const contents: Buffer[] = [];
    for (let at = 0; contents.length < blobs.length; ) {
      const end = stdout.indexOf(0x0a, at);
      const size = Number(/ blob (\d+)$/.exec(stdout.toString("latin1", at, end))?.[1] ?? Number.NaN);
      if (end === -1 || Number.isNaN(size)) throw new GitError("failed", "git did not print the content of a file");
      contents.push(stdout.subarray(end + 1, end + 1 + size));
      at = end + 1 + size + 1;
    }
    return contents;
  }

  /** Keeps the commits with these ids, and forgets others that no ref leads to. */
  async keep(ids: ReadonlySet<string>): Promise<void> {
    const { stdout } = await this.#git({
      args: ["for-each-ref", "--format=%(refname:lstrip=3)", "refs/petit/commits"],
    });
    const known = new Set(stdout.toString().split("\n").filter(Boolean));
    const commands = [
      ...(await this.#present([...ids].filter((id) => !known.has(id)))).map(
        (id) => `update refs/petit/commits/${id} ${id}\n`,
      ),
      ...[...known].filter((id) => !ids.has(id)).map((id) => `delete refs/petit/commits/${id}\n`),
    ];
    if (commands.length > 0) await this.#git({ args: ["update-ref", "--stdin"], input: commands.join("") });
  }

  /** Returns those of some commits that the repository has. */
  async #present(ids: readonly string[]): Promise<readonly string[]> {
    if (ids.length === 0) return [];
    const { stdout } = await this.#git({ args: ["cat-file", "--batch-check"], input: `${ids.join("\n")}\n` });
    const rows = stdout.toString().split("\n");
    return ids.filter((_, index) => / commit \d+$/.test(rows[index] ?? ""));
  }

  async #git(call: Call): Promise<GitOutput> {
    await this.open();
    return await this.#run(call);
  }

  /** Runs git without a repository that has to exist. */
  async #run({ mayFail = false, ...call }: Call): Promise<GitOutput> {
    const output = await runGit(this.#place, { ...call, signal: this.#options.signal });
    if (output.status !== 0 && !mayFail) throw errorOf(output);
    return output;
  }

  /** Returns the variables for a call that asks the server. No credential is in the arguments, which every user of the machine can see. */
  #access({ keyFile, token, knownHosts, ca, agent }: Credentials): Readonly<Record<string, string>> {
    const { dir, location } = this.#options;
    switch (location.transport) {
      case "file":
        return {};
      case "https": {
        const trust = ca === null ? {} : { GIT_SSL_CAINFO: ca };
        if (token === null) return { ...trust, GIT_ASKPASS: "/bin/false" };
        const askPass = join(dir, "askpass");
        writing(() => writeFileSync(askPass, ASK_PASS, { mode: 0o700 }));
        return { ...trust, GIT_ASKPASS: askPass, PETIT_GIT_TOKEN: token };
      }
      case "ssh": {
        const options = [
          ["BatchMode", "yes"],
          ["StrictHostKeyChecking", "yes"],
          ["ConnectTimeout", "15"],
          ["ServerAliveInterval", "15"],
          ["UpdateHostKeys", "no"],
          ...(knownHosts === null
            ? []
            : [
                ["UserKnownHostsFile", quoted(knownHosts)],
                ["GlobalKnownHostsFile", "/dev/null"],
              ]),
          ...(keyFile === null
            ? []
            : [
                ["IdentitiesOnly", "yes"],
                ["IdentityFile", quoted(keyFile)],
                ["IdentityAgent", "none"],
              ]),
        ];
        const flags = options.map(([name, value]) => `-o ${shellQuoted(`${name}=${value}`)}`).join(" ");
        return {
          GIT_SSH_COMMAND: `ssh -F /dev/null ${flags}`,
          GIT_SSH_VARIANT: "ssh",
          ...(agent !== null && { SSH_AUTH_SOCK: agent }),
        };
      }
    }
  }
}

type Call = Omit<GitCall, "signal"> & { readonly mayFail?: boolean };

/** The ref of what was fetched to be compared. */
export const COMPARED = "refs/petit/compared";

/** Every git server that has commits has this ref. */
const HEAD = "HEAD";

/** The ref of what was fetched last. */
const FETCHED = "refs/petit/fetched";

/** Servers that take a token as password take any user, or this one. */
const ASK_PASS = `#!/bin/sh
case $1 in
  Username*) echo x-access-token ;;
  *) printf '%s\\n' "$PETIT_GIT_TOKEN" ;;
esac
`;

/** Quotes a value of ssh_config(5). */
const quoted = (path: string): string => `"${path}"`;
const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const readSigners = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new GitError("failed", `the file of the allowed signers can't be read (${errorMessage(error)})`);
  }
};

const asOption = (setting: string): readonly string[] => ["-c", setting];

/** Throws GitError if the file system does not take it. */
const writing = (write: () => void): void => {
  try {
    write();
  } catch (error) {
    throw GitError.ofFile("the folder of the repository", error);
  }
};

/**
 * Removes the files that a git which was killed has left: locks, which would stop the next one, and objects that it has not finished. Only
 * one git writes objects at a time.
 */
const removeLeftovers = (repository: string, isLock: (path: string) => boolean): void => {
  const isLeftover = (path: string): boolean => isLock(path) || /^(?:tmp_|\.tmp-)/.test(basename(path));
  writing(() => {
    for (const path of readdirSync(repository, { recursive: true, encoding: "utf8" }))
      if (isLeftover(path)) rmSync(join(repository, path), { recursive: true, force: true });
  });
};

const makePrivate = (path: string): void => {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
};

const tooLarge = (bytes: number): GitError =>
  new GitError("too_large", `the repository is larger than ${formatSize(bytes)}`);

const unusable = (message: string): GitError => new GitError("unusable_commit", message);

const tooManyFiles = (max: number): GitError => unusable(`the commit has more than ${max} files`);

/** Returns what ends a list of files that is too long: git would go on, and take memory, for as long as there are files. */
const listLimit = (maxFiles: number): ((chunk: Buffer) => GitError | null) => {
  const maxRows = 2 * maxFiles;
  let [rows, bytes] = [0, 0];
  return (chunk) => {
    bytes += chunk.length;
    for (let at = chunk.indexOf(0); at !== -1; at = chunk.indexOf(0, at + 1)) rows++;
    if (rows > maxRows) return unusable(`the commit has more than ${maxFiles} files, or more than that many folders`);
    return bytes > MAX_LIST_BYTES
      ? unusable(`the paths of the files of the commit have more than ${formatSize(MAX_LIST_BYTES)}`)
      : null;
  };
};

/** Returns the sizes of the files of a folder that another process is writing, in bytes. */
const fileSizes = (path: string): readonly number[] => {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => lstatSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0);
  } catch {
    return [];
  }
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
