import { describe, expect, test } from "bun:test";
import { normalise } from "../../../src/domain/output/plain-line.ts";
import { measureCpu } from "../../support/cpu-time.ts";

/** Pairs of lines with the same cause, by what differs. */
const SAME: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "names of pods": [
    ["pod web-7d4b9c6f5d-x2x9z is not ready", "pod web-7d4b9c6f5d-qk7vm is not ready"],
    ["web-7d4b9c6f5d-x2x9z 0/1 CrashLoopBackOff", "web-5c98f7b64-hq2lk 0/1 CrashLoopBackOff"],
    [
      'Error from server: pods "sync-28473910-x2x9z" not found',
      'Error from server: pods "sync-28475350-bcdfg" not found',
    ],
  ],
  commits: [
    ["error: could not apply a3f9c2e... fix", "error: could not apply 10ab33e... fix"],
    ["HEAD is now at a3f9c2e", "HEAD is now at deadbee"],
    [
      "fatal: bad object 8f14e45fceea167a5a36dedd4bea2543cccccccc",
      "fatal: bad object deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    ],
    ["deploy of a3f9c2e failed", "deploy of deadbee failed"],
    ["commit a3f9c2e is not signed", "commit deadbee is not signed"],
    ["fatal: no merge base of a3f9c2e..b81cc0d", "fatal: no merge base of deadbee..facadee"],
  ],
  "ids of requests": [
    ["AccessDenied (RequestId: 4BBE91F2XK0QZ9TN)", "AccessDenied (RequestId: 9ZK2C7V0M1QXW4RT)"],
    ["request id: req_8fKq2L9sXz failed", "request id: req_Zz71LmQpAa failed"],
    ["error trace_id=4bf92f3577b34da6 no route", "error trace_id=00f067aa0ba902b7 no route"],
    [
      "x-amz-id-2: eftixk72aD6Ap51TnqcoF8eFidJG9Z/2mkiDFu8yU9AS1ed4OpIszj7UDNEHGran",
      "x-amz-id-2: 0aD6Ap51TnqcoF8eFidJG9Z72mkiDFu8yU9AS1ed4OpIszj7UDNEHGranx",
    ],
    ["(request ID 7d444840-9dc0-11d1-b245-5ffdce74fad2)", "(request ID 6ba7b810-9dad-41d1-80b4-00c04fd430c8)"],
  ],
  "ULIDs and other random ids": [
    ["order 01ARZ3NDEKTSV4RRFFQ69G5FAV rejected", "order 01BX5ZZKBKACTAV9WEVGEMMVRZ rejected"],
    ["event 0ujtsYcgvSTl8PAuAdqWYSMnLOv lost", "event 0ujsszwN8NRY24YaXiTIE2VWDTS lost"],
    ["job 507f1f77bcf86cd799439011 gone", "job 5f2b8c9e1d3a4b5c6d7e8f90 gone"],
    ["charge ch_1A2b3C4d5E6f7G failed", "charge ch_9Z8y7X6w5V4u3T failed"],
  ],
  "IP addresses": [
    ["connect to 2001:db8::1 refused", "connect to 2001:db8:85a3::8a2e:370:7334 refused"],
    ["connect to [fe80::1%eth0]:443 refused", "connect to [fe80::abcd:12%eth0]:443 refused"],
    ["connect to 10.0.0.3 refused", "connect to 10.0.0.17 refused"],
    ["ssh: ip-10-0-3-17 is gone", "ssh: ip-10-0-12-200 is gone"],
  ],
  durations: [
    ["gave up after 1m30s", "gave up after 59.8s"],
    ["gave up after 250 ms", "gave up after 1 s"],
    ["gave up after 2 hours", "gave up after 1 hour 3 minutes"],
    ["gave up after 00:01:30", "gave up after 59.8s"],
    ["gave up after PT1M30S", "gave up after PT59S"],
  ],
  sizes: [
    ["only 512.0 MiB left", "only 900 KiB left"],
    ["only 1.5G left", "only 12K left"],
    ["wrote 1,024 bytes", "wrote 12 bytes"],
    ["memory limit 512Mi", "memory limit 2Gi"],
    ["at 12.3 MB/s", "at 900 kB/s"],
  ],
  "counts and places": [
    ["error: 17 rows rejected", "error: 9 rows rejected"],
    ["error: 503 rows rejected", "error: 401 rows rejected"],
    ["got 500 records", "got 404 records"],
    ["row 12 of 90: bad date", "row 77 of 91: bad date"],
    ["app.py:12: bad value", "app.py:40: bad value"],
    ["thread-12: died", "thread-7: died"],
    ["pool-1-thread-12: died", "pool-2-thread-7: died"],
    ["part-00017 is missing", "part-00003 is missing"],
    ["orders20260302.csv is empty", "orders20260303.csv is empty"],
    ["02-MAR-2026 load failed", "14-APR-2026 load failed"],
    ["20260302T0400Z load failed", "20260303T0415Z load failed"],
  ],
};

