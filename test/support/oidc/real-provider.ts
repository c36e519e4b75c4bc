import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";

export interface RealProvider extends AsyncDisposable {
  readonly issuer: string;
  /** The groups of each account by its name. */
  readonly groups: Map<string, readonly string[]>;
}

export type RealProviderOptions = {
  readonly clientSecret: string;
  readonly redirectUri: string;
  /** 0 takes any free port. */
  readonly port?: number;
};

/** Starts a real OpenID provider, with pages for logins that take every name with every password. */
export const startRealProvider = async ({
  clientSecret,
  redirectUri,
  port = 0,
}: RealProviderOptions): Promise<RealProvider> => {
  const groups = new Map<string, readonly string[]>();
  const server = createServer();
  await listen(server, port);
  // The name is another site than 127.0.0.1, as a provider is.
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "petit",
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
    // The claims are in the answer to a question of their own, as the specification says.
    conformIdTokenClaims: true,
    cookies: { keys: ["a key for the cookies of tests"] },
    findAccount: async (_, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, email: `${id}@example.com`, email_verified: true, groups: groups.get(id) ?? [] }),
    }),
  });
  server.on("request", provider.callback());
  return {
    issuer,
    groups,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
