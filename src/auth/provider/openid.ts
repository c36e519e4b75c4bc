import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  type DiscoveryRequestOptions,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  type IDToken,
  None,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import type { Runtime } from "../../runtime/runtime.ts";

/** The only file that uses openid-client. It is loaded when the first person logs in. */
export type { Configuration };

export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

export type OpenIdClient = {
  readonly issuer: URL;
  readonly clientId: string;
  /** Returns the secret of the client; null if it has none. */
  readonly clientSecret: () => string | null;
  readonly request: Runtime["request"];
};

/** How long the provider may take for an answer, in seconds, and how large that may be. */
const TIMEOUT_SECONDS = 10;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** How far the clocks of petit and the provider may differ, in seconds. */
const MAX_SKEW_SECONDS = 60;

/** Asks the provider what it offers. */
export const discover = async ({ issuer, clientId, clientSecret, request }: OpenIdClient): Promise<Configuration> => {
  const options: DiscoveryRequestOptions = {
    timeout: TIMEOUT_SECONDS,
    [customFetch]: boundedFetch(request),
    // Without this, the library relies on TLS, and does not look at the signature of an ID token that came from the provider itself.
    execute: [enableNonRepudiationChecks, ...(issuer.protocol === "http:" ? [allowInsecureRequests] : [])],
  };
  return await discovery(issuer, clientId, undefined, authenticate(clientSecret), options);
};

/** Authenticates as the provider asks for. It is read each time, because the secret may have changed. */
const authenticate =
  (clientSecret: () => string | null): ClientAuth =>
  (server, client, body, headers) => {
    const secret = clientSecret();
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    const method =
      secret === null
        ? None()
        : methods.includes("client_secret_basic") || !methods.includes("client_secret_post")
          ? ClientSecretBasic(secret)
          : ClientSecretPost(secret);
    return method(server, client, body, headers);
  };

/** Reads the whole answer, within a bound. Compressed answers count as what they become. */
const boundedFetch =
  (request: Runtime["request"]): NonNullable<DiscoveryRequestOptions[typeof customFetch]> =>
  async (url, options) => {
    const response = await request(url, { ...(options as RequestInit), ca: null });
    const { status, statusText, headers, body } = response;
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_ANSWER_BYTES)
        throw new Error(`the answer of the provider has more than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
    const isEmpty = status === 204 || status === 205 || status === 304;
    return new Response(isEmpty ? null : Buffer.concat(chunks), { status, statusText, headers });
  };

export type LoginRequest = {
  readonly url: URL;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
};

type BeginRequest = { readonly redirectUri: string; readonly scopes: readonly string[] };

/** Returns where a browser logs in, and what its answer must fit. */
export const begin = async (
  configuration: Configuration,
  { redirectUri, scopes }: BeginRequest,
): Promise<LoginRequest> => {
  const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
  const url = buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    scope: scopes.join(" "),
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  if (url.protocol !== "https:" && new URL(configuration.serverMetadata().issuer).protocol !== "http:")
    throw new Error("the page of the provider for logins is not encrypted");
  return { url, state, nonce, verifier };
};

export type AnswerToLogin = {
  /** The redirect URI with the query of the answer. */
  readonly url: URL;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The claims that petit needs. What the ID token lacks of them is asked for. */
  readonly needed: readonly string[];
};

/** Exchanges the code of an answer, and returns what the provider says about the person. Throws for anything that is not as it must be. */
export const complete = async (configuration: Configuration, answer: AnswerToLogin): Promise<Claims> => {
  const { url, state, nonce, verifier, needed } = answer;
  const tokens = await authorizationCodeGrant(configuration, url, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (claims === undefined) throw new Error("the answer of the provider has no ID token");
  checkPeriod(claims);
  const isWhole = needed.every((name) => claims[name] !== undefined);
  if (isWhole || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
  const userInfo = await fetchUserInfo(configuration, tokens.access_token, claims.sub);
  return { ...userInfo, ...claims, ...emailOf(claims, userInfo) };
};

type EmailClaims = Readonly<Record<string, unknown>>;

/**
 * Returns the address and whether it is verified as one document says both: the ID token if it has an address, unless only the userinfo
 * endpoint says of the same address whether it is verified.
 */
const emailOf = (idToken: EmailClaims, userInfo: EmailClaims): EmailClaims => {
  const isSame = idToken.email === userInfo.email && idToken.email_verified === undefined;
  const { email, email_verified } = idToken.email === undefined || isSame ? userInfo : idToken;
  return { email, email_verified };
};

/** The library checks `exp` and `nbf`. */
const checkPeriod = ({ iat, sub }: IDToken): void => {
  if (iat > Date.now() / 1000 + MAX_SKEW_SECONDS) throw new Error("the ID token is from the future");
  if (sub === "" || sub.length > 255)
    throw new Error("the subject of the ID token is not a text of 1 to 255 characters");
};

/** Why a login failed: the person or the provider refused, the provider does not answer, or its answer is not as it must be. */
export const failureOf = (error: unknown): "denied" | "provider_error" | "unreachable" | "invalid" => {
  if (error instanceof AuthorizationResponseError) return error.error === "access_denied" ? "denied" : "provider_error";
  if (error instanceof ResponseBodyError) return error.error === "server_error" ? "unreachable" : "provider_error";
  return isNetworkError(error) ? "unreachable" : "invalid";
};

/** The cause of a failed request is in the chain of causes. */
const isNetworkError = (error: unknown): boolean => {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each.name === "TimeoutError" || each.name === "AbortError") return true;
    if ("code" in each && NETWORK_CODES.test(String(each.code))) return true;
  }
  return false;
};

const NETWORK_CODES =
  /^(?:ECONN|EHOST|ENET|ENOTFOUND|ETIMEDOUT|EAI_|OAUTH_TIMEOUT|ConnectionRefused|FailedToOpenSocket|ConnectionClosed)/;
