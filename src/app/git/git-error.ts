import { errorMessage } from "../../lib/error-message.ts";

/** Why git could not do what petit asked for. */
export type GitFault =
  /** There is no program git. */
  | "no_git"
  /** git is older than 2.30, or, to verify signatures, than 2.34. */
  | "too_old"
  /** The ssh server is not in the file of known hosts. */
  | "unknown_host_key"
  /** The ssh server has another key than in the file of known hosts. */
  | "changed_host_key"
  /** The certificate of the https server is not from an authority that petit trusts, is for another host, or has expired. */
  | "untrusted_certificate"
  /** The https server refers to another URL. */
  | "redirected"
  /** The server refuses the key, the token, or access without either. */
  | "access_refused"
  /** There is no repository at the URL, or it belongs to another user of this machine. */
  | "no_repository"
  | "no_such_ref"
  | "no_such_commit"
  /** The server can't be reached, or ended the connection. */
  | "unreachable"
  /** The server did not answer in time. */
  | "timed_out"
  /** The repository exceeds a limit. */
  | "too_large"
  /** The files of the commit can't be written: there are too many, or one of them has a name that is too long. */
  | "unusable_commit"
  /** git-fsck(1) finds a fault in what the branch or tag leads to. */
  | "broken_object"
  /** There is no space left for the repository or a commit of it. */
  | "disk_full"
  | "failed";

/** Faults that no later try mends without a change of the configuration or of the repository. */
const LASTING: ReadonlySet<GitFault> = new Set<GitFault>([
  "no_git",
  "too_old",
  "unknown_host_key",
  "changed_host_key",
  "untrusted_certificate",
  "redirected",
  "access_refused",
  "no_repository",
  "no_such_ref",
  "broken_object",
]);

/** An error of git. The message is a sentence for people, without credentials. */
export class GitError extends Error {
  override readonly name = "GitError";
  readonly fault: GitFault;

  /** Returns the error for a file that could not be written; an error that is not of the file system stays as it is. */
  static ofFile(what: string, error: unknown): unknown {
    if (error instanceof GitError || !(error instanceof Error && "code" in error)) return error;
    const fault = error.code === "ENOSPC" || error.code === "EDQUOT" ? "disk_full" : "failed";
    return new GitError(fault, `${what} can't be written (${errorMessage(error)})`, { cause: error });
  }

  constructor(fault: GitFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }

  /** True if trying again helps only after somebody changed something. */
  get isLasting(): boolean {
    return LASTING.has(this.fault);
  }
}
