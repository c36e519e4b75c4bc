import { Elysia } from "elysia";
import type { ApiContext } from "../../context.ts";
import { auditRoutes } from "./audit.ts";
import { loginRoutes } from "./login.ts";
import { sessionRoutes } from "./session.ts";
import { tokenRoutes } from "./tokens.ts";

/** Routes for people: who they are, their tokens, and what they did. One plugin, because the compiler bounds how many a chain has. */
export const peopleRoutes = (context: ApiContext) =>
  new Elysia()
    .use(sessionRoutes(context))
    .use(loginRoutes(context))
    .use(tokenRoutes(context))
    .use(auditRoutes(context));
