import type { WebhookScheme } from "../../deliveries/trigger.ts";

/** What to enter at the provider of a webhook, beside its address. */
export const HOOK_SETUP = {
  github: "Settings → Webhooks: content type application/json, and the secret",
  gitea: "Settings → Webhooks → Gitea: content type application/json, and the secret",
  gitlab: "Settings → Webhooks: the secret as the secret token",
  stripe: "Developers → Webhooks: copy the signing secret (whsec_…) of the endpoint into the secret",
  slack: "Event Subscriptions: the request URL; copy the signing secret of the app into the secret",
  standard: "copy the signing secret (whsec_…) of the endpoint into the secret",
  hmac: "sign the body with the secret, and send the signature in the header",
  token: "send the token in the header",
} as const satisfies Record<WebhookScheme, string>;
