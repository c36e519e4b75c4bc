import type { ApiDocument } from "../../../api/docs/document.ts";
import type { Row, Topic } from "./topic.ts";

export const api: Topic = {
  name: "api",
  summary: "The HTTP API: every method and path, and how it fails",
  parts: async (context) => {
    // They bring the server, which no other topic needs.
    const [{ describeApi }, { openLog }] = await Promise.all([
      import("../../../app/api-description.ts"),
      import("../../../app/logger.ts"),
    ]);
    const log = openLog({ level: "silent", format: "json", color: false, journal: false });
    const { info, paths } = await describeApi({ ...context, log });
    return [
      {
        text: `${info.description} A running petit shows all of it, with examples, at /api/docs and, as OpenAPI 3.1, at /api/openapi.json.`,
      },
      { title: "Methods and paths", rows: operationRows(paths) },
      { title: "Failures", rows: await failureRows() },
      {
        title: "From a shell",
        lines: [
          'curl -X POST \'http://localhost:8565/api/jobs/greet/trigger?wait=10\' -d \'{"params": {"name": "Ada"}}\'',
          'curl -H "Authorization: Bearer $(cat token)" https://petit.example.com/api/runs?limit=5',
        ],
      },
    ];
  },
};

const operationRows = (paths: ApiDocument["paths"]): readonly Row[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary }]): Row => [`${method.toUpperCase()} ${path}`, summary]),
  );

const failureRows = async (): Promise<readonly Row[]> => {
  const { FAILURE_STATUS, FAILURES } = await import("../../../api/shapes/failure.ts");
  return Object.entries(FAILURES).map(([code, { description }]): Row => {
    const status = Object.entries(FAILURE_STATUS).find(([each]) => each === code)?.[1];
    return [`${status} ${code}`, description ?? ""];
  });
};
