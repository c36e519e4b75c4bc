import { networkInterfaces } from "node:os";
import { PetitError } from "../../domain/errors.ts";
import { ApiError } from "../errors.ts";

export type HostOptions = {
  /** Address that petit is bound to. */
  readonly host: string;
  /** Name of this machine. */
  readonly hostname: string;
  /** Further names that petit is served under. */
  readonly allowedHosts: readonly string[];
};

/**
 * Returns a check of the `Host` header; it throws `FORBIDDEN` if petit is not served under that name. A page whose name
 * resolves to this machine (DNS rebinding) sends its own name. The port is ignored, because port forwarding changes it.
 */
export const createHostCheck = (options: HostOptions): ((request: Request) => void) => {
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

/** Maximum of remembered headers: a loopback name can be written in many ways. */
const MAX_SEEN = 64;

const ownNames = ({ host, hostname, allowedHosts }: HostOptions): ((name: string) => boolean) => {
  const names = new Set([host, ...allowedHosts].map((name) => hostName(name) ?? hostName(`[${name}]`)));
  if (!isLoopback(host)) names.add(hostName(hostname));
  const isAnyAddress = WILDCARDS.has(host);
  return (name) => isLoopback(name) || names.has(name) || (isAnyAddress && isOwnAddress(name));
};

const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]"]);

/** Returns true if `name` is a current address of this machine. */
const isOwnAddress = (name: string): boolean =>
  Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => name === address || name === hostName(`[${address}]`)),
  );

/** Returns true for `localhost`, 127.0.0.0/8 and ::1, with or without brackets. */
export const isLoopback = (host: string): boolean => {
  const name = host.toLowerCase();
  return name === "localhost" || name === "::1" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
};

/**
 * Returns the name in a Host header: without the port and the final dot, in lower case, an IPv6 address in its short form.
 * Returns null if the header is not one name: empty, or two headers that the runtime joined with a comma.
 */
const hostName = (host: string): string | null => {
  const match = /^(?:([A-Za-z0-9._-]+?)\.?|(\[[0-9A-Fa-f:.]+\]))(?::\d{1,5})?$/.exec(host);
  // The pattern accepts ports and addresses that are out of range.
  if (match === null || !URL.canParse(`http://${host}/`)) return null;
  return match[1]?.toLowerCase() ?? shortAddress(match[2] ?? "");
};

const shortAddress = (bracketed: string): string | null => URL.parse(`http://${bracketed}/`)?.hostname ?? null;

const foreignHost = (host: string | null): ApiError =>
  new ApiError(
    "FORBIDDEN",
    host === null || host === ""
      ? "the request has no Host header"
      : `petit is not served under the Host '${host.slice(0, 100)}'; --allowed-host allows a name`,
  );

/** Throws `invalid_request` if other machines could reach an API without a token. */
export const refuseOpenBind = (host: string, hasToken: boolean): void => {
  if (hasToken || isLoopback(host)) return;
  throw new PetitError(
    "invalid_request",
    `--api-host ${host} lets other machines reach the API, but no token is set; ` +
      "create one with 'petit tokens create NAME --role admin', or with 'petit token petit.token' and give --token-file petit.token, or set PETIT_API_TOKEN",
  );
};
