import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { tempDir } from "./temp-dir.ts";

/** A server that receives email over SMTP with STARTTLS. The user is `petit`, with the password `s3cret-password`. */
export type Mailbox = AsyncDisposable & {
  readonly port: number;
  /** The certificate authority of the server, which nobody else knows. */
  readonly caFile: string;
  /** The messages as they arrived, with the recipients of the envelope. */
  readonly received: readonly { readonly to: readonly string[]; readonly text: string }[];
};

type MailboxOptions = Pick<SMTPServerOptions, "secure" | "authOptional" | "onAuth" | "onRcptTo" | "onConnect">;

export const MAIL_PASSWORD = "s3cret-password";

/** Starts a mailbox on localhost. */
export const mailbox = async (options: MailboxOptions = {}): Promise<Mailbox> => {
  const dir = tempDir();
  const { key, cert, caFile } = makeCertificate(dir.path);
  const received: { to: readonly string[]; text: string }[] = [];
  const server = new SMTPServer({
    key,
    cert,
    closeTimeout: 0,
    onAuth: ({ username, password }, _session, callback) => {
      if (username === "petit" && password === MAIL_PASSWORD) callback(null, { user: username });
      else callback(Object.assign(new Error("wrong password"), { responseCode: 535 }));
    },
    onData: (stream, { envelope }, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        received.push({ to: envelope.rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString() });
        callback();
      });
    },
    ...options,
  });
  // Clients that do not trust the certificate end the connection.
  server.on("error", () => {});
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    caFile,
    received,
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>((resolve) => server.close(resolve));
      dir[Symbol.dispose]();
    },
  };
};

/** Makes a certificate authority and a certificate for localhost: the files `ca.pem`, `cert` and `key` of a folder. */
export const makeCertificate = (folder: string) => {
  const openssl = (...args: readonly string[]): void =>
    void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test", "-days", "3650");
  const alternatives = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  openssl("req", ...newKey, "-keyout", "key", "-out", "csr", "-subj", "/CN=localhost", "-addext", alternatives);
  openssl(
    ...["x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
    ...["-out", "cert", "-copy_extensions", "copy", "-days", "3650"],
  );
  const read = (name: string): Buffer => readFileSync(`${folder}/${name}`);
  return { key: read("key"), cert: read("cert"), caFile: `${folder}/ca.pem` };
};
