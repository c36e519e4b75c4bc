import { Elysia, t } from "elysia";
import { METRICS_TYPE, type Metrics } from "../metrics/metrics.ts";
import { failures } from "../shapes/failure.ts";

const EXAMPLE = `# HELP petit_runs_total Runs that have ended, by job, status and trigger.
# TYPE petit_runs_total counter
petit_runs_total{job_id="hello_world",status="completed",trigger="schedule"} 12
`;

const MetricsText = t.String({
  description: "The text format of Prometheus",
  "x-content": { "text/plain": { example: EXAMPLE } },
});

export const metricsRoutes = (metrics: Pick<Metrics, "text">) =>
  new Elysia().get(
    "/metrics",
    async () => new Response(await metrics.text(), { headers: { "content-type": METRICS_TYPE } }),
    {
      response: { 200: MetricsText, ...failures() },
      detail: {
        operationId: "getMetrics",
        tags: ["scheduler"],
        summary: "Get metrics for Prometheus",
        description:
          "Counters start with the process, and a removed job keeps its series until the process ends. If petit requires a token, " +
          "send it with `authorization: {credentials_file: …}` in the scrape configuration.",
      },
    },
  );