/** Pairs of lines with different causes, by what differs. */
const OTHER: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "the status of HTTP": [
    ["curl: (22) The requested URL returned error: 503", "curl: (22) The requested URL returned error: 401"],
    ["HTTP 503", "HTTP 404"],
    ['"GET /a HTTP/1.1" 503 12', '"GET /a HTTP/1.1" 401 12'],
    ["status=503", "status=401"],
    ['{"level":"error","statusCode":503}', '{"level":"error","statusCode":401}'],
    ["Request failed with status code 503", "Request failed with status code 401"],
    ["HTTPError: 403 Client Error", "HTTPError: 500 Client Error"],
    ["server responded with 502", "server responded with 403"],
    ["answered 503", "answered 401"],
    ["npm error 404 Not Found", "npm error 403 Not Found"],
  ],
  "the code of an error": [
    ["ORA-01653: error in job", "ORA-00942: error in job"],
    ["npm error code E404", "npm error code E401"],
    ["a.ts(3,1): error TS2304: x", "a.ts(3,1): error TS2345: x"],
    ["error[E0308]: x", "error[E0382]: x"],
    ["ERROR 1045 (28000): x", "ERROR 2002 (HY000): x"],
    ["SQLSTATE[42P01]: x", "SQLSTATE[23505]: x"],
    ["curl: (7) x", "curl: (28) x"],
    ["[Errno 2] x", "[Errno 13] x"],
    ["x (os error 2)", "x (os error 13)"],
    ["rpc error: code = 14 desc = x", "rpc error: code = 4 desc = x"],
    ["HRESULT: 0x80070005", "HRESULT: 0x80131500"],
    ["E11000 duplicate key", "E11600 duplicate key"],
    ["error:0A000086:SSL routines", "error:0A00010B:SSL routines"],
    ["Win32 error code -1073741819", "Win32 error code -1073741515"],
  ],
  "the exit status or the signal": [
    ["exit status 1", "exit status 137"],
    ["exited with 2", "exited with 127"],
    ["command failed (code 23)", "command failed (code 12)"],
    ["rc=2", "rc=3"],
    ["killed by signal 9", "killed by signal 15"],
  ],
  "a name": [
    ["cannot reach host web1", "cannot reach host web2"],
    ["cannot reach web1.example.com", "cannot reach web2.example.com"],
    ["cannot reach db-1", "cannot reach db-2"],
    ["cannot reach us-east-1", "cannot reach us-west-2"],
    ["worker box7 is gone", "worker box8 is gone"],
    ["no module named boto3", "no module named psycopg2"],
    ["localhost port 5432 refused", "localhost port 6379 refused"],
    ["10.0.0.3:5432 refused", "10.0.0.4:6379 refused"],
    ["no such bucket: s3", "no such bucket: gcs"],
    ["deadbeef", "facade"],
    ["no program prog-srv42", "no program prog-srv43"],
  ],
};

const pairsOf = (table: typeof SAME): readonly (readonly [string, string, string])[] =>
  Object.entries(table).flatMap(([what, pairs]) => pairs.map(([one, other]) => [what, one, other] as const));

describe("two lines", () => {
  test.each(pairsOf(SAME))("that differ in %s have the same cause: %s and %s", (_, one, other) => {
    expect(normalise(one)).toBe(normalise(other));
  });

  test.each(pairsOf(OTHER))("that differ in %s have different causes: %s and %s", (_, one, other) => {
    expect(normalise(one)).not.toBe(normalise(other));
  });

  test("are compared in bounded CPU time", () => {
    const units = [
      "a1-",
      "pod ",
      "error 1",
      "ab:",
      "1:",
      "x2x9z-",
      "1m",
      "status: ",
      "A-1",
      "request id ",
      "a.b1.",
      "1 KiB",
    ];
    const slow = units.filter((unit) => {
      const line = unit.repeat(Math.floor(2_000 / unit.length));
      const cpuMs = measureCpu();
      for (let count = 0; count < 300; count++) normalise(line);
      return cpuMs() > 1_500;
    });
    expect(slow).toEqual([]);
  });
});
