import { networkInterfaces } from "node:os";
import { PetitError } from "../../domain/errors.ts";
import { ApiError } from "../errors.ts";

export type HostOptions = {
  /** The address that petit is bound to. */
  readonly host: string;
  /** This machine's name. */
  readonly hostname: string;
  readonly allowedHosts: readonly string[];
};

/**
 * Throws `FORBIDDEN` where the Host of a request is not a name that petit is served under. A page whose name was made to
 * point at this machine (DNS rebinding) sends its own name. The port is not looked at: a forwarded one differs.
 */
export const hostCheck = (options: HostOptions): ((request: Request) => void) => {
  const isOwn = ownNames(options);
  const seen = new Set<string>();
  return (request) => {
    const host = request.headers.get("host");
    if (host !== null && seen.has(host)) return;
    const name = host === null ? null : hostName(host);
    if (name === null || !isOwn(name)) throw foreignHost(host);
    if (seen.size < MAX_SEEN) seen.add(host ?? "");
  };
};

/** Bounds what is remembered: a loopback name can be written in many ways. */
const MAX_SEEN = 64;

const ownNames = ({ host, hostname, allowedHosts }: HostOptions): ((name: string) => boolean) => {
  const names = new Set([host, ...allowedHosts].map((name) => hostName(name) ?? hostName(`[${name}]`)));
  if (!isLoopback(host)) names.add(hostName(hostname));
  const isAnyAddress = WILDCARDS.has(host);
  return (name) => isLoopback(name) || names.has(name) || (isAnyAddress && isOwnAddress(name));
};

const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]"]);

/** Whether an address is one of this machine's, as they are now. */
const isOwnAddress = (name: string): boolean =>
  Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => name === address || name === hostName(`[${address}]`)),
  );

/** `localhost`, 127.0.0.0/8 and ::1, with or without brackets. */
export const isLoopback = (host: string): boolean => {
  const name = host.toLowerCase();
  return name === "localhost" || name === "::1" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
};

/**
 * The name of a Host header, without the port and the root's dot, in lower case and an IPv6 address in its short form.
 * Null where it is not one name: empty, or two headers that the runtime joined by a comma.
 */
const hostName = (host: string): string | null => {
  const match = /^(?:([A-Za-z0-9._-]+?)\.?|(\[[0-9A-Fa-f:.]+\]))(?::\d{1,5})?$/.exec(host);
  // Digits alone don't make a port, nor an address.
  if (match === null || !URL.canParse(`http://${host}/`)) return null;
  return match[1]?.toLowerCase() ?? shortAddress(match[2] ?? "");
};

const shortAddress = (bracketed: string): string | null => URL.parse(`http://${bracketed}/`)?.hostname ?? null;

const foreignHost = (host: string | null): ApiError =>
  new ApiError(
    "FORBIDDEN",
    host === null || host === ""
      ? "the request has no Host"
      : `petit is not served under the Host '${host.slice(0, 100)}'; --allowed-host names further ones`,
  );

/** Throws `invalid_request` where others than this machine could reach an API without a token. */
export const refuseOpenBind = (host: string, token: string | null): void => {
  if (token === "") throw new PetitError("invalid_request", "the API's token is empty");
  if (token !== null || isLoopback(host)) return;
  throw new PetitError(
    "invalid_request",
    `--api-host ${host} lets other machines reach the API, and no token is set; ` +
      "make one with 'petit token petit.token' and give --token-file petit.token, or set PETIT_API_TOKEN",
  );
};
