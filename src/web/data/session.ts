import { isRefused } from "../../client/error.ts";
import { petit } from "./client.ts";
import { sessionStore } from "./session-store.ts";

/** The outcome of a login. `no_cookie`: the token is right, but the browser does not keep the cookie of the session. */
export type LoginResult = "ok" | "wrong_token" | "no_cookie";

/** Logs in with a token. petit sets a cookie, which the browser sends from all tabs. */
export const logIn = async (token: string): Promise<LoginResult> => {
  if (!(await isAccepted(petit.post("/api/session", { body: { token } })))) return "wrong_token";
  if (!(await isAccepted(petit.get("/api/session")))) return "no_cookie";
  sessionStore.noteLogin();
  return "ok";
};

const isAccepted = (request: Promise<unknown>): Promise<boolean> =>
  request.then(
    () => true,
    (error: unknown) => {
      if (isRefused(error, "UNAUTHORIZED")) return false;
      throw error;
    },
  );

/** Ends the session of this browser. */
export const logOut = async (): Promise<void> => {
  await petit.delete("/api/session");
  sessionStore.noteLogout();
};
