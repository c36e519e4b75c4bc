import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import type { tempDir } from "../temp-dir.ts";

export type TestServer = AsyncDisposable & { readonly origin: string; readonly port: number };

const listen = async (server: TcpServer, scheme: string, host = "127.0.0.1"): Promise<TestServer> => {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  return {
    origin: `${scheme}://${host}:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};

/** Serves HTTP on this machine. */
export const serveHttp = (listener: RequestListener): Promise<TestServer> => listen(createServer(listener), "http");

/** Serves raw TCP: `onData` gets each connection when its request has arrived. */
export const serveTcp = (onData: (socket: Socket) => void): Promise<TestServer> =>
  listen(
    createTcpServer((socket) => socket.once("data", () => onData(socket))),
    "http",
  );

/** Serves HTTPS with a certificate of an authority that is made in `dir`, for the name localhost. Returns also its file. */
export const serveTls = async (
  dir: ReturnType<typeof tempDir>,
  listener: RequestListener,
): Promise<TestServer & { readonly caFile: string }> => {
  const [caKey, ca, key, csr, cert, extensions] = ["ca.key", "ca.pem", "tls.key", "tls.csr", "tls.pem", "ext"].map(
    dir.file,
  );
  const openssl = (...args: readonly (string | undefined)[]): void => {
    execFileSync("openssl", args.map(String), { stdio: "ignore" });
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-keyout", caKey, "-out", ca, "-subj", "/CN=Test CA", "-days", "2");
  openssl("req", ...newKey, "-keyout", key, "-out", csr, "-subj", "/CN=localhost");
  writeFileSync(String(extensions), "subjectAltName=DNS:localhost");
  openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", caKey, "-out", cert, "-days", "2", "-extfile", extensions);
  const tls = { key: readFileSync(String(key)), cert: readFileSync(String(cert)) };
  return { ...(await listen(createTlsServer(tls, listener), "https", "localhost")), caFile: String(ca) };
};

export const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};
