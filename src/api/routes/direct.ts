/**
 * A handler whose answer is at hand. Elysia judges by a handler's text whether it answers a promise, takes `=> call()` for
 * one that does, and then makes one, which costs a seventh of a small answer; a bound function shows no text.
 */
export const direct = <Params, Answer>(handler: (context: { readonly params: Params }) => Answer): typeof handler =>
  handler.bind(null);
