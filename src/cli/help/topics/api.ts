import type { ApiDocument } from "../../../api/docs/openapi-types.ts";
import type { Topic, TopicRow } from "./topic.ts";

export const api: Topic = {
  name: "api",
  summary: "HTTP API reference: methods, paths, errors",
  sections: async (context) => {
    // Loaded here because they import the HTTP server, which no other topic needs.
    const [{ describeApi }, { openLog }] = await Promise.all([
      import("../../../app/api-description.ts"),
      import("../../../app/logger.ts"),
    ]);
    const log = openLog({ level: "silent", format: "json", color: false, journal: false });
    const { settings, origins, runtime, clock, version } = context;
    const { info, paths } = await describeApi({ settings, origins, runtime, clock, log, version });
    return [
      {
        text: `${info.description} A running petit serves the full reference with examples at /api/docs, and OpenAPI 3.1 at /api/openapi.json.`,
      },
      { title: "Methods and paths", rows: operationRows(paths) },
      { title: "Errors", rows: await failureRows() },
      {
        title: "Examples",
        lines: [
          'curl -X POST \'http://localhost:8565/api/jobs/greet/trigger?wait=10\' -d \'{"params": {"name": "Ada"}}\'',
          'curl -H "Authorization: Bearer $(petit token --print --token-file token)" https://petit.example.com/api/runs?limit=5',
        ],
      },
    ];
  },
};

const operationRows = (paths: ApiDocument["paths"]): readonly TopicRow[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary }]): TopicRow => [`${method.toUpperCase()} ${path}`, summary]),
  );

const failureRows = async (): Promise<readonly TopicRow[]> => {
  const { FAILURE_STATUS, FAILURES } = await import("../../../api/shapes/failure.ts");
  return Object.entries(FAILURES).map(([code, { description }]): TopicRow => {
    const status = Object.entries(FAILURE_STATUS).find(([each]) => each === code)?.[1];
    return [`${status} ${code}`, description ?? ""];
  });
};
