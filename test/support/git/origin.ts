import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a commit changes, by path: a text, null to delete, a program, or a symbolic link. */
export type Changes = {
  readonly [path: string]: string | null | { readonly program: string } | { readonly link: string };
};

type PushOptions = { readonly author?: string; readonly message?: string; readonly branch?: string };

/** A repository that a test pushes to, with a folder to work in. The branch is main. */
export type Origin = {
  /** Of the bare repository. */
  readonly path: string;
  readonly url: string;
  /** Commits and pushes. Returns the id of the commit. */
  readonly push: (changes: Changes, options?: PushOptions) => string;
  /** Runs git in the work folder, and returns what it prints. */
  readonly git: (...args: readonly string[]) => string;
  /** Stores a tree of entries, such as `100644 blob ID NAME`, which no work folder could have. Returns its id. */
  readonly makeTree: (entries: Iterable<readonly [mode: string, type: string, id: string, name: string]>) => string;
  /** Stores a content. Returns its id. */
  readonly makeBlob: (content: string) => string;
  /** Commits a tree on its own, and pushes it as the branch. Returns the id of the commit. */
  readonly pushTree: (tree: string) => string;
};

/** Creates an empty repository below a folder. */
export const createOrigin = (dir: string): Origin => {
  const path = join(dir, "origin.git");
  const work = join(dir, "work");
  const run = (cwd: string, args: readonly string[], author = "Ada", input = ""): string => {
    const identity = {
      GIT_AUTHOR_NAME: author,
      GIT_AUTHOR_EMAIL: "ada@example.com",
      GIT_COMMITTER_NAME: author,
      GIT_COMMITTER_EMAIL: "ada@example.com",
    };
    const env = { PATH: process.env.PATH ?? "", HOME: dir, GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C", ...identity };
    const { status, stdout, stderr } = spawnSync("git", args, {
      cwd,
      env,
      input,
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  mkdirSync(work, { recursive: true });
  run(dir, ["init", "--quiet", "--bare", "--initial-branch=main", path]);
  run(work, ["init", "--quiet", "--initial-branch=main"]);
  run(work, ["remote", "add", "origin", path]);
  const git = (...args: readonly string[]): string => run(work, args);
  return {
    path,
    url: `file://${path}`,
    git,
    makeTree: (entries) => {
      const rows = [...entries].map(([mode, type, id, name]) => `${mode} ${type} ${id}\t${name}\0`);
      return run(work, ["mktree", "--missing", "-z"], "Ada", rows.join(""));
    },
    makeBlob: (content) => run(work, ["hash-object", "-w", "--stdin"], "Ada", content),
    pushTree: (tree) => {
      const id = git("commit-tree", "-m", "a tree", tree);
      git("push", "--quiet", "--force", "origin", `${id}:refs/heads/main`);
      return id;
    },
    push: (changes, { author, message = "a change", branch = "main" } = {}) => {
      for (const [file, change] of Object.entries(changes)) apply(join(work, file), change);
      git("add", "--all");
      run(work, ["commit", "--quiet", "--allow-empty", "--message", message], author);
      git("push", "--quiet", "--force", "origin", `HEAD:refs/heads/${branch}`);
      return git("rev-parse", "HEAD");
    },
  };
};

const apply = (path: string, change: Changes[string]): void => {
  rmSync(path, { force: true, recursive: true });
  if (change === null) return;
  mkdirSync(dirname(path), { recursive: true });
  if (typeof change === "string") writeFileSync(path, change);
  else if ("link" in change) symlinkSync(change.link, path);
  else {
    writeFileSync(path, change.program);
    chmodSync(path, 0o755);
  }
};
