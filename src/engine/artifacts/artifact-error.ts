/** Why artifacts can't be kept, as a sentence for people. */
export class ArtifactError extends Error {
  override readonly name = "ArtifactError";
  /** True if petit's disk or its open files are exhausted, so that the same may succeed later. */
  readonly mayPass: boolean;

  constructor(
    message: string,
    { mayPass = false, cause }: { readonly mayPass?: boolean; readonly cause?: Error } = {},
  ) {
    super(message, { cause });
    this.mayPass = mayPass;
  }
}

/** Errors of the file system that do not depend on the file. */
const PASSING: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE"]);

const CODE_TEXT: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota of petit is used up",
  EFBIG: "the file is too large for the file system",
  EROFS: "the file system is read-only",
  ENAMETOOLONG: "the path is too long",
  EIO: "the disk reported an error",
  EMFILE: "petit has too many open files; raise its limit",
  ENFILE: "the system has too many open files",
};

/** Runs `work`, and turns an error of the file system into a sentence that begins with `what`. */
export const describing = async <T>(what: string, work: () => T | Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ArtifactError || !(error instanceof Error && "code" in error && "errno" in error)) throw error;
    const code = String(error.code);
    const text = `${what}: ${CODE_TEXT[code] ?? error.message} (${code})`;
    throw new ArtifactError(text, { cause: error, mayPass: PASSING.has(code) });
  }
};
