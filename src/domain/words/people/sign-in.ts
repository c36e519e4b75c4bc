import type { LoginFailure, SessionEnd } from "../../people/login.ts";

/** Says that somebody is known, but may do nothing. */
export const noRoleText = (name: string, contact: string | null): string =>
  `'${name}' is logged in, but has no role here; ${contact === null ? "an administrator of this petit can give one" : `ask ${contact} for one`}`;

type Login = {
  /** The host of the provider. */
  readonly host: string;
  /** Whom to ask for a role; null if that is not known. */
  readonly contact: string | null;
};

/** Says why a login at a provider failed. */
export const loginFailureText = (failure: LoginFailure, { host, contact }: Login): string => {
  const help = contact === null ? "an administrator of this petit can help" : `ask ${contact}`;
  const texts: Readonly<Record<LoginFailure, string>> = {
    denied: `${host} did not log you in: you or it refused.`,
    provider_error: `${host} answered with an error; the log of petit has it. Try again, or ${help}.`,
    unreachable: `${host} does not answer. Try again in a moment.`,
    invalid: `The answer of ${host} is not as it must be, so petit did not accept it; its log says why. Try again, or ${help}.`,
    expired: "The login was not begun in this browser, or took longer than 10 minutes. Log in again.",
    no_name: `${host} did not say who you are, or has not verified your e-mail address; ${help}.`,
    not_allowed: `Your account at ${host} is not one that this petit lets in; ${help}.`,
    no_role: `You are known to ${host}, but have no role here; ${contact === null ? "an administrator of this petit can give you one" : `ask ${contact} for one`}.`,
  };
  return texts[failure];
};

/** Says why a session at a provider has ended; null if there is nothing to say. */
export const sessionEndText: Readonly<Record<SessionEnd, string>> = {
  expired: "your login has expired",
  no_role: "your role was taken away",
  unknown: "your login was ended",
};
