import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { serveTls, type TestServer } from "../engine/test-server.ts";
import type { tempDir } from "../temp-dir.ts";

export type GitServer = TestServer & {
  /** File with the authority that signed the certificate of the server. */
  readonly caFile: string;
  /** What the server does with the next requests. */
  respond: Respond;
};

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

/** Returns what answers with a repository below a folder, by git's own server, to those who have the token; null lets all in. */
export const repositoriesOf =
  (folder: string, token: string | null): Respond =>
  (request, response) => {
    const given = Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString();
    if (token === null || given === `x-access-token:${token}`) return answer(folder, request, response);
    response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
  };

/** Serves repositories over HTTPS on this machine, for the name localhost. */
export const serveGit = async (dir: ReturnType<typeof tempDir>, respond: Respond): Promise<GitServer> => {
  const server: GitServer = {
    ...(await serveTls(dir, (request, response) => server.respond(request, response))),
    respond,
  };
  return server;
};

/** Runs git-http-backend(1) as a web server does. */
const answer: (folder: string, ...exchange: Parameters<Respond>) => void = (folder, request, response) => {
  const { pathname, search } = new URL(request.url ?? "/", "https://localhost");
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH ?? "",
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  request.pipe(backend.stdin);
  backend.stdin.on("error", () => {});
  const chunks: Buffer[] = [];
  backend.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  backend.on("close", () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf("\r\n\r\n");
    const lines = output.toString("latin1", 0, end).split("\r\n");
    const headers = lines.map((line) => /^([^:]+): *(.*)$/.exec(line)?.slice(1) ?? []);
    const fields = new Map(headers.map(([name = "", value = ""]) => [name.toLowerCase(), value]));
    const status = Number.parseInt(fields.get("status") ?? "200", 10);
    fields.delete("status");
    response.writeHead(status, Object.fromEntries(fields)).end(output.subarray(end + 4));
  });
};
