import { describe, expect, test } from "bun:test";
import { createRouteFinder } from "../../src/api/route-finder.ts";

const find = createRouteFinder([
  "GET /api/jobs",
  "GET /api/jobs/:job_id",
  "POST /api/jobs/sync",
  "POST /api/jobs/:job_id/pause",
  "GET /api/runs/:run_id/artifacts",
  "GET /api/runs/:run_id/artifacts/*",
  "GET /metrics",
]);

describe("the route of a request", () => {
  test.each([
    ["GET", "/api/jobs", "GET /api/jobs"],
    ["GET", "/api/jobs/", "GET /api/jobs"],
    ["GET", "/api/jobs/sync", "GET /api/jobs/:job_id"],
    ["POST", "/api/jobs/sync", "POST /api/jobs/sync"],
    ["POST", "/api/jobs/sync/pause", "POST /api/jobs/:job_id/pause"],
    ["POST", "/api/jobs/%00/pause/", "POST /api/jobs/:job_id/pause"],
    ["GET", "/api/runs/x/artifacts", "GET /api/runs/:run_id/artifacts"],
    ["GET", "/api/runs/x/artifacts/a", "GET /api/runs/:run_id/artifacts/*"],
    ["GET", "/api/runs/x/artifacts/a/b/", "GET /api/runs/:run_id/artifacts/*"],
    ["GET", "/metrics", "GET /metrics"],
  ] as const)("%s %s is %s", (method, path, route) => {
    expect(find(method, path)).toBe(route);
  });

  test.each([
    ["PUT", "/api/jobs"],
    ["POST", "/api/jobs"],
    ["GET", ""],
    ["GET", "/"],
    ["GET", "//api/jobs"],
    ["GET", "/api/jobs//"],
    ["GET", "/api/jobs/a/b"],
    ["POST", "/api/jobs//pause"],
    ["GET", "/API/jobs"],
    ["GET", "/api/%6aobs"],
    ["GET", "/api"],
  ])("%s %s is none", (method, path) => {
    expect(find(method, path)).toBeNull();
  });
});
