import { shortLine } from "../../lib/text.ts";
import { GitError, type GitFault } from "./git-error.ts";
import type { GitOutput } from "./run-git.ts";

/** What git, curl and OpenSSH print in the C locale. The first match counts: most failures end with a general sentence. */
const PATTERNS: readonly (readonly [GitFault, RegExp])[] = [
  ["disk_full", /No space left on device|Disk quota exceeded/],
  ["too_large", /File too large|file size limit|died of signal 25/i],
  ["broken_object", /^(?:\w+: )?object [0-9a-f]{40,64}: \w+: |fsck error/m],
  ["changed_host_key", /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/],
  ["unknown_host_key", /No \S+ host key is known|Host key verification failed/],
  [
    "untrusted_certificate",
    /[Cc]ertificate (?:verification|subject name)|SSL certificate problem|SSL CA cert|error setting certificate/,
  ],
  ["redirected", /returned error: 30\d|unable to update url base from redirection/],
  [
    "access_refused",
    /Permission denied|Authentication failed|could not read (?:Username|Password)|returned error: 40[13]|terminal prompts disabled|UNPROTECTED PRIVATE KEY|invalid format|Load key/,
  ],
  [
    "no_repository",
    /does not appear to be a git repository|[Rr]epository .*not found|returned error: 404|dubious ownership|not valid: is this a git repository|No such file or directory/,
  ],
  ["no_such_ref", /couldn't find remote ref|Couldn't find remote ref/],
  ["timed_out", /Operation too slow|timed out/i],
  [
    "unreachable",
    /Could not resolve|Name or service not known|Temporary failure in name resolution|Connection (?:refused|reset|closed)|Network is unreachable|No route to host|Failed to connect|Couldn't connect|unable to access|remote end hung up|early EOF|Could not read from remote repository|unable to connect/i,
  ],
];

const SENTENCES: Readonly<Record<GitFault, string>> = {
  no_git: "there is no git on this machine; install git 2.30 or later",
  too_old: "git is too old; petit needs 2.30 or later",
  unknown_host_key: "the server is not in the file of known hosts; add its key there after you have compared it",
  changed_host_key:
    "the server has another host key than in the file of known hosts; somebody may pretend to be the server, or its key was replaced",
  untrusted_certificate: "the certificate of the server is not trusted; name the file of its authority as `ca`",
  redirected: "the server refers to another URL, which petit does not follow; set `url` to that one",
  access_refused: "the server refuses access; check the key or the token",
  no_repository: "there is no repository that petit may read",
  no_such_ref: "there is no such branch or tag",
  no_such_commit: "there is no such commit",
  unreachable: "the server can't be reached",
  timed_out: "the server does not answer in time",
  too_large: "it is larger than petit accepts",
  unusable_commit: "the files of the commit can't be written",
  broken_object: "git refuses an object that the branch or tag leads to, as git fsck does; push a commit without it",
  disk_full: "there is no space left on the device",
  failed: "git failed",
};

/** Returns the error for a call of git that failed. Its message ends with the last line that explains. */
export const errorOf = ({ stderr, status }: Pick<GitOutput, "stderr" | "status">): GitError => {
  const fault = PATTERNS.find(([, pattern]) => pattern.test(stderr))?.[0] ?? "failed";
  const line = explainingLine(stderr, fault);
  return new GitError(fault, `${SENTENCES[fault]} (${line === "" ? `git exited with status ${status}` : line})`);
};

const MAX_LINE = 200;

const explainingLine = (stderr: string, fault: GitFault): string => {
  const lines = stderr
    .split("\n")
    .map((line) => line.replace(/^(?:fatal|error|remote|ERROR): */, "").trim())
    .filter((line) => line !== "");
  const pattern = PATTERNS.find(([each]) => each === fault)?.[1];
  const line = lines.find((each) => pattern?.test(each)) ?? lines.at(-1) ?? "";
  return shortLine(line, MAX_LINE);
};
