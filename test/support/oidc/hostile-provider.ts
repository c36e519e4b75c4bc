import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Fields = Readonly<Record<string, unknown>>;

/** What the provider does otherwise than it should. */
export type Behaviour = {
  /** Claims in place of the right ones; undefined leaves one out. */
  readonly claims?: Fields;
  /** Fields of the header of the ID token. */
  readonly header?: Fields;
  /** `other`: a key that it does not publish. `hmac`: HS256 with its public key as the secret. `none`: no signature. */
  readonly key?: "own" | "other" | "hmac" | "none";
  /** Bytes of the signature that are changed. */
  readonly isSignatureBroken?: boolean;
  /** What it says about itself. */
  readonly metadata?: Fields;
  /** What the answer with the tokens has. */
  readonly tokens?: Fields;
  /** What it says about the person when it is asked; null if it does not know. */
  readonly userInfo?: Fields | null;
  /** The bytes of each answer but the first kind that is not listed: they never end, or are too many. */
  readonly huge?: "discovery" | "token" | "jwks";
  /** The path on which it does not answer. */
  readonly silent?: "discovery" | "token" | "jwks";
  readonly status?: number;
};

export interface HostileProvider extends AsyncDisposable {
  readonly issuer: string;
  behaviour: Behaviour;
  /** How many bytes of huge answers it has written. */
  readonly flooded: number;
  /** The bodies and headers of the requests for tokens. */
  readonly tokenRequests: readonly { readonly body: URLSearchParams; readonly authorization: string | null }[];
}

/** An OpenID provider that does what it is told, on a port of this machine. It answers each code with a token for the nonce that the code is. */
export const startHostileProvider = async (): Promise<HostileProvider> => {
  const own = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const tokenRequests: { body: URLSearchParams; authorization: string | null }[] = [];
  const state: { issuer: string; behaviour: Behaviour; flooded: number } = { issuer: "", behaviour: {}, flooded: 0 };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { behaviour, issuer } = state;
    const what = WHAT[new URL(request.url ?? "/", issuer).pathname] ?? null;
    if (what !== null && what === behaviour.silent) return;
    if (what !== null && what === behaviour.huge) return void floodWith(response, (bytes) => (state.flooded += bytes));
    const send = (body: unknown, status = behaviour.status ?? 200): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    switch (what) {
      case "discovery":
        return send(
          {
            issuer,
            authorization_endpoint: `${issuer}/authorize`,
            token_endpoint: `${issuer}/token`,
            userinfo_endpoint: `${issuer}/userinfo`,
            jwks_uri: `${issuer}/jwks`,
            response_types_supported: ["code"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: ["RS256", "HS256", "none"],
            ...behaviour.metadata,
          },
          200,
        );
      case "jwks":
        return send({ keys: [{ ...own.publicKey.export({ format: "jwk" }), kid: "own", use: "sig" }] }, 200);
      case "userinfo":
        return behaviour.userInfo === null ? send({}, 401) : send(behaviour.userInfo ?? { sub: "subject-1" });
      case "token": {
        const body = new URLSearchParams(await textOf(request));
        tokenRequests.push({ body, authorization: request.headers.authorization ?? null });
        const idToken = tokenOf(body.get("code") ?? "", state, { own, other });
        return send({ access_token: "access", token_type: "Bearer", id_token: idToken, ...behaviour.tokens });
      }
      default:
        return send({}, 404);
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  state.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    get issuer() {
      return state.issuer;
    },
    get flooded() {
      return state.flooded;
    },
    get behaviour() {
      return state.behaviour;
    },
    set behaviour(behaviour: Behaviour) {
      state.behaviour = behaviour;
    },
    tokenRequests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const WHAT: Readonly<Record<string, "discovery" | "token" | "jwks" | "userinfo">> = {
  "/.well-known/openid-configuration": "discovery",
  "/token": "token",
  "/jwks": "jwks",
  "/userinfo": "userinfo",
};

/** Writes until the other side has had enough. */
const floodWith = (response: ServerResponse, wrote: (bytes: number) => void): void => {
  response.writeHead(200, { "content-type": "application/json" });
  const chunk = "x".repeat(64 * 1024);
  let left = 512;
  const write = (): void => {
    if (response.destroyed || left-- === 0) return void response.end();
    response.write(chunk, () => {
      wrote(chunk.length);
      setImmediate(write);
    });
  };
  write();
};

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
};

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

const tokenOf = (
  nonce: string,
  { issuer, behaviour }: { readonly issuer: string; readonly behaviour: Behaviour },
  { own, other }: { readonly own: Pair; readonly other: Pair },
): string => {
  const { key = "own", header = {}, claims = {}, isSignatureBroken = false } = behaviour;
  const now = Math.floor(Date.now() / 1000);
  const alg = { own: "RS256", other: "RS256", hmac: "HS256", none: "none" }[key];
  const payload = {
    iss: issuer,
    aud: "petit",
    sub: "subject-1",
    iat: now,
    exp: now + 300,
    nonce,
    email: "ada@example.com",
    email_verified: true,
    groups: ["ops"],
    ...claims,
  };
  const data = [{ alg, kid: "own", ...header }, payload].map(encoded).join(".");
  const signature = signatureOf(key, data, { own, other });
  if (isSignatureBroken) signature[0] = (signature[0] ?? 0) ^ 1;
  return `${data}.${signature.toString("base64url")}`;
};

const encoded = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString("base64url");

const signatureOf = (
  key: NonNullable<Behaviour["key"]>,
  data: string,
  { own, other }: { readonly own: Pair; readonly other: Pair },
): Buffer => {
  if (key === "none") return Buffer.alloc(0);
  if (key === "hmac")
    return createHmac("sha256", own.publicKey.export({ format: "pem", type: "spki" }))
      .update(data)
      .digest();
  return sign("sha256", Buffer.from(data), (key === "own" ? own : other).privateKey);
};
