import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type IncomingHttpHeaders, request as send } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TlsProxy extends AsyncDisposable {
  readonly url: string;
  /** Where requests go. */
  target: string;
  /** Returns the headers that requests are sent on with, by those that came. */
  change: (headers: IncomingHttpHeaders) => IncomingHttpHeaders;
}

/** Starts a reverse proxy with a certificate of its own, which passes `Host` on and adds the address of the client as Caddy does. */
export const startTlsProxy = async (): Promise<TlsProxy> => {
  const state: Pick<TlsProxy, "target" | "change"> = { target: "", change: (headers) => headers };
  const server = createServer(newCertificate(), (request, response) => {
    const { method = "GET", url = "/", headers, socket } = request;
    const forwarded = { ...headers, "x-forwarded-for": socket.remoteAddress, "x-forwarded-proto": "https" };
    const sent = send(`${state.target}${url}`, { method, headers: state.change(forwarded) }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    sent.on("error", () => response.destroy());
    response.on("close", () => sent.destroy());
    request.pipe(sent);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get target() {
      return state.target;
    },
    set target(target: string) {
      state.target = target;
    },
    get change() {
      return state.change;
    },
    set change(change: TlsProxy["change"]) {
      state.change = change;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const newCertificate = (): { readonly key: Buffer; readonly cert: Buffer } => {
  const dir = mkdtempSync(join(tmpdir(), "petit-tls-"));
  try {
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, "-days", "2", ...names], {
      stdio: "ignore",
    });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(dir, { recursive: true });
  }
};
