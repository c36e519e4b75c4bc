import { LOGIN_FAILURES } from "../../domain/people/login.ts";
import { loginFailureText, sessionEndText } from "../../domain/words/people/sign-in.ts";
import type { OfferedWays } from "../data/session-store.ts";

/** The parameter by which petit says why a login at a provider failed. */
const FAILURE_PARAM = "sign_in";

/** The longest address that petit returns to. */
const MAX_RETURN_LENGTH = 1_000;

/** Returns why the last login failed, and removes it from the address: a reload or a bookmark says nothing about it. */
const takeFailure = (): string | null => {
  const url = new URL(location.href);
  const failure = url.searchParams.get(FAILURE_PARAM);
  if (failure === null) return null;
  url.searchParams.delete(FAILURE_PARAM);
  history.replaceState(history.state, "", url);
  return failure;
};

const failure = takeFailure();

const loginUrl = (): string => {
  const { pathname, search, hash } = location;
  const here = `${pathname}${search}${hash}`;
  return `/api/session/login?${new URLSearchParams({ return: here.length > MAX_RETURN_LENGTH ? pathname : here })}`;
};

/** Offers the login at the provider, and says why the last one failed or ended. */
export const ProviderLogin = ({ ways }: { readonly ways: OfferedWays }) => {
  const { provider, proxy, contact, ended } = ways;
  const known = LOGIN_FAILURES.find((each) => each === failure);
  const host = provider?.host ?? "";
  return (
    <div className="provider-login">
      {known !== undefined && provider !== null ? (
        <p className="wrong" role="alert">
          {loginFailureText(known, { host, contact })}
        </p>
      ) : (
        ended !== null && <p role="status">{sentence(sessionEndText[ended])}</p>
      )}
      {provider?.problem != null && (
        <p className="wrong">
          {host} can't be used at the moment: {provider.problem}
        </p>
      )}
      {provider !== null && (
        <a className="button button-primary" href={loginUrl()}>
          Sign in with {host}
        </a>
      )}
      {proxy && <p>Open this page through the proxy at which you log in: it tells petit who you are.</p>}
    </div>
  );
};

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
