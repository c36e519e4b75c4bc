import { createHash, timingSafeEqual } from "node:crypto";
import { isPersonName } from "../domain/people/person.ts";
import type { ProxySettings } from "../domain/people/sign-in.ts";
import { addressSet, plainAddress } from "../lib/network/addresses.ts";

/** What a request says that comes from a proxy, or claims to. Null stands for a header that is missing. */
export type ProxyClaim = {
  /** The address that sent the request; null if it has disconnected. */
  readonly peer: string | null;
  readonly secret: string | null;
  readonly user: string | null;
  readonly groups: string | null;
  /** The addresses that the request came through, as `X-Forwarded-For` has them. */
  readonly forwardedFor: string | null;
};

/** What a proxy has said. */
export type ProxyStatement = {
  /** Whom the proxy has identified; null if nobody is logged in there. */
  readonly person: ProxyPerson | null;
  /** The address of the client. */
  readonly address: string;
};

export type ProxyPerson = { readonly name: string; readonly groups: readonly string[] };

/** Why a claim is refused. `user`: the name is not that of one person. */
export type RefusedClaim = { readonly refused: "foreign_address" | "no_secret" | "wrong_secret" | "user" };

export type ProxyOptions = {
  readonly settings: ProxySettings;
  /** Returns what the proxy proves itself with. */
  readonly secret: () => string;
};

/** Judges what requests say about people whom a proxy has identified. */
export class ProxySignIn {
  readonly settings: ProxySettings;
  readonly #secret: () => string;
  readonly #isTrusted: (address: string) => boolean;

  constructor({ settings, secret }: ProxyOptions) {
    this.settings = settings;
    this.#secret = secret;
    const trusted = addressSet(settings.from);
    this.#isTrusted = (address) => trusted.has(address);
  }

  judge(claim: ProxyClaim): ProxyStatement | RefusedClaim {
    const { peer, secret, user, groups, forwardedFor } = claim;
    if (peer === null || !this.#isTrusted(peer)) return { refused: "foreign_address" };
    if (secret === null || secret === "") return { refused: "no_secret" };
    // Digests have the same length, so the time of the comparison reveals nothing about the secret.
    if (!timingSafeEqual(digestOf(secret), digestOf(this.#secret()))) return { refused: "wrong_secret" };
    const name = trimmed(textOf(user ?? ""));
    // A comma is what joins the values of a header that was sent twice. The empty text is nobody.
    if (name !== "" && (name.includes(",") || !isPersonName(name))) return { refused: "user" };
    const listed = textOf(groups ?? "").split(",");
    const person = name === "" ? null : { name, groups: listed.map(trimmed).filter((group) => group !== "") };
    return { person, address: this.#clientOf(peer, forwardedFor ?? "") };
  }

  /** Returns the last address of the way that is not one of the proxy. What is before it is what a client may have made up. */
  #clientOf(peer: string, forwardedFor: string): string {
    let client = plainAddress(peer) ?? peer;
    for (const hop of forwardedFor.split(",").toReversed()) {
      const address = plainAddress(hop);
      if (address === null) break;
      client = address;
      if (!this.#isTrusted(address)) break;
    }
    return client;
  }
}

/** Returns a text without the spaces and tabs that HTTP allows around a value. Other spaces belong to it. */
const trimmed = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "");

/** Runtimes return the bytes of a header as characters. */
const textOf = (value: string): string => {
  try {
    return UTF8.decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
  } catch {
    return value;
  }
};

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
